#include "common/expr_node.h"

#include "common/buf.h"

#include <stdio.h>
#include <string.h>

struct expr_value expr_bool(bool truth)
{
	return (struct expr_value){.kind = EXPR_BOOL, .truth = truth};
}

struct expr_value expr_int(int64_t number)
{
	return (struct expr_value){.kind = EXPR_INT, .number = number};
}

struct expr_value expr_text(struct str text)
{
	return (struct expr_value){.kind = EXPR_TEXT, .text = text};
}

struct expr_value expr_of_pairs(const struct pair_list *pairs, struct arena *arena)
{
	struct expr_value *items = arena_array(arena, struct expr_value, 2 * pairs->count);
	for (size_t i = 0; i < pairs->count; i++) {
		items[2 * i] = expr_text(pairs->items[i].name);
		items[2 * i + 1] = expr_text(pairs->items[i].value);
	}
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = pairs->count};
}

static struct expr_value of_json_object(const json_t *json, struct arena *arena)
{
	struct expr_value map = {.kind = EXPR_MAP};
	struct expr_value *items = arena_array(arena, struct expr_value, 2 * json_object_size(json));
	const char *name;
	json_t *item;
	json_object_foreach((json_t *)(uintptr_t)json, name, item)
	{
		items[2 * map.count] = expr_text(arena_str(arena, str_of(name)));
		items[2 * map.count + 1] = expr_of_json(item, arena);
		map.count++;
	}
	map.items = items;
	return map;
}

struct expr_value expr_of_json(const json_t *json, struct arena *arena)
{
	struct expr_value list = {.kind = EXPR_LIST};
	switch (json_typeof(json)) {
	case JSON_NULL:
		return (struct expr_value){.kind = EXPR_NULL};
	case JSON_TRUE:
	case JSON_FALSE:
		return expr_bool(json_is_true(json));
	case JSON_INTEGER:
		return expr_int(json_integer_value(json));
	case JSON_REAL:
		return (struct expr_value){.kind = EXPR_FLOAT, .real = json_real_value(json)};
	case JSON_STRING:
		return expr_text(arena_str(arena, (struct str){json_string_value(json), json_string_length(json)}));
	case JSON_OBJECT:
		return of_json_object(json, arena);
	case JSON_ARRAY:
		break;
	}
	struct expr_value *items = arena_array(arena, struct expr_value, json_array_size(json));
	for (; list.count < json_array_size(json); list.count++)
		items[list.count] = expr_of_json(json_array_get(json, list.count), arena);
	list.items = items;
	return list;
}

static void print_quoted(struct buf *out, struct str text)
{
	static const char escaped[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		const char *found = c ? strchr(escaped, c) : NULL;
		if (found)
			buf_addf(out, "\\%c", letters[found - escaped]);
		else if ((unsigned char)c < 0x20)
			buf_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
		else
			buf_add_char(out, c);
	}
	buf_add_char(out, '"');
}

/* The shortest form that reads back as the same float, and as a float. */
static void print_real(struct buf *out, double real)
{
	char text[40];
	for (int digits = 15; digits <= 17; digits++) {
		double again;
		snprintf(text, sizeof text, "%.*g", digits, real);
		if (str_to_f64(str_of(text), &again) && again == real)
			break;
	}
	buf_add_c(out, text);
	if (!strpbrk(text, ".e"))
		buf_add_c(out, ".0");
}

static void print_json(struct buf *out, const struct expr_value *value);

static void print_items(struct buf *out, const struct expr_value *value)
{
	bool is_map = value->kind == EXPR_MAP;
	buf_add_char(out, is_map ? '{' : '[');
	for (size_t i = 0; i < value->count; i++) {
		buf_add_c(out, i ? ", " : "");
		if (is_map) {
			print_json(out, &value->items[2 * i]);
			buf_add_c(out, ": ");
		}
		print_json(out, &value->items[is_map ? 2 * i + 1 : i]);
	}
	buf_add_char(out, is_map ? '}' : ']');
}

static void print_json(struct buf *out, const struct expr_value *value)
{
	switch (value->kind) {
	case EXPR_NULL:
		buf_add_c(out, "null");
		return;
	case EXPR_BOOL:
		buf_add_c(out, value->truth ? "true" : "false");
		return;
	case EXPR_INT:
		buf_addf(out, "%lld", (long long)value->number);
		return;
	case EXPR_FLOAT:
		print_real(out, value->real);
		return;
	case EXPR_TEXT:
		print_quoted(out, value->text);
		return;
	case EXPR_LIST:
	case EXPR_MAP:
		print_items(out, value);
		return;
	}
	BUG("expression value of kind %d", (int)value->kind);
}

struct str expr_to_text(const struct expr_value *value, struct arena *arena)
{
	if (value->kind == EXPR_TEXT)
		return value->text;
	if (value->kind == EXPR_NULL)
		return (struct str){0};
	auto_buf out = BUF_INIT(EXPR_TEXT_MAX);
	print_json(&out, value);
	return arena_str(arena, buf_str(&out));
}

