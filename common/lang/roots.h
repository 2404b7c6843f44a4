#ifndef COMMON_LANG_ROOTS_H
#define COMMON_LANG_ROOTS_H

/*
 * The names and functions that expressions of a pipeline file may use: the checker, the planner and docs/language.md
 * read this one table.
 */

#include "common/str.h"

enum lang_known {
	LANG_KNOWN_AT_PLANNING, /* the planner resolves it */
	LANG_KNOWN_IN_RUN,      /* kept in the plan until the run gets there */
	LANG_KNOWN_AT_DEPLOY,   /* of one target of an environment stage; kept too */
};

struct lang_root {
	const char *name;
	const char *const *fields; /* NULL: they depend on the file (inputs.X), or there are none (version) */
	enum lang_known known;
	const char *help; /* one sentence, Markdown */
};

/* Both end with a NULL name. */
extern const struct lang_root lang_roots[];
extern const struct lang_root lang_functions[];

const struct lang_root *lang_find_root(const struct lang_root *roots, struct str name); /* NULL: unknown */

#endif
