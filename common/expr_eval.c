#include "common/expr_node.h"

#include "common/regex.h"

#include <math.h>
#include <string.h>

struct evaluation {
	const struct expr_scope *scope;
	struct arena *arena;
	struct err *err;
};

static bool eval(struct evaluation *in, const struct expr *expr, struct expr_value *ret);

static const char *const kind_names[] = {
	[EXPR_NULL] = "null",
	[EXPR_BOOL] = "true or false",
	[EXPR_INT] = "a whole number",
	[EXPR_FLOAT] = "a number",
	[EXPR_TEXT] = "a text",
	[EXPR_LIST] = "a list",
	[EXPR_MAP] = "a map",
};

static bool is_number(const struct expr_value *value)
{
	return value->kind == EXPR_INT || value->kind == EXPR_FLOAT;
}

static double to_real(const struct expr_value *value)
{
	return value->kind == EXPR_INT ? (double)value->number : value->real;
}

/* A float never leaves the range of what can be written down: no infinity, no NaN. */
static bool give_real(struct evaluation *in, double real, struct expr_value *ret)
{
	if (!isfinite(real))
		return err_set(in->err, ERR_INVALID, "the number is too large");
	*ret = (struct expr_value){.kind = EXPR_FLOAT, .real = real};
	return true;
}

static bool fail_kinds(struct evaluation *in, const char *verb, const struct expr_value *a, const struct expr_value *b)
{
	return err_set(in->err, ERR_INVALID, "cannot %s %s and %s", verb, kind_names[a->kind], kind_names[b->kind]);
}

/* An int against a float without losing bits of the int. */
static int compare_numbers(const struct expr_value *a, const struct expr_value *b)
{
	if (a->kind == EXPR_INT && b->kind == EXPR_INT)
		return (a->number > b->number) - (a->number < b->number);
	long double x = a->kind == EXPR_INT ? (long double)a->number : (long double)a->real;
	long double y = b->kind == EXPR_INT ? (long double)b->number : (long double)b->real;
	return (x > y) - (x < y);
}

static bool find_key(const struct expr_value *map, struct str key, struct expr_value *ret)
{
	for (size_t i = 0; i < map->count; i++) {
		if (!str_eq(map->items[2 * i].text, key))
			continue;
		*ret = map->items[2 * i + 1];
		return true;
	}
	return false;
}

static bool are_equal(struct evaluation *in, const struct expr_value *a, const struct expr_value *b, bool *ret);

static bool are_all_equal(struct evaluation *in, const struct expr_value *a, const struct expr_value *b, bool *ret)
{
	*ret = a->count == b->count;
	for (size_t i = 0; *ret && i < a->count; i++) {
		struct expr_value other;
		if (a->kind == EXPR_LIST) {
			if (!are_equal(in, &a->items[i], &b->items[i], ret))
				return false;
		} else if (!find_key(b, a->items[2 * i].text, &other)) {
			*ret = false;
		} else if (!are_equal(in, &a->items[2 * i + 1], &other, ret)) {
			return false;
		}
	}
	return true;
}

static bool are_equal(struct evaluation *in, const struct expr_value *a, const struct expr_value *b, bool *ret)
{
	if (is_number(a) && is_number(b)) {
		*ret = compare_numbers(a, b) == 0;
		return true;
	}
	if (a->kind != b->kind) {
		*ret = false;
		if (a->kind == EXPR_NULL || b->kind == EXPR_NULL)
			return true;
		bool has_text = a->kind == EXPR_TEXT || b->kind == EXPR_TEXT;
		return err_set(in->err, ERR_INVALID, "cannot compare %s with %s%s", kind_names[a->kind],
			kind_names[b->kind], has_text ? "; a text is written in quotes" : "");
	}
	switch (a->kind) {
	case EXPR_NULL:
		*ret = true;
		return true;
	case EXPR_BOOL:
		*ret = a->truth == b->truth;
		return true;
	case EXPR_TEXT:
		*ret = str_eq(a->text, b->text);
		return true;
	case EXPR_LIST:
	case EXPR_MAP:
		return are_all_equal(in, a, b, ret);
	case EXPR_INT:
	case EXPR_FLOAT:
		break;
	}
	BUG("expression value of kind %d", (int)a->kind);
}

