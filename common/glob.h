#ifndef COMMON_GLOB_H
#define COMMON_GLOB_H

/*
 * Globs over paths, branch and tag names, target names: `*` and `?` stay within one part, `**` crosses `/`, `[a-z]`
 * classes,
 * `{a,b}` choices; a list is matched in order and a leading `!` takes matches out again. Linear in the text: no
 * backtracking blow-up.
 */

#include "common/err.h"
#include "common/str.h"

/* "**" "/" and so on are refused with a reason when they could never match (an unclosed class, an empty pattern). */
bool glob_check(struct str pattern, struct err *err);
bool glob_match(struct str pattern, struct str text);
/* The last pattern that matches decides; a list of `!` patterns alone starts from "all". An empty list matches nothing.
 */
bool glob_list_match(const struct str_list *patterns, struct str text);

#endif
