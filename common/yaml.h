#ifndef COMMON_YAML_H
#define COMMON_YAML_H

/*
 * A YAML text as a tree that knows where everything stands. It is stricter than YAML where leniency hides mistakes:
 * one document, no duplicate keys, no tags, no merge keys (`<<`), only texts as keys, UTF-8 without control and
 * direction-changing characters, and ceilings on size, depth and what aliases expand to. Values stay texts (`on`, `yes`
 * and `1.10` are what was written); whoever wants another type asks, and is_plain tells a null or number from a quoted
 * text. An anchor that is used twice is one shared node. Pure; the tree lives in the arena.
 */

#include "common/arena.h"

enum {
	YAML_BYTES_MAX = 1 << 20,
	YAML_DEPTH_MAX = 48,
	YAML_NODES_MAX = 100000, /* counted with every alias expanded */
	YAML_ALIASES_MAX = 1000,
};

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int32_t line;   /* from 1 */
	int32_t column; /* from 1, in characters */
	bool is_plain;  /* text without quotes and not a block: only these are null, numbers or booleans */
	/* Columns from `column` to the first character of a text that stands in one line of the file exactly as its
	 * value reads; -1 where it does not (escapes, several lines). */
	int8_t lead;
	struct str text;
	struct yaml_node **keys;  /* of a map: texts, in the order of the file */
	struct yaml_node **items; /* of a list; of a map its values */
	size_t count;
	size_t expanded; /* nodes below and with this one, aliases expanded */
	int32_t height;
};

struct yaml_fault {
	int32_t line;
	int32_t column;
	struct str message;
};

struct yaml_faults {
	struct yaml_fault *items;
	size_t count;
};

/*
 * true: *ret is the root, NULL for an empty text. There may be faults nonetheless (duplicate keys, tags, merge keys):
 * the tree then leaves out what they name, so that a reader can go on and find more. false: there is no tree, and the
 * last fault says why.
 */
bool yaml_read(struct str text, struct arena *arena, const struct yaml_node **ret, struct yaml_faults *faults);

/* Empty, `~` or `null`, without quotes. */
bool yaml_is_null(const struct yaml_node *node);
/* The value of a key of a map, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
