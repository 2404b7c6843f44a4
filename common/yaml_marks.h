#ifndef COMMON_YAML_MARKS_H
#define COMMON_YAML_MARKS_H

/*
 * A YAML stream as a tree that knows which bytes hold each value, for those who change a file that other programs read.
 * So it takes what YAML allows (several documents, tags, anchors, merge keys, doubled keys) and judges nothing, but for
 * ceilings on size, depth and number. yaml.h is the strict reader of Penstock's own files. Pure; all in the arena.
 */

#include "common/arena.h"
#include "common/err.h"

enum { YAML_MARKS_BYTES_MAX = 1 << 20, YAML_MARKS_DEPTH_MAX = 100, YAML_MARKS_NODES_MAX = 200000 };

enum marked_kind { MARKED_TEXT, MARKED_LIST, MARKED_MAP, MARKED_ALIAS };

struct marked_node {
	enum marked_kind kind;
	int32_t line;      /* from 1 */
	size_t start, end; /* of a text: its bytes in the file, with anchor, tag and quotes */
	bool is_plain;     /* a text without quotes */
	bool is_block;     /* a text written with | or > */
	bool is_double;    /* a text in double quotes */
	bool is_in_flow;   /* inside [] or {} */
	bool is_shared;    /* its anchor is used by an alias */
	struct str text;   /* of a text; of an alias its anchor's name */
	struct str anchor, tag;
	struct marked_node **keys;  /* of a map, in the order of the file */
	struct marked_node **items; /* of a list; of a map its values */
	size_t count;
};

struct marked_file {
	struct marked_node **documents;
	size_t count;
};

/* ERR_INVALID with the line, ERR_TOO_LARGE. */
bool yaml_marks_read(struct str text, struct marked_file *ret, struct arena *arena, struct err *err);

#endif