/* Printing an expression. */

static void print(struct buf *out, const struct expr *expr, int level);

static void print_literal(struct buf *out, const struct expr_value *value, int level)
{
	/* The number itself would not read back: its sign is an operator on a number that is one too large. */
	if (value->kind == EXPR_INT && value->number == INT64_MIN) {
		buf_add_c(out, "(-9223372036854775807 - 1)");
		return;
	}
	bool is_negative = (value->kind == EXPR_INT && value->number < 0) ||
			   (value->kind == EXPR_FLOAT && __builtin_signbit(value->real));
	bool needs_brackets = is_negative && level > EXPR_LEVEL_UNARY;
	buf_add_c(out, needs_brackets ? "(" : "");
	if (value->kind == EXPR_LIST) {
		buf_add_char(out, '[');
		for (size_t i = 0; i < value->count; i++) {
			buf_add_c(out, i ? ", " : "");
			print_literal(out, &value->items[i], 0);
		}
		buf_add_char(out, ']');
	} else {
		print_json(out, value);
	}
	buf_add_c(out, needs_brackets ? ")" : "");
}

static void print_args(struct buf *out, const struct expr *expr, size_t from)
{
	for (size_t i = from; i < expr->count; i++) {
		buf_add_c(out, i > from ? ", " : "");
		print(out, expr->args[i], EXPR_LEVEL_CHOOSE);
	}
}

static void print_name(struct buf *out, struct str name)
{
	buf_add_str(out, name);
}

static void print_member(struct buf *out, const struct expr *expr)
{
	print(out, expr->args[0], EXPR_LEVEL_MEMBER);
	if (expr->op == EXPR_OP_INDEX) {
		buf_add_char(out, '[');
		print(out, expr->args[1], EXPR_LEVEL_CHOOSE);
		buf_add_char(out, ']');
	} else if (expr->op == EXPR_OP_FIELD && !expr_is_name(expr->name)) {
		buf_add_char(out, '[');
		print_quoted(out, expr->name);
		buf_add_char(out, ']');
	} else {
		buf_add_char(out, '.');
		print_name(out, expr->name);
	}
	if (expr->op != EXPR_OP_METHOD)
		return;
	buf_add_char(out, '(');
	print_args(out, expr, 1);
	buf_add_char(out, ')');
}

/* `level`: what binds less than this needs brackets here. */
static void print_operator(struct buf *out, const struct expr *expr, int level)
{
	bool is_unary = expr->op == EXPR_OP_NOT || expr->op == EXPR_OP_NEGATE, is_choose = expr->op == EXPR_OP_CHOOSE;
	int own = is_unary ? EXPR_LEVEL_UNARY : is_choose ? EXPR_LEVEL_CHOOSE : expr_binary_ops[expr->op].level;
	buf_add_c(out, own < level ? "(" : "");
	if (is_unary) {
		buf_add_char(out, expr->op == EXPR_OP_NOT ? '!' : '-');
		print(out, expr->args[0], own);
	} else {
		print(out, expr->args[0], is_choose ? own + 1 : own);
		buf_addf(out, " %s ", is_choose ? "?" : expr_binary_ops[expr->op].sign);
		print(out, expr->args[1], own + 1);
	}
	if (is_choose) {
		buf_add_c(out, " : ");
		print(out, expr->args[2], own);
	}
	buf_add_c(out, own < level ? ")" : "");
}

static void print(struct buf *out, const struct expr *expr, int level)
{
	switch (expr->op) {
	case EXPR_OP_LITERAL:
		print_literal(out, &expr->value, level);
		return;
	case EXPR_OP_NAME:
		buf_add_str(out, expr->name);
		return;
	case EXPR_OP_LIST:
		buf_add_char(out, '[');
		print_args(out, expr, 0);
		buf_add_char(out, ']');
		return;
	case EXPR_OP_CALL:
		print_name(out, expr->name);
		buf_add_char(out, '(');
		print_args(out, expr, 0);
		buf_add_char(out, ')');
		return;
	case EXPR_OP_FIELD:
	case EXPR_OP_INDEX:
	case EXPR_OP_METHOD:
		print_member(out, expr);
		return;
#define X(op, sign, level) case op:
		EXPR_BINARY_OPS(X)
#undef X
	case EXPR_OP_NOT:
	case EXPR_OP_NEGATE:
	case EXPR_OP_CHOOSE:
		print_operator(out, expr, level);
		return;
	}
	BUG("expression node of kind %d", (int)expr->op);
}

struct str expr_print(const struct expr *expr, struct arena *arena)
{
	auto_buf out = BUF_INIT(EXPR_TEXT_MAX);
	print(&out, expr, EXPR_LEVEL_CHOOSE);
	return arena_str(arena, buf_str(&out));
}
