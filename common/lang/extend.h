#ifndef COMMON_LANG_EXTEND_H
#define COMMON_LANG_EXTEND_H

/* `extends`, `use`, `with` and `skip`: a file on top of another one. Private to common/lang. */

#include "common/lang/block.h"
#include "common/lang/errors.h"
#include "common/lang/lang.h"

enum { LANG_EXTENDS_MAX = 8 };

struct lang_loading {
	const struct lang_loader *loader; /* may be NULL */
	struct arena *arena;
	struct lang_errors *errors;
	const char *files[LANG_EXTENDS_MAX]; /* from the outermost file to the one being read */
	size_t depth;
};

/* Reads one file by itself. NULL: it is no YAML or no mapping, and errors say so. */
struct pipeline *lang_read_file(struct lang_loading *loading, struct str text, const char *file);
/* Reads what the file builds on, and what that builds on, and merges. false: it could not; *pipeline stays as it is. */
bool lang_extend(struct lang_loading *loading, struct pipeline **pipeline);

/* Puts what `over` says onto `base`, by the table's flags; both live in the arena and may share memory afterwards. */
void lang_merge(const struct lang_block *block, void *base, const void *over, struct arena *arena);

#endif
