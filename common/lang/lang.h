#ifndef COMMON_LANG_LANG_H
#define COMMON_LANG_LANG_H

/*
 * The pipeline language: from a file's text to a checked struct pipeline. Pure: no clock, no disk; other files come
 * through the loader. The server, `penstock lint` and `penstock plan` all come through here, so they report the same.
 */

#include "common/err.h"
#include "common/lang/errors.h"
#include "common/lang/pipeline.h"

struct lang_loader {
	void *arg;
	/*
	 * The text that `extends: NAME` (version is empty: a file of the same commit first, then a template) or
	 * `use: NAME@VERSION` (a template) builds on. *ret_file is the name for error messages; both live as long as
	 * the arena. false: there is none, and err says so.
	 */
	bool (*load)(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
		const char **ret_file, struct err *err);
};

/*
 * Reads, merges and checks the pipeline file `file` with this text. false: errors (its arena set by the caller) holds
 * at least one error, *ret is untouched. loader may be NULL: then `extends` and `use` are errors. text and file must
 * live as long as the arena.
 */
bool lang_load(struct str text, const char *file, const struct lang_loader *loader, struct arena *arena,
	const struct pipeline **ret, struct lang_errors *errors);

/* "ci" for ".penstock/ci.yaml". */
struct str lang_name_of_file(const char *file);

/* The JSON Schema (draft-07) of the language, as text ending in a line end. The caller frees. */
char *lang_schema_json(void);
/* The reference tables of docs/language.md, in Markdown. The caller frees. */
char *lang_reference_markdown(void);

#endif
