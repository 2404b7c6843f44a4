#ifndef COMMON_EXPR_SCAN_H
#define COMMON_EXPR_SCAN_H

/* The tokens of an expression, for expr_parse.c and, to find where a ${{ }} ends, for expr_template.c alone. */

#include "common/expr.h"

enum expr_token_kind { EXPR_TOKEN_END, EXPR_TOKEN_NAME, EXPR_TOKEN_VALUE, EXPR_TOKEN_SIGN };

struct expr_token {
	enum expr_token_kind kind;
	size_t at;
	struct str text;
	struct expr_value value;
};

/* The token at or behind *at, which moves behind it. Failure: ret_error_at says where. */
bool expr_scan(struct str text, size_t *at, struct arena *arena, struct expr_token *ret, size_t *ret_error_at,
	struct err *err);

#endif
