#ifndef COMMON_LANG_ERRORS_H
#define COMMON_LANG_ERRORS_H

/*
 * What is wrong with a pipeline file: all of it, not only the first. Each error has its place; they are kept in the
 * order of the file. Past LANG_ERRORS_MAX further ones are only counted.
 */

#include "common/arena.h"
#include "common/lang/pipeline.h"

#include <jansson.h>

struct lang_error {
	struct lang_place at;
	struct str message; /* `unknown key "gates" in a stage; did you mean "gate"?` */
};

enum { LANG_ERRORS_MAX = 50 };

struct lang_errors {
	struct arena *arena; /* set by the owner; everything else starts at zero */
	struct lang_error *items;
	size_t count;
	size_t left_out;
};

/* Returns false, so that a caller can write `return lang_error_add(...)`. The same message at the same place is kept
 * once. */
bool lang_error_add(struct lang_errors *errors, struct lang_place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The place of the byte at `offset` of the text, or of the text where that cannot be told. */
struct lang_place lang_text_place(const struct lang_text *text, size_t offset);
/* By file (`first_file` before the others), line and column. */
void lang_errors_sort(struct lang_errors *errors, const char *first_file);
/* `.penstock/ci.yaml:14:7: unknown key ...`, without a line end. */
struct str lang_error_text(const struct lang_error *error, struct arena *arena);
/* {file, line, column, message} each, added to a list. */
void lang_errors_describe(const struct lang_errors *errors, json_t *list);

#endif
