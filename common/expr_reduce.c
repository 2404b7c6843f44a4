#include "common/expr_node.h"

struct reduction {
	const struct expr_scope *scope;
	struct arena *arena;
	struct err *err;
};

static const struct expr *reduce(struct reduction *in, const struct expr *expr);

bool expr_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.n > 0;
}

const struct expr *expr_literal(struct expr_value value, struct arena *arena)
{
	struct expr *literal = arena_new(arena, struct expr);
	*literal = (struct expr){.op = EXPR_OP_LITERAL, .depth = 1, .value = value};
	return literal;
}

bool expr_is_literal(const struct expr *expr, struct expr_value *ret)
{
	if (expr->op != EXPR_OP_LITERAL)
		return false;
	*ret = expr->value;
	return true;
}

size_t expr_path(const struct expr *expr, struct str path[static EXPR_PATH_MAX])
{
	size_t fields = 0;
	const struct expr *root = expr;
	for (; root->op == EXPR_OP_FIELD; root = root->args[0])
		fields++;
	if (root->op != EXPR_OP_NAME)
		return 0;
	path[0] = root->name;
	for (size_t i = fields; i > 0; i--, expr = expr->args[0])
		if (i < EXPR_PATH_MAX)
			path[i] = expr->name;
	return fields < EXPR_PATH_MAX ? fields + 1 : EXPR_PATH_MAX;
}

void expr_walk(
	const struct expr *expr, void (*seen)(void *arg, const struct str *path, size_t count, bool is_call), void *arg)
{
	struct str path[EXPR_PATH_MAX];
	size_t count = expr_path(expr, path);
	if (count) {
		seen(arg, path, count, false);
		return;
	}
	if (expr->op == EXPR_OP_CALL)
		seen(arg, &expr->name, 1, true);
	for (size_t i = 0; i < expr->count; i++)
		expr_walk(expr->args[i], seen, arg);
}

struct search {
	const struct expr_scope *scope;
	bool is_found;
};

static void look(void *arg, const struct str *path, size_t count, bool is_call)
{
	struct search *search = arg;
	if (search->scope->is_later(search->scope->arg, path, count, is_call))
		search->is_found = true;
}

static bool needs_later(const struct reduction *in, const struct expr *expr)
{
	struct search search = {.scope = in->scope};
	if (in->scope->is_later)
		expr_walk(expr, look, &search);
	return search.is_found;
}

static bool holds_map(const struct expr_value *value)
{
	if (value->kind != EXPR_LIST)
		return value->kind == EXPR_MAP;
	for (size_t i = 0; i < value->count; i++)
		if (holds_map(&value->items[i]))
			return true;
	return false;
}

static const struct expr *reduce_args(struct reduction *in, const struct expr *expr)
{
	const struct expr **args = arena_array(in->arena, const struct expr *, expr->count);
	for (size_t i = 0; i < expr->count; i++) {
		struct expr_value value;
		args[i] = reduce(in, expr->args[i]);
		if (!args[i])
			return NULL;
		if (!expr_is_literal(args[i], &value) || !holds_map(&value))
			continue;
		err_set(in->err, ERR_INVALID,
			"a whole map cannot stand beside what only the run knows; name one of its fields");
		return NULL;
	}
	struct expr *copy = arena_new(in->arena, struct expr);
	*copy = *expr;
	copy->args = args;
	return copy;
}

/* One side may be known: either it settles the result, or the other side is the result. */
static const struct expr *reduce_logic(struct reduction *in, const struct expr *expr)
{
	const struct expr *sides = reduce_args(in, expr);
	if (!sides)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		struct expr_value value;
		bool truth;
		if (!expr_is_literal(sides->args[i], &value))
			continue;
		if (!expr_is_true(&value, &truth, in->err))
			return NULL;
		return truth == (expr->op == EXPR_OP_OR) ? sides->args[i] : sides->args[1 - i];
	}
	return sides;
}

static const struct expr *reduce_choose(struct reduction *in, const struct expr *expr)
{
	const struct expr *condition = reduce(in, expr->args[0]);
	struct expr_value value;
	bool truth;
	if (!condition)
		return NULL;
	if (!expr_is_literal(condition, &value))
		return reduce_args(in, expr);
	if (!expr_is_true(&value, &truth, in->err))
		return NULL;
	return reduce(in, expr->args[truth ? 1 : 2]);
}

static const struct expr *reduce(struct reduction *in, const struct expr *expr)
{
	struct str path[EXPR_PATH_MAX];
	if (!needs_later(in, expr)) {
		struct expr_value value;
		return expr_eval(expr, in->scope, in->arena, &value, in->err) ? expr_literal(value, in->arena) : NULL;
	}
	if (expr->op == EXPR_OP_AND || expr->op == EXPR_OP_OR)
		return reduce_logic(in, expr);
	if (expr->op == EXPR_OP_CHOOSE)
		return reduce_choose(in, expr);
	/* a.b.c is looked up as a whole: that `a.b` alone might be known says nothing. has(a.b) needs its a.b too. */
	bool is_has = expr->op == EXPR_OP_CALL && str_is(expr->name, "has");
	if (is_has || expr_path(expr, path))
		return expr;
	return reduce_args(in, expr);
}

bool expr_reduce(const struct expr *expr, const struct expr_scope *scope, struct arena *arena, const struct expr **ret,
	struct err *err)
{
	struct reduction in = {scope, arena, err};
	const struct expr *reduced = reduce(&in, expr);
	if (!reduced)
		return false;
	*ret = reduced;
	return true;
}
