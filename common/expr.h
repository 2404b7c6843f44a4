#ifndef COMMON_EXPR_H
#define COMMON_EXPR_H

/*
 * The expression language of pipelines, conditions and webhook rules: a subset of CEL
 * (https://github.com/google/cel-spec). It has no loops, no recursion and no side effects; parsing bounds length and
 * depth, texts and regular expressions have ceilings, so evaluation always ends, soon. Pure: names and functions come
 * from the caller's scope. Everything made lives in the given arena.
 *
 * Literals (1, 1.5, 'text', "text", r"raw text", true, false, null, [lists]), names, a.b, a["b"], ! - * / % + - < <= >
 * >= == != in && || ?:, has(a.b), size(), int(), double(), string(), and the text methods startsWith, endsWith,
 * contains, matches, lowerAscii, upperAscii. && and || absorb an error of one side where the other decides, as CEL
 * does.
 *
 * Whole numbers that overflow, divisions by zero and mixing whole with other numbers in arithmetic are errors.
 * Comparing different kinds is an error too (CEL's type checker says the same), except with null and between the two
 * kinds of number: in a pipeline `matrix.shard == 1` that is quietly false would quietly skip a job.
 */

#include "common/fields.h"

enum { EXPR_BYTES_MAX = 64 * 1024, EXPR_DEPTH_MAX = 64, EXPR_PATH_MAX = 16, EXPR_TEXT_MAX = 1024 * 1024 };

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
			const char *owner;              /* whose map it is, for messages; NULL: its path says so */
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
	/* For expr_reduce() alone: whether this path (a.b.c) or function has no value yet. NULL: all have one. */
	bool (*is_later)(void *arg, const struct str *path, size_t count, bool is_call);
};

/* ret_error_at: offset of the fault in the text. */
bool expr_parse(struct str text, struct arena *arena, const struct expr **ret, size_t *ret_error_at, struct err *err);
bool expr_eval(const struct expr *expr, const struct expr_scope *scope, struct arena *arena, struct expr_value *ret,
	struct err *err);
/* bool as it is; anything else is an error: conditions are not "truthy". */
bool expr_is_true(const struct expr_value *value, bool *ret, struct err *err);
/* "" for null; lists and maps as in JSON. */
struct str expr_to_text(const struct expr_value *value, struct arena *arena);

/* Evaluates what the scope knows now, and leaves the rest: literals take the place of what is known, and && || ?: are
 * cut to the side that still matters. */
bool expr_reduce(const struct expr *expr, const struct expr_scope *scope, struct arena *arena, const struct expr **ret,
	struct err *err);
/* Whether it holds no name and no call any more; ret is its value then. */
bool expr_is_literal(const struct expr *expr, struct expr_value *ret);
/* The text of an expression, such that parsing it gives the same again. */
struct str expr_print(const struct expr *expr, struct arena *arena);

/* Calls `seen` for each path (a.b.c, as far as it is constant) and for each function, built-in ones too. */
void expr_walk(const struct expr *expr, void (*seen)(void *arg, const struct str *path, size_t count, bool is_call),
	void *arg);

/* Shorthands for scopes. */
struct expr_value expr_bool(bool truth);
struct expr_value expr_int(int64_t number);
struct expr_value expr_text(struct str text);
struct expr_value expr_of_pairs(const struct pair_list *pairs, struct arena *arena); /* a map of texts */
/* Any JSON: objects as maps, in order. */
struct expr_value expr_of_json(const json_t *json, struct arena *arena);

/* A text with ${{ }}: parts of plain text and expressions. */
struct expr_template;
bool expr_template_parse(
	struct str text, struct arena *arena, const struct expr_template **ret, size_t *ret_error_at, struct err *err);
bool expr_template_has_expr(const struct expr_template *template);
void expr_template_walk(const struct expr_template *template,
	void (*seen)(void *arg, const struct str *path, size_t count, bool is_call), void *arg);
bool expr_template_render(const struct expr_template *template, const struct expr_scope *scope, struct arena *arena,
	struct str *ret, struct err *err);
/* As expr_reduce(): the result is a template again. A "${{" that a value holds comes out as an expression that gives
 * just these characters, so a value can never become code when the rest is rendered. */
bool expr_template_reduce(const struct expr_template *template, const struct expr_scope *scope, struct arena *arena,
	struct str *ret, struct err *err);
/* The template that renders to exactly this text. */
struct str expr_template_quote(struct str text, struct arena *arena);

#endif
