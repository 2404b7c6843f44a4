#include "common/expr_node.h"
#include "common/expr_scan.h"

/*
 * Recursive descent with one token of look-ahead. Nodes are made bottom up and carry the depth of their tree; both that
 * and the recursion of the parser are held to EXPR_DEPTH_MAX.
 */

struct parser {
	struct str text;
	size_t at; /* behind `next` */
	struct expr_token next;
	struct arena *arena;
	int depth;
	size_t error_at;
	struct err *err;
};

const struct expr_binary_op expr_binary_ops[EXPR_OP_LITERAL] = {
#define X(op, sign, level) [op] = {sign, level},
	EXPR_BINARY_OPS(X)
#undef X
};

static const struct expr *parse_choose(struct parser *parser);

const char *const expr_method_names[] = {
	"startsWith", "endsWith", "contains", "matches", "lowerAscii", "upperAscii", NULL};

static const struct expr *fail(struct parser *parser, size_t at, const char *what)
{
	parser->error_at = at;
	err_set(parser->err, ERR_INVALID, "%s", what);
	return NULL;
}

static bool advance(struct parser *parser)
{
	return expr_scan(parser->text, &parser->at, parser->arena, &parser->next, &parser->error_at, parser->err);
}

static bool is_sign(const struct parser *parser, const char *sign)
{
	return parser->next.kind == EXPR_TOKEN_SIGN && str_is(parser->next.text, sign);
}

static bool is_name(const struct parser *parser, const char *name)
{
	return parser->next.kind == EXPR_TOKEN_NAME && str_is(parser->next.text, name);
}

/* What was expected, and what stands there. */
static const struct expr *fail_expected(struct parser *parser, const char *expected)
{
	struct str got = parser->next.text;
	if (parser->next.kind == EXPR_TOKEN_VALUE)
		got = str_head(str_skip(parser->text, parser->next.at), parser->at - parser->next.at);
	parser->error_at = parser->next.at;
	if (parser->next.kind == EXPR_TOKEN_END)
		err_set(parser->err, ERR_INVALID, "expected %s, but the expression ends", expected);
	else
		err_set(parser->err, ERR_INVALID, "expected %s, got \"%.*s\"", expected, STR_ARG(str_brief(got, 60)));
	return NULL;
}

static bool expect(struct parser *parser, const char *sign, const char *expected)
{
	if (is_sign(parser, sign))
		return advance(parser);
	fail_expected(parser, expected);
	return false;
}

static const struct expr *node(struct parser *parser, struct expr fields)
{
	for (size_t i = 0; i < fields.count; i++)
		if (fields.args[i]->depth >= fields.depth)
			fields.depth = fields.args[i]->depth + 1;
	if (fields.depth > EXPR_DEPTH_MAX)
		return fail(parser, parser->next.at, "this expression is nested too deep");
	struct expr *expr = arena_new(parser->arena, struct expr);
	*expr = fields;
	return expr;
}

static const struct expr *node_of(
	struct parser *parser, enum expr_op op, const struct expr *left, const struct expr *right)
{
	const struct expr **args = arena_array(parser->arena, const struct expr *, 2);
	args[0] = left;
	args[1] = right;
	return node(parser, (struct expr){.op = op, .args = args, .count = right ? 2 : 1});
}

/* Items up to `end`, which is taken too; behind `first`, when there is one. */
static bool parse_items(struct parser *parser, const char *end, const struct expr *first, struct expr *ret)
{
	const struct expr **items = NULL;
	size_t count = 0;
	if (first) {
		items = arena_grow(parser->arena, items, sizeof *items, count);
		items[count++] = first;
	}
	bool is_end = is_sign(parser, end);
	while (!is_end) {
		const struct expr *item = parse_choose(parser);
		if (!item)
			return false;
		items = arena_grow(parser->arena, items, sizeof *items, count);
		items[count++] = item;
		is_end = is_sign(parser, end);
		if (!is_end && !expect(parser, ",", end[0] == ')' ? "\",\" or \")\"" : "\",\" or \"]\""))
			return false;
	}
	ret->args = items;
	ret->count = count;
	return advance(parser);
}

