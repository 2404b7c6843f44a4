// links: penstock_common
// max_len: 1024
/*
 * Expressions and templates: the input is one expression, and a template too. What is parsed prints as a text that
 * gives the same again, in form and in value; evaluating what is known first and the rest later gives what evaluating
 * all at once gives; a quoted text renders to itself.
 */
#include "common/expr.h"
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

/* `jobs` and success() have no value before the run. */
static const char world[] =
	"{\"event\": {\"branch\": \"main\", \"count\": 3, \"ratio\": 0.5, \"is_draft\": false, \"tag\": null,"
	" \"labels\": [\"bug\", \"web\"], \"least\": -9223372036854775808},"
	" \"inputs\": {\"n\": 7, \"evil\": \"${{ secret }}\"}, \"jobs\": {\"a\": {\"outputs\": {\"x\": \"1\"}}}, \"nothing\": null}";

static bool get_name(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	const json_t *value = json_object_getn(arg, name.p, name.n);
	if (!value)
		return err_set(err, ERR_NOT_FOUND, "unknown name \"%.*s\"", STR_ARG(name));
	*ret = expr_of_json(value, arena);
	return true;
}

static bool call(void *arg, struct str name, const struct expr_value *args, size_t count, struct arena *arena,
	struct expr_value *ret, struct err *err)
{
	(void)arg, (void)args, (void)arena;
	if (!str_is(name, "success") && !str_is(name, "count"))
		return err_set(err, ERR_NOT_FOUND, "unknown function %.*s()", STR_ARG(name));
	*ret = str_is(name, "success") ? expr_bool(true) : expr_int((int64_t)count);
	return true;
}

static bool is_later(void *arg, const struct str *path, size_t count, bool is_call)
{
	(void)arg, (void)count;
	return str_is(path[0], is_call ? "success" : "jobs");
}

static void check_equal(const struct expr *a, const struct expr *b, const struct expr_scope *scope, struct arena *arena)
{
	struct expr_value x = {0}, y = {0};
	struct err err = {0};
	if (!expr_eval(a, scope, arena, &x, NULL))
		return;
	if (!expr_eval(b, scope, arena, &y, &err))
		BUG("%.*s: %s", STR_ARG(expr_print(b, arena)), err.text);
	if (x.kind != y.kind || !str_eq(expr_to_text(&x, arena), expr_to_text(&y, arena)))
		BUG("%.*s is \"%.*s\", not \"%.*s\"", STR_ARG(expr_print(b, arena)), STR_ARG(expr_to_text(&y, arena)),
			STR_ARG(expr_to_text(&x, arena)));
}

static void try_print(const struct expr *expr, const struct expr_scope *scope, struct arena *arena)
{
	const struct expr *again;
	struct str text = expr_print(expr, arena);
	struct err err;
	size_t at;
	if (text.n > EXPR_BYTES_MAX)
		return;
	if (!expr_parse(text, arena, &again, &at, &err))
		BUG("printed as %.*s, which at %zu fails: %s", STR_ARG(text), at, err.text);
	check_equal(expr, again, scope, arena);
	/* Except for the brackets around the least whole number, which no literal can say. */
	struct str second = expr_print(again, arena);
	if (str_eq(second, text))
		return;
	BUG_ON(!expr_parse(second, arena, &again, &at, &err));
	if (!str_eq(expr_print(again, arena), second))
		BUG("%.*s prints as %.*s", STR_ARG(second), STR_ARG(expr_print(again, arena)));
}

static void try_expr(struct str text, const struct expr_scope *scope)
{
	auto_arena arena = {0};
	const struct expr *expr, *reduced;
	struct expr_value value;
	struct err err = {0};
	size_t at = 0;
	if (!expr_parse(text, &arena, &expr, &at, &err)) {
		BUG_ON(at > text.n || err.kind == ERR_NONE);
		return;
	}
	try_print(expr, scope, &arena);
	if (!expr_reduce(expr, scope, &arena, &reduced, &err))
		return;
	/* A whole map has no literal: whoever reduces to one wants its text, not its expression. */
	if (!expr_is_literal(reduced, &value) || (value.kind != EXPR_MAP && value.kind != EXPR_LIST))
		try_print(reduced, scope, &arena);
	check_equal(expr, reduced, scope, &arena);
}

static void try_template(struct str text, const struct expr_scope *scope)
{
	auto_arena arena = {0};
	const struct expr_template *template, *again;
	struct str whole, reduced, later;
	struct err err = {0};
	size_t at = 0;
	if (!expr_template_parse(text, &arena, &template, &at, &err)) {
		BUG_ON(at > text.n || err.kind == ERR_NONE);
		return;
	}
	bool has_value = expr_template_render(template, scope, &arena, &whole, NULL);
	if (!expr_template_reduce(template, scope, &arena, &reduced, &err))
		return;
	if (!expr_template_parse(reduced, &arena, &again, &at, &err))
		BUG("reduced to %.*s, which at %zu fails: %s", STR_ARG(reduced), at, err.text);
	if (!has_value)
		return;
	if (!expr_template_render(again, scope, &arena, &later, &err))
		BUG("reduced to %.*s: %s", STR_ARG(reduced), err.text);
	if (!str_eq(whole, later))
		BUG("%.*s gives \"%.*s\", not \"%.*s\"", STR_ARG(reduced), STR_ARG(later), STR_ARG(whole));
}

static void try_quote(struct str text, const struct expr_scope *scope)
{
	auto_arena arena = {0};
	const struct expr_template *template;
	struct str quoted = expr_template_quote(text, &arena), rendered;
	struct err err;
	size_t at;
	if (!expr_template_parse(quoted, &arena, &template, &at, &err) ||
		!expr_template_render(template, scope, &arena, &rendered, &err))
		BUG("quoted as %.*s: %s", STR_ARG(quoted), err.text);
	BUG_ON(!str_eq(rendered, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_auto_t *json = json_loads(world, 0, NULL);
	struct expr_scope scope = {.arg = json, .name = get_name, .call = call, .is_later = is_later};
	struct str text = fuzz_input(data, size);
	try_expr(text, &scope);
	try_template(text, &scope);
	try_quote(text, &scope);
	return 0;
}
