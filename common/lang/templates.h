#ifndef COMMON_LANG_TEMPLATES_H
#define COMMON_LANG_TEMPLATES_H

/*
 * The pipelines that ship with Penstock (pipelines/), compiled in: what `extends: NAME` finds when the commit has no
 * such file, and what `use: NAME@VERSION` names. There is one version of each, "1".
 */

#include "common/arena.h"
#include "common/err.h"

struct lang_shipped {
	const char *name;
	const char *file; /* for error messages */
	struct str text;
};

extern const struct lang_shipped lang_shipped_templates[]; /* ends with a NULL name */

/* version: "" or "1". ERR_NOT_FOUND suggests. The text is static. */
bool lang_template(struct str name, struct str version, struct str *ret_text, const char **ret_file, struct err *err);

#endif