static bool eval_in(struct evaluation *in, const struct expr_value *item, const struct expr_value *all, bool *ret)
{
	struct expr_value value;
	if (all->kind == EXPR_MAP && item->kind == EXPR_TEXT) {
		*ret = find_key(all, item->text, &value);
		return true;
	}
	if (all->kind != EXPR_LIST)
		return err_set(in->err, ERR_INVALID, "behind \"in\" stands a list, not %s%s", kind_names[all->kind],
			all->kind == EXPR_TEXT ? "; write text.contains(part)" : "");
	bool is_mixed = false, is_found = false;
	for (size_t i = 0; i < all->count && !is_found; i++)
		if (!are_equal(in, item, &all->items[i], &is_found))
			is_mixed = true;
	*ret = is_found;
	return is_found || !is_mixed; /* in->err holds why from are_equal() */
}

static bool eval_order(
	struct evaluation *in, enum expr_op op, const struct expr_value *a, const struct expr_value *b, bool *ret)
{
	int order;
	if (is_number(a) && is_number(b))
		order = compare_numbers(a, b);
	else if (a->kind == EXPR_TEXT && b->kind == EXPR_TEXT)
		order = str_compare(a->text, b->text);
	else
		return fail_kinds(in, "order", a, b);
	*ret = op == EXPR_OP_LESS         ? order < 0
	       : op == EXPR_OP_LESS_EQUAL ? order <= 0
	       : op == EXPR_OP_GREATER    ? order > 0
					  : order >= 0;
	return true;
}

static bool eval_whole(struct evaluation *in, enum expr_op op, int64_t a, int64_t b, struct expr_value *ret)
{
	int64_t result = 0;
	bool overflows = false, divides = op == EXPR_OP_DIVIDE || op == EXPR_OP_MODULO;
	if (divides && b == 0)
		return err_set(in->err, ERR_INVALID, "division by zero");
	if (divides && a == INT64_MIN && b == -1)
		overflows = true;
	else if (op == EXPR_OP_ADD)
		overflows = __builtin_add_overflow(a, b, &result);
	else if (op == EXPR_OP_SUBTRACT)
		overflows = __builtin_sub_overflow(a, b, &result);
	else if (op == EXPR_OP_MULTIPLY)
		overflows = __builtin_mul_overflow(a, b, &result);
	else
		result = op == EXPR_OP_DIVIDE ? a / b : a % b;
	if (overflows)
		return err_set(in->err, ERR_INVALID, "the whole number is too large");
	*ret = expr_int(result);
	return true;
}

static bool join_texts(struct evaluation *in, struct str a, struct str b, struct expr_value *ret)
{
	if (a.n + b.n > EXPR_TEXT_MAX)
		return err_set(in->err, ERR_INVALID, "the text is longer than %d bytes", EXPR_TEXT_MAX);
	char *p = arena_alloc(in->arena, a.n + b.n + 1);
	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	*ret = expr_text((struct str){p, a.n + b.n});
	return true;
}

static bool eval_arithmetic(struct evaluation *in, enum expr_op op, const struct expr_value *a,
	const struct expr_value *b, struct expr_value *ret)
{
	static const char *const verbs[] = {
		[EXPR_OP_ADD] = "add",
		[EXPR_OP_SUBTRACT] = "subtract",
		[EXPR_OP_MULTIPLY] = "multiply",
		[EXPR_OP_DIVIDE] = "divide",
		[EXPR_OP_MODULO] = "take the remainder of",
	};
	if (a->kind == EXPR_INT && b->kind == EXPR_INT)
		return eval_whole(in, op, a->number, b->number, ret);
	if (op == EXPR_OP_ADD && a->kind == EXPR_TEXT && b->kind == EXPR_TEXT)
		return join_texts(in, a->text, b->text, ret);
	if (op == EXPR_OP_ADD && (a->kind == EXPR_TEXT || b->kind == EXPR_TEXT))
		return err_set(in->err, ERR_INVALID, "cannot add %s and %s; string() makes a text of a value",
			kind_names[a->kind], kind_names[b->kind]);
	if (is_number(a) && is_number(b) && a->kind != b->kind)
		return err_set(in->err, ERR_INVALID,
			"cannot %s a whole and another number; write double() around the whole one", verbs[op]);
	if (a->kind != EXPR_FLOAT || b->kind != EXPR_FLOAT || op == EXPR_OP_MODULO)
		return fail_kinds(in, verbs[op], a, b);
	if (op == EXPR_OP_DIVIDE && fpclassify(b->real) == FP_ZERO)
		return err_set(in->err, ERR_INVALID, "division by zero");
	double x = a->real, y = b->real;
	return give_real(in,
		op == EXPR_OP_ADD        ? x + y
		: op == EXPR_OP_SUBTRACT ? x - y
		: op == EXPR_OP_MULTIPLY ? x * y
					 : x / y,
		ret);
}

