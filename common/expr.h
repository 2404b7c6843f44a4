#ifndef COMMON_EXPR_H
#define COMMON_EXPR_H

/*
 * The expression language of pipelines, conditions and webhook rules: a subset of CEL
 * (https://github.com/google/cel-spec). It has no loops, no recursion and no side effects; parsing bounds the depth and
 * evaluation the work, so it always terminates. Pure: names and functions come from the caller's scope.
 *
 * Literals (numbers, 'text', "text", true, false, null, [lists]), names, a.b, a["b"], ! - * / % + - < <= > >= == != in
 * && || ?:, size(), and the text methods startsWith, endsWith, contains, matches, lowerAscii, upperAscii. && and ||
 * absorb an error of one side where the other decides, as CEL does. Comparing different kinds with == is false,
 * ordering them is an error.
 */

#include "common/fields.h"

enum expr_kind { EXPR_NULL, EXPR_BOOL, EXPR_INT, EXPR_FLOAT, EXPR_TEXT, EXPR_LIST, EXPR_MAP };

struct expr_value {
	enum expr_kind kind;
	union {
		bool truth;
		int64_t number;
		double real;
		struct str text;
		struct {
			const struct expr_value *items; /* a map: name, value, name, value ... */
			size_t count;                   /* items of a list, pairs of a map */
		};
	};
};

struct expr; /* parsed; lives in the arena it was parsed into */

struct expr_scope {
	void *arg;
	/* A name that stands alone or before the first dot. false and err: unknown, with a suggestion. */
	bool (*name)(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err);
	/* success(), changed("a", "b") and so on: those that are not built in. */
	bool (*call)(void *arg, struct str name, const struct expr_value *args, size_t count, struct arena *arena,
		struct expr_value *ret, struct err *err);
};

/* ret_error_at: offset of the fault in the text. */
bool expr_parse(struct str text, struct arena *arena, const struct expr **ret, size_t *ret_error_at, struct err *err);
bool expr_eval(const struct expr *expr, const struct expr_scope *scope, struct arena *arena, struct expr_value *ret,
	struct err *err);
/* bool as it is; anything else is an error: conditions are not "truthy". */
bool expr_is_true(const struct expr_value *value, bool *ret, struct err *err);
struct str expr_to_text(const struct expr_value *value, struct arena *arena);

/* Calls `seen` for each path (a.b.c, as far as it is constant) and function used. */
void expr_walk(const struct expr *expr, void (*seen)(void *arg, const struct str *path, size_t count, bool is_call),
	void *arg);

/* A text with ${{ }}: parts of plain text and expressions. */
struct expr_template;
bool expr_template_parse(
	struct str text, struct arena *arena, const struct expr_template **ret, size_t *ret_error_at, struct err *err);
bool expr_template_has_expr(const struct expr_template *template);
void expr_template_walk(const struct expr_template *template,
	void (*seen)(void *arg, const struct str *path, size_t count, bool is_call), void *arg);
bool expr_template_render(const struct expr_template *template, const struct expr_scope *scope, struct arena *arena,
	struct str *ret, struct err *err);

#endif
