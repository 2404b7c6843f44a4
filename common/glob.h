#ifndef COMMON_GLOB_H
#define COMMON_GLOB_H

/*
 * Globs over paths, branch and tag names, target names. `*` and `?` stay within one part; `**` crosses `/`, and a part
 * that is only `**` also stands for no part at all ("a/" "**" "/b" matches "a/b"); `[a-z]` and `[!a-z]` are classes,
 * `{a,b}` choices, `\` takes the next character as it is. In a list the last pattern that matches decides, and a
 * leading `!` takes matches out again.
 *
 * The time is bounded by length of the pattern times length of the text: no backtracking, so a pattern from a
 * repository can never hang the server. Pure; no allocation.
 */

#include "common/err.h"
#include "common/str.h"

enum { GLOB_BYTES_MAX = 256 };

/* Refuses, with a reason and a way out, a pattern that is malformed or could never match. A leading `!` is allowed. */
bool glob_check(struct str pattern, struct err *err);
/* The whole text against one pattern, without `!`. A pattern that glob_check() refuses matches nothing. */
bool glob_match(struct str pattern, struct str text);
/* A list of `!` patterns alone starts from "all". An empty list matches nothing. */
bool glob_list_match(const struct str_list *patterns, struct str text);

#endif