/* && and ||: `decider` is the truth that settles the result whatever the other side is, an error included. */
static bool eval_logic(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	bool decider = expr->op == EXPR_OP_OR, left, right;
	struct expr_value value;
	struct err left_err = {0}, *outer = in->err;
	in->err = &left_err;
	bool has_left = eval(in, expr->args[0], &value) && expr_is_true(&value, &left, &left_err);
	in->err = outer;
	if (has_left && left == decider) {
		*ret = expr_bool(decider);
		return true;
	}
	bool has_right = eval(in, expr->args[1], &value) && expr_is_true(&value, &right, in->err);
	if (has_right && (has_left || right == decider)) {
		*ret = expr_bool(right);
		return true;
	}
	return has_left ? false : err_set(in->err, left_err.kind, "%s", left_err.text);
}

static bool eval_binary(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	struct expr_value a, b;
	bool truth = false, is_fine;
	if (!eval(in, expr->args[0], &a) || !eval(in, expr->args[1], &b))
		return false;
	if (expr->op == EXPR_OP_EQUAL || expr->op == EXPR_OP_NOT_EQUAL) {
		is_fine = are_equal(in, &a, &b, &truth);
		truth = truth == (expr->op == EXPR_OP_EQUAL);
	} else if (expr->op == EXPR_OP_IN) {
		is_fine = eval_in(in, &a, &b, &truth);
	} else if (expr->op >= EXPR_OP_LESS && expr->op <= EXPR_OP_GREATER_EQUAL) {
		is_fine = eval_order(in, expr->op, &a, &b, &truth);
	} else {
		return eval_arithmetic(in, expr->op, &a, &b, ret);
	}
	if (is_fine)
		*ret = expr_bool(truth);
	return is_fine;
}

static bool eval_unary(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	struct expr_value value;
	bool truth;
	if (!eval(in, expr->args[0], &value))
		return false;
	if (expr->op == EXPR_OP_NOT) {
		if (!expr_is_true(&value, &truth, in->err))
			return false;
		*ret = expr_bool(!truth);
		return true;
	}
	if (value.kind == EXPR_INT)
		return eval_whole(in, EXPR_OP_SUBTRACT, 0, value.number, ret);
	if (value.kind == EXPR_FLOAT)
		return give_real(in, -value.real, ret);
	return err_set(in->err, ERR_INVALID, "cannot negate %s", kind_names[value.kind]);
}

/* Names the whole path where there is one: "event.tga". */
static bool fail_missing(struct evaluation *in, const struct expr *expr, const struct expr_value *map, struct str key)
{
	struct str path[EXPR_PATH_MAX], nearest, of = {0};
	size_t count = expr_path(expr, path);
	for (size_t i = 0; i + 1 < count; i++)
		of = arena_printf(in->arena, "%.*s%s%.*s", STR_ARG(of), i ? "." : "", STR_ARG(path[i]));
	struct str_list keys = {.items = arena_array(in->arena, struct str, map->count)};
	for (; keys.count < map->count; keys.count++)
		keys.items[keys.count] = map->items[2 * keys.count].text;
	of = arena_printf(
		in->arena, "\"%.*s\"%s%s", STR_ARG(of), map->owner ? " of " : "", map->owner ? map->owner : "");
	if (str_list_nearest(&keys, key, &nearest))
		return err_set(in->err, ERR_NOT_FOUND, "%.*s has no \"%.*s\"; did you mean \"%.*s\"?", STR_ARG(of),
			STR_ARG(str_brief(key, 80)), STR_ARG(nearest));
	return err_set(in->err, ERR_NOT_FOUND, "%.*s has no \"%.*s\"", STR_ARG(of), STR_ARG(str_brief(key, 80)));
}

static bool eval_field(struct evaluation *in, const struct expr *expr, const struct expr_value *map, struct str key,
	struct expr_value *ret)
{
	if (map->kind != EXPR_MAP)
		return err_set(
			in->err, ERR_INVALID, "%s has no \"%.*s\"", kind_names[map->kind], STR_ARG(str_brief(key, 80)));
	return find_key(map, key, ret) || fail_missing(in, expr, map, key);
}