static const struct expr *parse_call(struct parser *parser, struct str name, const struct expr *receiver)
{
	struct expr call = {.op = receiver ? EXPR_OP_METHOD : EXPR_OP_CALL, .name = name};
	size_t at = parser->next.at;
	if (!advance(parser) || !parse_items(parser, ")", receiver, &call))
		return NULL;
	if (!receiver && str_is(name, "has") && (call.count != 1 || call.args[0]->op != EXPR_OP_FIELD))
		return fail(parser, at, "has() takes one name with a field, like has(event.tag)");
	return node(parser, call);
}

/* After '['. A constant text is a field, so that paths through it are seen as constant. */
static const struct expr *parse_index(struct parser *parser, const struct expr *receiver)
{
	const struct expr *index = parse_choose(parser);
	if (!index || !expect(parser, "]", "\"]\""))
		return NULL;
	if (index->op != EXPR_OP_LITERAL || index->value.kind != EXPR_TEXT)
		return node_of(parser, EXPR_OP_INDEX, receiver, index);
	const struct expr **args = arena_new(parser->arena, const struct expr *);
	args[0] = receiver;
	return node(parser, (struct expr){.op = EXPR_OP_FIELD, .name = index->value.text, .args = args, .count = 1});
}

/* Here and not in evaluation, so that a misspelt method is found before anything runs. */
static bool is_method(struct parser *parser, size_t at, struct str name)
{
	int ignored;
	if (enum_from_name(expr_method_names, name, &ignored))
		return true;
	const char *nearest = str_nearest(name, expr_method_names);
	parser->error_at = at;
	return err_set(parser->err, ERR_INVALID, "unknown method .%.*s()%s%s%s", STR_ARG(name),
		nearest ? "; did you mean ." : "", nearest ? nearest : "", nearest ? "()?" : "");
}

/* After '.'. */
static const struct expr *parse_field(struct parser *parser, const struct expr *receiver)
{
	if (parser->next.kind != EXPR_TOKEN_NAME)
		return fail_expected(parser, "a name behind \".\"");
	struct str name = parser->next.text;
	size_t at = parser->next.at;
	if (!advance(parser))
		return NULL;
	if (is_sign(parser, "("))
		return is_method(parser, at, name) ? parse_call(parser, name, receiver) : NULL;
	const struct expr **args = arena_new(parser->arena, const struct expr *);
	args[0] = receiver;
	return node(parser, (struct expr){.op = EXPR_OP_FIELD, .name = name, .args = args, .count = 1});
}

static const struct expr *parse_name(struct parser *parser)
{
	static const struct {
		const char *name;
		struct expr_value value;
	} constants[] = {
		{"true", {.kind = EXPR_BOOL, .truth = true}},
		{"false", {.kind = EXPR_BOOL}},
		{"null", {.kind = EXPR_NULL}},
	};
	struct str name = parser->next.text;
	if (str_is(name, "in"))
		return fail_expected(parser, "a value");
	if (!advance(parser))
		return NULL;
	for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
		if (str_is(name, constants[i].name))
			return expr_literal(constants[i].value, parser->arena);
	if (is_sign(parser, "("))
		return parse_call(parser, name, NULL);
	return node(parser, (struct expr){.op = EXPR_OP_NAME, .name = name, .depth = 1});
}

static const struct expr *parse_primary(struct parser *parser)
{
	if (parser->next.kind == EXPR_TOKEN_NAME)
		return parse_name(parser);
	if (parser->next.kind == EXPR_TOKEN_VALUE) {
		struct expr_value value = parser->next.value;
		return advance(parser) ? expr_literal(value, parser->arena) : NULL;
	}
	if (is_sign(parser, "(")) {
		if (!advance(parser))
			return NULL;
		const struct expr *inner = parse_choose(parser);
		return inner && expect(parser, ")", "\")\"") ? inner : NULL;
	}
	if (is_sign(parser, "[")) {
		struct expr list = {.op = EXPR_OP_LIST, .depth = 1};
		return advance(parser) && parse_items(parser, "]", NULL, &list) ? node(parser, list) : NULL;
	}
	return fail_expected(parser, "a value");
}

