#include "common/expr_scan.h"

#include <string.h>

struct scanner {
	struct str text;
	size_t at;
	struct arena *arena;
	size_t *ret_error_at;
	struct err *err;
};

static char peek(const struct scanner *scanner, size_t ahead)
{
	size_t at = scanner->at + ahead;
	return at < scanner->text.n ? scanner->text.p[at] : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool fail(struct scanner *scanner, size_t at, const char *what)
{
	*scanner->ret_error_at = at;
	return err_set(scanner->err, ERR_INVALID, "%s", what);
}

static void skip_digits(struct scanner *scanner)
{
	while (is_digit(peek(scanner, 0)))
		scanner->at++;
}

static bool scan_number(struct scanner *scanner, struct expr_token *token)
{
	size_t begin = scanner->at;
	skip_digits(scanner);
	bool is_float = peek(scanner, 0) == '.' && is_digit(peek(scanner, 1));
	if (is_float) {
		scanner->at++;
		skip_digits(scanner);
	}
	if (peek(scanner, 0) == 'e' || peek(scanner, 0) == 'E') {
		size_t sign = peek(scanner, 1) == '+' || peek(scanner, 1) == '-';
		if (!is_digit(peek(scanner, 1 + sign)))
			return fail(scanner, scanner->at, "the exponent of this number has no digits");
		scanner->at += 1 + sign;
		skip_digits(scanner);
		is_float = true;
	}
	if (is_letter(peek(scanner, 0)))
		return fail(scanner, scanner->at, "a number ends in a letter; put a text in quotes");
	struct str digits = str_head(str_skip(scanner->text, begin), scanner->at - begin);
	token->value.kind = is_float ? EXPR_FLOAT : EXPR_INT;
	if (is_float ? str_to_f64(digits, &token->value.real) : str_to_i64(digits, &token->value.number))
		return true;
	return fail(scanner, begin, "this number is too large");
}

static int hex_digit(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* At the character after the backslash. The escaped form is never shorter than what it stands for. */
static bool scan_escape(struct scanner *scanner, char **out)
{
	static const char letters[] = "nrt\\\"'`?/", meanings[] = "\n\r\t\\\"'`?/";
	char c = peek(scanner, 0);
	const char *found = c ? strchr(letters, c) : NULL;
	if (found) {
		*(*out)++ = meanings[found - letters];
		scanner->at++;
		return true;
	}
	if (c != 'u')
		return fail(scanner, scanner->at - 1,
			"unknown escape; write \\\\ for a backslash, or r\"...\" for a text without escapes");
	uint32_t code = 0;
	for (size_t i = 1; i <= 4; i++) {
		int digit = hex_digit(peek(scanner, i));
		if (digit < 0)
			return fail(scanner, scanner->at - 1, "\\u takes four hexadecimal digits");
		code = code << 4 | (uint32_t)digit;
	}
	if (code >= 0xd800 && code < 0xe000)
		return fail(scanner, scanner->at - 1, "\\u cannot name half of a pair");
	*out = put_utf8(*out, code);
	scanner->at += 5;
	return true;
}

static bool scan_text(struct scanner *scanner, bool is_raw, struct expr_token *token)
{
	size_t begin = scanner->at;
	char quote = peek(scanner, 0);
	struct str rest = str_skip(scanner->text, ++scanner->at);
	char *text = arena_alloc(scanner->arena, rest.n + 1), *out = text;
	while (scanner->at < scanner->text.n && peek(scanner, 0) != quote) {
		char c = scanner->text.p[scanner->at++];
		if (c != '\\' || is_raw)
			*out++ = c;
		else if (!scan_escape(scanner, &out))
			return false;
	}
	if (scanner->at == scanner->text.n)
		return fail(scanner, begin, "this text is never closed");
	scanner->at++;
	token->value = (struct expr_value){.kind = EXPR_TEXT, .text = {text, (size_t)(out - text)}};
	return true;
}

static bool scan_sign(struct scanner *scanner, struct expr_token *token)
{
	static const char *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!",
		"?", ":", "(", ")", "[", "]", ".", ",", NULL};
	struct str rest = str_skip(scanner->text, scanner->at);
	for (size_t i = 0; signs[i]; i++) {
		if (!str_starts(rest, str_of(signs[i])))
			continue;
		token->text = str_of(signs[i]);
		scanner->at += token->text.n;
		return true;
	}
	switch (peek(scanner, 0)) {
	case '=':
		return fail(scanner, scanner->at, "\"=\" is no operator; write \"==\" to compare");
	case '&':
		return fail(scanner, scanner->at, "\"&\" is no operator; write \"&&\"");
	case '|':
		return fail(scanner, scanner->at, "\"|\" is no operator; write \"||\"");
	case '$':
		return fail(scanner, scanner->at,
			"\"$\" has no meaning here; a condition is a bare expression, without ${{ }}");
	case '{':
		return fail(scanner, scanner->at, "maps cannot be written in an expression");
	}
	return fail(scanner, scanner->at, "this character has no meaning in an expression");
}

bool expr_scan(
	struct str text, size_t *at, struct arena *arena, struct expr_token *ret, size_t *ret_error_at, struct err *err)
{
	struct scanner scanner = {text, *at, arena, ret_error_at, err};
	while (scanner.at < text.n && str_has_only(str_head(str_skip(text, scanner.at), 1), " \t\r\n"))
		scanner.at++;
	struct expr_token token = {.at = scanner.at};
	char c = peek(&scanner, 0), next = peek(&scanner, 1);
	bool is_raw = c == 'r' && (next == '"' || next == '\''), is_fine = true;
	scanner.at += is_raw;
	if (scanner.at == text.n) {
		token.kind = EXPR_TOKEN_END;
	} else if (is_raw || c == '"' || c == '\'') {
		token.kind = EXPR_TOKEN_VALUE;
		is_fine = scan_text(&scanner, is_raw, &token);
	} else if (is_letter(c)) {
		token.kind = EXPR_TOKEN_NAME;
		while (is_letter(peek(&scanner, 0)) || is_digit(peek(&scanner, 0)))
			scanner.at++;
		token.text = str_head(str_skip(text, token.at), scanner.at - token.at);
	} else if (is_digit(c)) {
		token.kind = EXPR_TOKEN_VALUE;
		is_fine = scan_number(&scanner, &token);
	} else {
		token.kind = EXPR_TOKEN_SIGN;
		is_fine = scan_sign(&scanner, &token);
	}
	if (!is_fine)
		return false;
	*at = scanner.at;
	*ret = token;
	return true;
}
