#ifndef COMMON_EXPR_NODE_H
#define COMMON_EXPR_NODE_H

/*
 * The parsed form of an expression, shared by the parser, the evaluator, the reducer and the printer; nobody else
 * includes this. Nodes are immutable once parsed and may be shared between trees.
 */

#include "common/expr.h"

/* op, sign, precedence (higher binds tighter). The parser and the printer both read it. */
#define EXPR_BINARY_OPS(X)                                                                                             \
	X(EXPR_OP_OR, "||", 1)                                                                                         \
	X(EXPR_OP_AND, "&&", 2)                                                                                        \
	X(EXPR_OP_LESS, "<", 3)                                                                                        \
	X(EXPR_OP_LESS_EQUAL, "<=", 3)                                                                                 \
	X(EXPR_OP_GREATER, ">", 3)                                                                                     \
	X(EXPR_OP_GREATER_EQUAL, ">=", 3)                                                                              \
	X(EXPR_OP_EQUAL, "==", 3)                                                                                      \
	X(EXPR_OP_NOT_EQUAL, "!=", 3)                                                                                  \
	X(EXPR_OP_IN, "in", 3)                                                                                         \
	X(EXPR_OP_ADD, "+", 4)                                                                                         \
	X(EXPR_OP_SUBTRACT, "-", 4)                                                                                    \
	X(EXPR_OP_MULTIPLY, "*", 5)                                                                                    \
	X(EXPR_OP_DIVIDE, "/", 5)                                                                                      \
	X(EXPR_OP_MODULO, "%", 5)

enum { EXPR_LEVEL_CHOOSE = 0, EXPR_LEVEL_UNARY = 6, EXPR_LEVEL_MEMBER = 7 };

enum expr_op {
#define X(op, sign, level) op,
	EXPR_BINARY_OPS(X)
#undef X
		EXPR_OP_LITERAL, /* value */
	EXPR_OP_LIST,            /* args */
	EXPR_OP_NAME,            /* name */
	EXPR_OP_FIELD,           /* args[0].name */
	EXPR_OP_INDEX,           /* args[0][args[1]] */
	EXPR_OP_CALL,            /* name(args) */
	EXPR_OP_METHOD,          /* args[0].name(the other args) */
	EXPR_OP_NOT,
	EXPR_OP_NEGATE,
	EXPR_OP_CHOOSE, /* args[0] ? args[1] : args[2] */
};

/* The binary operators come first, and the literal right behind them. */
extern const struct expr_binary_op {
	const char *sign;
	int level;
} expr_binary_ops[EXPR_OP_LITERAL];

enum expr_method { EXPR_STARTS_WITH, EXPR_ENDS_WITH, EXPR_CONTAINS, EXPR_MATCHES, EXPR_LOWER_ASCII, EXPR_UPPER_ASCII };
extern const char *const expr_method_names[]; /* parsing refuses all others */

struct expr {
	enum expr_op op;
	int depth; /* of the tree below, at most EXPR_DEPTH_MAX: evaluation may recurse */
	struct str name;
	struct expr_value value;
	const struct expr *const *args;
	size_t count;
};

/* For a name with constant fields, a.b.c: its parts, outermost first. 0 when it is something else. */
size_t expr_path(const struct expr *expr, struct str path[static EXPR_PATH_MAX]);
const struct expr *expr_literal(struct expr_value value, struct arena *arena);
bool expr_is_name(struct str s); /* could stand behind a dot */

#endif