static const struct expr *parse_member(struct parser *parser)
{
	const struct expr *expr = parse_primary(parser);
	while (expr && (is_sign(parser, ".") || is_sign(parser, "["))) {
		bool is_field = is_sign(parser, ".");
		if (!advance(parser))
			return NULL;
		expr = is_field ? parse_field(parser, expr) : parse_index(parser, expr);
	}
	return expr;
}

static const struct expr *parse_unary(struct parser *parser)
{
	bool is_not = is_sign(parser, "!");
	if (!is_not && !is_sign(parser, "-"))
		return parse_member(parser);
	if (++parser->depth > EXPR_DEPTH_MAX)
		return fail(parser, parser->next.at, "this expression is nested too deep");
	if (!advance(parser))
		return NULL;
	const struct expr *inner = parse_unary(parser);
	parser->depth--;
	return inner ? node_of(parser, is_not ? EXPR_OP_NOT : EXPR_OP_NEGATE, inner, NULL) : NULL;
}

static bool find_binary(const struct parser *parser, enum expr_op *ret)
{
	for (enum expr_op op = 0; op < EXPR_OP_LITERAL; op++) {
		if (!is_sign(parser, expr_binary_ops[op].sign) && !is_name(parser, expr_binary_ops[op].sign))
			continue;
		*ret = op;
		return true;
	}
	return false;
}

/* Operators of this level and above; all of them bind to the left. */
static const struct expr *parse_binary(struct parser *parser, int level)
{
	if (level == EXPR_LEVEL_UNARY)
		return parse_unary(parser);
	const struct expr *left = parse_binary(parser, level + 1);
	enum expr_op op;
	while (left && find_binary(parser, &op) && expr_binary_ops[op].level == level) {
		if (!advance(parser))
			return NULL;
		const struct expr *right = parse_binary(parser, level + 1);
		left = right ? node_of(parser, op, left, right) : NULL;
	}
	return left;
}

static const struct expr *parse_choose(struct parser *parser)
{
	if (++parser->depth > EXPR_DEPTH_MAX)
		return fail(parser, parser->next.at, "this expression is nested too deep");
	const struct expr *condition = parse_binary(parser, EXPR_LEVEL_CHOOSE + 1);
	if (condition && is_sign(parser, "?")) {
		const struct expr **args = arena_array(parser->arena, const struct expr *, 3);
		args[0] = condition;
		if (!advance(parser) || !(args[1] = parse_binary(parser, EXPR_LEVEL_CHOOSE + 1)) ||
			!expect(parser, ":", "\":\"") || !(args[2] = parse_choose(parser)))
			return NULL;
		condition = node(parser, (struct expr){.op = EXPR_OP_CHOOSE, .args = args, .count = 3});
	}
	parser->depth--;
	return condition;
}

bool expr_parse(struct str text, struct arena *arena, const struct expr **ret, size_t *ret_error_at, struct err *err)
{
	struct parser parser = {.text = arena_str(arena, text), .arena = arena, .err = err};
	const struct expr *expr = NULL;
	if (text.n > EXPR_BYTES_MAX)
		fail(&parser, 0, "this expression is too long");
	else if (str_trim(text).n == 0)
		fail(&parser, 0, "an expression stands here, but it is empty");
	else if (advance(&parser))
		expr = parse_choose(&parser);
	if (expr && parser.next.kind != EXPR_TOKEN_END)
		expr = fail_expected(&parser, "an operator");
	if (expr)
		*ret = expr;
	else
		*ret_error_at = parser.error_at;
	return expr != NULL;
}