static bool eval_index(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	struct expr_value all, index;
	if (!eval(in, expr->args[0], &all) || !eval(in, expr->args[1], &index))
		return false;
	if (index.kind == EXPR_TEXT)
		return eval_field(in, expr, &all, index.text, ret);
	if (all.kind != EXPR_LIST || index.kind != EXPR_INT)
		return fail_kinds(in, "take an item of", &all, &index);
	if (index.number < 0 || (uint64_t)index.number >= all.count)
		return err_set(in->err, ERR_INVALID, "the list has %zu items, so [%lld] is none of them", all.count,
			(long long)index.number);
	*ret = all.items[index.number];
	return true;
}

static bool eval_has(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	const struct expr *field = expr->args[0];
	struct expr_value map, value;
	if (!eval(in, field->args[0], &map))
		return false;
	*ret = expr_bool(map.kind == EXPR_MAP && find_key(&map, field->name, &value));
	return true;
}

static bool call_size(struct evaluation *in, const struct expr_value *value, struct expr_value *ret)
{
	if (value->kind == EXPR_LIST || value->kind == EXPR_MAP) {
		*ret = expr_int((int64_t)value->count);
		return true;
	}
	if (value->kind != EXPR_TEXT)
		return err_set(in->err, ERR_INVALID, "%s has no size", kind_names[value->kind]);
	int64_t characters = 0;
	for (struct str rest = value->text; rest.n; characters++)
		str_next_char(&rest);
	*ret = expr_int(characters);
	return true;
}

static bool call_int(struct evaluation *in, const struct expr_value *value, struct expr_value *ret)
{
	int64_t number;
	if (value->kind == EXPR_INT)
		number = value->number;
	else if (value->kind == EXPR_FLOAT && value->real > -9.2e18 && value->real < 9.2e18)
		number = (int64_t)value->real;
	else if (value->kind != EXPR_TEXT || !str_to_i64(value->text, &number))
		return err_set(in->err, ERR_INVALID, "int(): this %s is no whole number",
			value->kind == EXPR_TEXT ? "text" : "value");
	*ret = expr_int(number);
	return true;
}

static bool call_double(struct evaluation *in, const struct expr_value *value, struct expr_value *ret)
{
	double real;
	if (is_number(value))
		real = to_real(value);
	else if (value->kind != EXPR_TEXT || !str_to_f64(value->text, &real))
		return err_set(in->err, ERR_INVALID, "double(): this %s is no number",
			value->kind == EXPR_TEXT ? "text" : "value");
	return give_real(in, real, ret);
}

static bool call_string(struct evaluation *in, const struct expr_value *value, struct expr_value *ret)
{
	struct str text = expr_to_text(value, in->arena);
	return join_texts(in, text, (struct str){0}, ret);
}

static const struct {
	const char *name;
	bool (*call)(struct evaluation *in, const struct expr_value *value, struct expr_value *ret);
} functions[] = {{"size", call_size}, {"int", call_int}, {"double", call_double}, {"string", call_string}};

static bool eval_args(struct evaluation *in, const struct expr *expr, const struct expr_value **ret)
{
	struct expr_value *values = arena_array(in->arena, struct expr_value, expr->count);
	for (size_t i = 0; i < expr->count; i++)
		if (!eval(in, expr->args[i], &values[i]))
			return false;
	*ret = values;
	return true;
}

static bool eval_call(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	const struct expr_value *values;
	if (str_is(expr->name, "has"))
		return eval_has(in, expr, ret);
	if (!eval_args(in, expr, &values))
		return false;
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		if (!str_is(expr->name, functions[i].name))
			continue;
		if (expr->count != 1)
			return err_set(in->err, ERR_INVALID, "%s() takes one value", functions[i].name);
		return functions[i].call(in, values, ret);
	}
	if (!in->scope->call)
		return err_set(in->err, ERR_NOT_FOUND, "unknown function %.*s()", STR_ARG(expr->name));
	return in->scope->call(in->scope->arg, expr->name, values, expr->count, in->arena, ret, in->err);
}

static struct str change_case(struct evaluation *in, struct str text, bool to_upper)
{
	char *p = arena_alloc(in->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], first = to_upper ? 'a' : 'A';
		p[i] = c >= first && c < first + 26 ? (char)(c ^ 0x20) : c;
	}
	return (struct str){p, text.n};
}

