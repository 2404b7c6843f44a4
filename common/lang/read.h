#ifndef COMMON_LANG_READ_H
#define COMMON_LANG_READ_H

/*
 * From a YAML tree to the structs of pipeline.h, by the tables of block.h. What is wrong is reported and left unset, so
 * that everything else of the file is still read and checked. Private to common/lang.
 */

#include "common/lang/block.h"
#include "common/lang/errors.h"
#include "common/yaml.h"

struct lang_reader {
	const char *file;
	struct arena *arena;
	struct lang_errors *errors;
};

/* The tree of a text, NULL for one without content. What is wrong is reported, true or not. */
bool lang_read_yaml(struct lang_reader *reader, struct str text, const struct yaml_node **ret);
/* Reads `node` as the block into *out, which is zeroed. */
void lang_read_block(
	struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *node, void *out);
/* One value of a kind that is neither a block nor a list of them. */
void lang_read_value(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, void *out);

struct lang_place lang_place_of(const struct lang_reader *reader, const struct yaml_node *node);
/* Reports a value of the wrong kind: `"jobs" in a stage must be a mapping of names, not a list`. */
void lang_refuse_kind(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, const char *wanted);
/* false, and an error, when a list or mapping has too many entries. */
bool lang_check_count(struct lang_reader *reader, const struct yaml_node *node);

#endif
