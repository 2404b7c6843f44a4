#include "common/expr_scan.h"

#include "common/buf.h"

/* A plain text, or an expression. */
struct part {
	struct str text;
	const struct expr *expr; /* NULL: the text */
};

struct expr_template {
	struct part *parts;
	size_t count;
};

#define OPENING STR("${{")

static void add_part(struct expr_template *template, struct arena *arena, struct part part)
{
	if (!part.expr && part.text.n == 0)
		return;
	template->parts = arena_grow(arena, template->parts, sizeof *template->parts, template->count);
	template->parts[template->count++] = part;
}

/* The end is "}}" outside of quotes, so the tokens are read up to there. An expression itself holds no brace. */
static bool find_end(struct str text, struct arena *arena, size_t *ret_end, size_t *ret_error_at, struct err *err)
{
	size_t at = 0;
	for (;;) {
		struct expr_token token;
		while (at < text.n &&
			(text.p[at] == ' ' || text.p[at] == '\t' || text.p[at] == '\n' || text.p[at] == '\r'))
			at++;
		if (str_starts(str_skip(text, at), STR("}}"))) {
			*ret_end = at;
			return true;
		}
		if (!expr_scan(text, &at, arena, &token, ret_error_at, err))
			return false;
		if (token.kind == EXPR_TOKEN_END) {
			*ret_error_at = 0;
			return err_set(err, ERR_INVALID, "\"${{\" is never closed by \"}}\"");
		}
	}
}

bool expr_template_parse(
	struct str text, struct arena *arena, const struct expr_template **ret, size_t *ret_error_at, struct err *err)
{
	struct expr_template *template = arena_new(arena, struct expr_template);
	struct str rest = arena_str(arena, text);
	size_t at, end, error_at = 0;
	while (str_find(rest, OPENING, &at)) {
		struct part part = {0};
		size_t begin = text.n - rest.n + at + OPENING.n;
		struct str inner = str_skip(rest, at + OPENING.n);
		add_part(template, arena, (struct part){.text = str_head(rest, at)});
		if (!find_end(inner, arena, &end, &error_at, err) ||
			!expr_parse(str_head(inner, end), arena, &part.expr, &error_at, err)) {
			*ret_error_at = begin + error_at;
			return false;
		}
		add_part(template, arena, part);
		rest = str_skip(inner, end + 2);
	}
	add_part(template, arena, (struct part){.text = rest});
	*ret = template;
	return true;
}

bool expr_template_has_expr(const struct expr_template *template)
{
	for (size_t i = 0; i < template->count; i++)
		if (template->parts[i].expr)
			return true;
	return false;
}

void expr_template_walk(const struct expr_template *template,
	void (*seen)(void *arg, const struct str *path, size_t count, bool is_call), void *arg)
{
	for (size_t i = 0; i < template->count; i++)
		if (template->parts[i].expr)
			expr_walk(template->parts[i].expr, seen, arg);
}

static bool finish(struct buf *out, struct arena *arena, struct str *ret, struct err *err)
{
	if (out->is_full)
		return err_set(err, ERR_TOO_LARGE, "the text is longer than %d bytes", EXPR_TEXT_MAX);
	*ret = arena_str(arena, buf_str(out));
	return true;
}

bool expr_template_render(const struct expr_template *template, const struct expr_scope *scope, struct arena *arena,
	struct str *ret, struct err *err)
{
	auto_buf out = BUF_INIT(EXPR_TEXT_MAX);
	for (size_t i = 0; i < template->count; i++) {
		const struct part *part = &template->parts[i];
		struct expr_value value = expr_text(part->text);
		if (part->expr && !expr_eval(part->expr, scope, arena, &value, err))
			return false;
		buf_add_str(&out, expr_to_text(&value, arena));
	}
	return finish(&out, arena, ret, err);
}

static void add_quoted(struct buf *out, struct str text)
{
	size_t at;
	while (str_find(text, OPENING, &at)) {
		buf_add_str(out, str_head(text, at));
		buf_add_c(out, "${{ \"${{\" }}");
		text = str_skip(text, at + OPENING.n);
	}
	buf_add_str(out, text);
}

struct str expr_template_quote(struct str text, struct arena *arena)
{
	size_t at;
	if (!str_find(text, OPENING, &at))
		return text;
	auto_buf out = BUF_INIT(8 * EXPR_TEXT_MAX);
	add_quoted(&out, text);
	return arena_str(arena, buf_str(&out));
}

bool expr_template_reduce(const struct expr_template *template, const struct expr_scope *scope, struct arena *arena,
	struct str *ret, struct err *err)
{
	/* Known parts are gathered first: a "${{" may come together from two neighbours. */
	auto_buf out = BUF_INIT(EXPR_TEXT_MAX);
	auto_buf known = BUF_INIT(EXPR_TEXT_MAX);
	for (size_t i = 0; i < template->count; i++) {
		const struct part *part = &template->parts[i];
		const struct expr *expr = part->expr;
		struct expr_value value = expr_text(part->text);
		if (expr && !expr_reduce(expr, scope, arena, &expr, err))
			return false;
		if (!expr || expr_is_literal(expr, &value)) {
			buf_add_str(&known, expr_to_text(&value, arena));
			continue;
		}
		add_quoted(&out, buf_str(&known));
		buf_clear(&known);
		/* "$" before "${{" would read as "$${{", which still opens at its own place. */
		struct str code = expr_print(expr, arena);
		buf_addf(&out, "${{ %.*s }}", STR_ARG(code));
	}
	add_quoted(&out, buf_str(&known));
	out.is_full = out.is_full || known.is_full;
	return finish(&out, arena, ret, err);
}
