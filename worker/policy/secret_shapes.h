#ifndef WORKER_POLICY_SECRET_SHAPES_H
#define WORKER_POLICY_SECRET_SHAPES_H

/*
 * What tokens, keys and passwords look like. Two ways to know one: the shape that its maker gave it (a prefix, an
 * alphabet, a length), and a name such as "api_key" with a value behind it that no person makes up. Both leave out what
 * is plainly an example. Pure; the time is linear in the text.
 */

#include "common/str.h"

enum {
	SECRETS_OF_LINE_MAX = 16, /* found in one line; the rest of it is not looked at */
	SECRET_LINE_MAX = 64 << 10,
};

struct secret {
	const char *what; /* "a GitHub token" */
	struct str value;
	size_t at; /* in the line */
};

/* A text is looked at line by line, since a key begins on one and is known by the next. Zeroed to begin with. */
struct secret_scan {
	bool is_binary;  /* shapes alone: names with values are for texts that people write */
	bool has_header; /* the line before began a private key */
};

/* *ret_before: the finding belongs to the line before. Returns how many there are. */
size_t secrets_in_line(
	struct secret_scan *scan, struct str line, struct secret ret[static SECRETS_OF_LINE_MAX], bool *ret_before);

/* Shannon's, in bits a character, from the characters' frequencies in the text itself. */
double secret_entropy(struct str text);

#endif