static bool check_method(struct evaluation *in, const struct expr *expr, const struct expr_value *values, int *ret)
{
	if (!enum_from_name(expr_method_names, expr->name, ret))
		BUG("method %.*s", STR_ARG(expr->name));
	size_t expected = *ret >= EXPR_LOWER_ASCII ? 1 : 2;
	if (expr->count != expected)
		return err_set(in->err, ERR_INVALID, ".%s() takes %s", expr_method_names[*ret],
			expected == 1 ? "nothing in its brackets" : "one text");
	for (size_t i = 0; i < expected; i++)
		if (values[i].kind != EXPR_TEXT)
			return err_set(in->err, ERR_INVALID, ".%s() works on texts, not on %s", expr_method_names[*ret],
				kind_names[values[i].kind]);
	return true;
}

static bool eval_method(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	const struct expr_value *values;
	int method;
	size_t at;
	bool truth;
	if (!eval_args(in, expr, &values) || !check_method(in, expr, values, &method))
		return false;
	struct str text = values[0].text, other = expr->count > 1 ? values[1].text : (struct str){0};
	switch ((enum expr_method)method) {
	case EXPR_STARTS_WITH:
		*ret = expr_bool(str_starts(text, other));
		return true;
	case EXPR_ENDS_WITH:
		*ret = expr_bool(str_ends(text, other));
		return true;
	case EXPR_CONTAINS:
		*ret = expr_bool(str_find(text, other, &at));
		return true;
	case EXPR_MATCHES:
		if (!regex_match(other, text, false, &truth, in->err))
			return false;
		*ret = expr_bool(truth);
		return true;
	case EXPR_LOWER_ASCII:
	case EXPR_UPPER_ASCII:
		*ret = expr_text(change_case(in, text, method == EXPR_UPPER_ASCII));
		return true;
	}
	BUG("method %d", method);
}

static bool eval_choose(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	struct expr_value condition;
	bool truth;
	return eval(in, expr->args[0], &condition) && expr_is_true(&condition, &truth, in->err) &&
	       eval(in, expr->args[truth ? 1 : 2], ret);
}

static bool eval(struct evaluation *in, const struct expr *expr, struct expr_value *ret)
{
	struct expr_value map;
	switch (expr->op) {
	case EXPR_OP_LITERAL:
		*ret = expr->value;
		return true;
	case EXPR_OP_LIST:
		*ret = (struct expr_value){.kind = EXPR_LIST, .count = expr->count};
		return eval_args(in, expr, &ret->items);
	case EXPR_OP_NAME:
		if (!in->scope->name)
			return err_set(in->err, ERR_NOT_FOUND, "unknown name \"%.*s\"", STR_ARG(expr->name));
		return in->scope->name(in->scope->arg, expr->name, in->arena, ret, in->err);
	case EXPR_OP_FIELD:
		return eval(in, expr->args[0], &map) && eval_field(in, expr, &map, expr->name, ret);
	case EXPR_OP_INDEX:
		return eval_index(in, expr, ret);
	case EXPR_OP_CALL:
		return eval_call(in, expr, ret);
	case EXPR_OP_METHOD:
		return eval_method(in, expr, ret);
	case EXPR_OP_NOT:
	case EXPR_OP_NEGATE:
		return eval_unary(in, expr, ret);
	case EXPR_OP_CHOOSE:
		return eval_choose(in, expr, ret);
	case EXPR_OP_OR:
	case EXPR_OP_AND:
		return eval_logic(in, expr, ret);
	case EXPR_OP_LESS:
	case EXPR_OP_LESS_EQUAL:
	case EXPR_OP_GREATER:
	case EXPR_OP_GREATER_EQUAL:
	case EXPR_OP_EQUAL:
	case EXPR_OP_NOT_EQUAL:
	case EXPR_OP_IN:
	case EXPR_OP_ADD:
	case EXPR_OP_SUBTRACT:
	case EXPR_OP_MULTIPLY:
	case EXPR_OP_DIVIDE:
	case EXPR_OP_MODULO:
		return eval_binary(in, expr, ret);
	}
	BUG("expression node of kind %d", (int)expr->op);
}

bool expr_eval(const struct expr *expr, const struct expr_scope *scope, struct arena *arena, struct expr_value *ret,
	struct err *err)
{
	struct evaluation in = {scope, arena, err};
	struct expr_value value;
	if (!eval(&in, expr, &value))
		return false;
	*ret = value;
	return true;
}

bool expr_is_true(const struct expr_value *value, bool *ret, struct err *err)
{
	if (value->kind != EXPR_BOOL)
		return err_set(err, ERR_INVALID, "a condition is true or false, not %s; compare it with something",
			kind_names[value->kind]);
	*ret = value->truth;
	return true;
}
