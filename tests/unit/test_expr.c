// links: penstock_common
#include "common/expr.h"

#include "common/buf.h"
#include "common/mem.h"
#include "common/regex.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The world of these tests; `jobs` and success() are what only a run knows. */
static const char world[] =
	"{\"event\": {\"branch\": \"main\", \"count\": 3, \"ratio\": 0.5, \"is_draft\": false, \"tag\": null,"
	" \"labels\": [\"bug\", \"web\"], \"with-dash\": \"d\"},"
	" \"inputs\": {\"n\": 7, \"evil\": \"${{ secret }}\"}, \"jobs\": {\"a\": {\"outputs\": {\"x\": \"1\"}}},"
	" \"nothing\": null}";

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

static struct expr_scope scope_of(json_t *json)
{
	return (struct expr_scope){.arg = json, .name = get_name, .call = call, .is_later = is_later};
}

static json_t *load_world(void)
{
	json_error_t error;
	json_t *json = json_loads(world, 0, &error);
	ck_assert_msg(json != NULL, "%s", error.text);
	return json;
}

static const struct {
	const char *text;
	const char *value; /* as expr_to_text() gives it */
} values[] = {
	{"1", "1"}, {"1.5", "1.5"}, {"1e3", "1000.0"}, {"2E-1", "0.2"}, {"0.1 + 0.2", "0.30000000000000004"},
	{"'a' + \"b\"", "ab"}, {"\"\\n\\t\\\\\\\"\\u00e4\\u20ac\\u0041\"", "\n\t\\\"ä€A"}, {"r'a\\d'", "a\\d"},
	{"null", ""}, {"[1, 'a', [true]]", "[1, \"a\", [true]]"}, {"[]", "[]"}, {"event.labels", "[\"bug\", \"web\"]"},
	{"inputs", "{\"n\": 7, \"evil\": \"${{ secret }}\"}"}, {"['\\u0001\\r']", "[\"\\u0001\\r\"]"},
	{"1 + 2 * 3", "7"},                        /* the usual order */
	{"(1 + 2) * 3", "9"}, {"10 - 4 - 3", "3"}, /* binds to the left */
	{"7 / 2", "3"}, {"-7 / 2", "-3"}, {"-7 % 3", "-1"}, {"7.0 / 2.0", "3.5"}, {"1.5 - 0.5 * 2.0", "0.5"},
	{"--3", "3"}, {"-1.5", "-1.5"}, {"!true || true", "true"}, /* ! binds first */
	{"1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"}, {"'a' < 'b'", "true"},
	{"1 < 1.5", "true"},                               /* the two kinds of number have one order */
	{"9007199254740993 > 9007199254740992.0", "true"}, /* and it is exact */
	{"1 == 1.0", "true"}, {"event.branch == 'main'", "true"}, {"event['branch'] != \"main\"", "false"},
	{"event[\"with-dash\"]", "d"}, {"event.tag == null", "true"}, /* null may be compared with anything */
	{"event.branch == null", "false"}, {"null == null", "true"}, {"true == false", "false"},
	{"[1, 2] == [1, 2.0]", "true"}, {"[1] == [1, 2]", "false"}, {"event == event", "true"},
	{"event == inputs", "false"}, {"'bug' in event.labels", "true"}, {"'x' in event.labels", "false"},
	{"2 in ['2', 2]", "true"}, /* found in spite of a neighbour of another kind */
	{"'n' in inputs", "true"}, /* the names of a map */
	{"event.labels[1]", "web"}, {"event.count > 2 ? 'many' : 'few'", "many"}, {"false ? 1 : true ? 2 : 3", "2"},
	{"false ? nothing.x : 4", "4"}, /* the other side is not looked at */
	{"has(event.tag) && !has(event.nope) && !has(nothing.x)", "true"},
	{"size('äöü') + size([1, 2]) + size(inputs)", "7"}, {"int('12') + int(2.9) + int(1)", "15"},
	{"double('2') + double(1)", "3.0"}, {"string(5) + string(true) + string('x')", "5truex"},
	{"event.branch.startsWith('ma') && event.branch.endsWith('in') && event.branch.contains('ai')", "true"},
	{"'v1.2'.matches(r'^v\\d+') && !'x'.matches('y')", "true"},
	{"'MäX'.lowerAscii() + 'mäx'.upperAscii()", "mäxMäX"},
	{"event.branch in ['main', 'dev'] && event.count + 1 == 4", "true"},
	{"count(1, 'b', [])", "3"}, /* the caller's own function */
	/* && and || absorb an error of one side when the other decides */
	{"event.nope == 1 && false", "false"}, {"false && event.nope == 1", "false"},
	{"event.nope == 1 || true", "true"}, {"true || 5", "true"},
	{"event . branch\n==\t'main'", "true"}, /* blanks anywhere */
};

START_TEST(expressions_have_values)
{
	auto_arena arena = {0};
	json_t *json = load_world();
	struct expr_scope scope = scope_of(json);
	const struct expr *expr;
	struct expr_value value;
	struct err err = {0};
	size_t at = 0;
	ck_assert_msg(expr_parse(str_of(values[_i].text), &arena, &expr, &at, &err), "%s: %s at %zu", values[_i].text,
		err.text, at);
	ck_assert_msg(expr_eval(expr, &scope, &arena, &value, &err), "%s: %s", values[_i].text, err.text);
	struct str text = expr_to_text(&value, &arena);
	ck_assert_msg(str_is(text, values[_i].value), "%s: %.*s", values[_i].text, STR_ARG(text));
	/* what is printed reads back as the same */
	const struct expr *again;
	struct str printed = expr_print(expr, &arena);
	ck_assert_msg(expr_parse(printed, &arena, &again, &at, &err), "%.*s: %s", STR_ARG(printed), err.text);
	ck_assert(expr_eval(again, &scope, &arena, &value, NULL));
	ck_assert_msg(str_is(expr_to_text(&value, &arena), values[_i].value), "%.*s", STR_ARG(printed));
	ck_assert(str_eq(expr_print(again, &arena), printed));
	json_decref(json);
}
END_TEST

static const struct {
	const char *text;
	const char *complaint;
} failures[] = {
	{"9223372036854775807 + 1", "too large"},
	{"-9223372036854775807 - 2", "too large"},
	{"9223372036854775807 * 2", "too large"},
	{"(-9223372036854775807 - 1) / -1", "too large"},
	{"-(-9223372036854775807 - 1)", "too large"},
	{"1e308 * 10.0", "too large"},
	{"1 / 0", "division by zero"},
	{"1 % 0", "division by zero"},
	{"1.0 / 0.0", "division by zero"},
	{"1 + 1.5", "double()"},
	{"1 + 'a'", "string()"},
	{"true + true", "cannot add"},
	{"1.5 % 1.0", "remainder"},
	{"'a' - 'b'", "cannot subtract"},
	{"-'a'", "cannot negate"},
	{"!1", "true or false"},
	{"1 && true", "true or false"}, /* not decided by the other side */
	{"true && event.nope", "no \"nope\""},
	{"event.nope && true", "no \"nope\""},
	{"event.nope || false", "no \"nope\""},
	{"event.count == '3'", "written in quotes"}, /* a quiet false would quietly skip a job */
	{"event.is_draft == 1", "cannot compare"},
	{"[1] == ['1']", "cannot compare"},
	{"1 in ['1', '2']", "cannot compare"},
	{"'a' in 'abc'", "text.contains(part)"},
	{"1 in 2", "stands a list"},
	{"'a' < 1", "cannot order"},
	{"true < false", "cannot order"},
	{"event.brnach", "\"event\" has no \"brnach\"; did you mean \"branch\"?"},
	{"event.zzz", "\"event\" has no \"zzz\""},
	{"event['brnach']", "did you mean"},
	{"event.branch.x", "a text has no \"x\""},
	{"event.labels[2]", "2 items"},
	{"event.labels[-1]", "none of them"},
	{"event[1]", "cannot take an item"},
	{"event.nope.x", "no \"nope\""},
	{"nope", "unknown name"},
	{"nope()", "unknown function"},
	{"nope(1 / 0)", "division"},
	{"nope ? 1 : 2", "unknown name"},
	{"1 ? 1 : 2", "true or false"},
	{"size(1)", "has no size"},
	{"size()", "one value"},
	{"int('x')", "whole number"},
	{"int(true)", "whole number"},
	{"int(1e300)", "whole number"},
	{"double('x')", "no number"},
	{"double([])", "no number"},
	{"'a'.contains()", "one text"},
	{"'a'.lowerAscii('b')", "nothing in its brackets"},
	{"event.count.contains('a')", "works on texts"},
	{"'a'.matches('(')", "no regular expression"},
	{"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b'.matches('^(a+)+b')", "too many steps"},
	{"'a'.matches(event.nope)", "no \"nope\""},
	{"has(nope.x)", "unknown name"},
	{"[event.nope]", "no \"nope\""},
	{"event.labels[nope]", "unknown name"},
};

START_TEST(faults_are_said)
{
	auto_arena arena = {0};
	json_t *json = load_world();
	struct expr_scope scope = scope_of(json);
	const struct expr *expr;
	struct expr_value value = {.kind = EXPR_LIST};
	struct err err = {0};
	size_t at = 0;
	ck_assert_msg(expr_parse(str_of(failures[_i].text), &arena, &expr, &at, &err), "%s", err.text);
	ck_assert_msg(!expr_eval(expr, &scope, &arena, &value, &err), "%s", failures[_i].text);
	ck_assert_msg(strstr(err.text, failures[_i].complaint) != NULL, "%s: %s", failures[_i].text, err.text);
	ck_assert_int_eq(value.kind, EXPR_LIST); /* untouched */
	ck_assert(!expr_eval(expr, &scope, &arena, &value, NULL));
	json_decref(json);
}
END_TEST

static const struct {
	const char *text;
	size_t at;
	const char *complaint;
} mistakes[] = {
	{"", 0, "empty"},
	{"  ", 0, "empty"},
	{"a ==", 4, "the expression ends"},
	{"a = b", 2, "write \"==\""},
	{"a & b", 2, "write \"&&\""},
	{"a | b", 2, "write \"||\""},
	{"${{ a }}", 0, "without ${{ }}"},
	{"{'a': 1}", 0, "maps cannot"},
	{"a # b", 2, "no meaning"},
	{"a b", 2, "expected an operator, got \"b\""},
	{"a 'b'", 2, "expected an operator, got \"'b'\""},
	{"(a", 2, "expected \")\""},
	{"a)", 1, "expected an operator"},
	{"[1, 2", 5, "\",\" or \"]\""},
	{"f(1 2)", 4, "\",\" or \")\""},
	{"a[1", 3, "\"]\""},
	{"a.", 2, "a name behind"},
	{"a.1", 2, "a name behind"},
	{"a ? b", 5, "\":\""},
	{"'abc", 0, "never closed"},
	{"1 + 'a\\qb'", 6, "unknown escape"},
	{"'\\u12'", 1, "four hexadecimal"},
	{"'\\ud800'", 1, "half of a pair"},
	{"99999999999999999999", 0, "too large"},
	{"1e999", 0, "too large"},
	{"1e", 1, "no digits"},
	{"20m", 2, "in quotes"}, /* a duration is a text */
	{"in", 0, "expected a value"},
	{"has(a)", 3, "has() takes"},
	{"has(a.b, c)", 3, "has() takes"},
	{"!", 1, "the expression ends"},
	{"a.contains(", 11, "the expression ends"},
	{"a.b.startWith('b')", 4, "unknown method .startWith(); did you mean .startsWith()?"},
	{"'a'.frobnicate()", 4, "unknown method .frobnicate()"},
	{"a &&", 4, "the expression ends"},
};

START_TEST(mistakes_have_a_place)
{
	auto_arena arena = {0};
	const struct expr *expr = NULL;
	struct err err = {0};
	size_t at = 99;
	ck_assert(!expr_parse(str_of(mistakes[_i].text), &arena, &expr, &at, &err));
	ck_assert_msg(strstr(err.text, mistakes[_i].complaint) != NULL, "%s: %s", mistakes[_i].text, err.text);
	ck_assert_msg(at == mistakes[_i].at, "%s: at %zu", mistakes[_i].text, at);
	ck_assert_ptr_null(expr);
}
END_TEST

static bool parses(struct arena *arena, const char *opening, const char *middle, const char *closing, size_t times)
{
	auto_buf text = BUF_INIT(1 << 20);
	const struct expr *expr;
	size_t at;
	for (size_t i = 0; i < times; i++)
		buf_add_c(&text, opening);
	buf_add_c(&text, middle);
	for (size_t i = 0; i < times; i++)
		buf_add_c(&text, closing);
	return expr_parse(buf_str(&text), arena, &expr, &at, NULL);
}

START_TEST(depth_is_bounded)
{
	static const struct {
		const char *opening, *closing;
	} nests[] = {{"(", ")"}, {"[", "]"}, {"!", ""}, {"-", ""}, {"f(", ")"}, {"", "+1"}, {"", ".a"}, {"", "[0]"},
		{"1 < 2 ? 1 : ", ""}, {"a[", "]"}};
	auto_arena arena = {0};
	for (size_t i = 0; i < COUNT_OF(nests); i++) {
		ck_assert_msg(parses(&arena, nests[i].opening, "a", nests[i].closing, 40), "%zu", i);
		ck_assert_msg(!parses(&arena, nests[i].opening, "a", nests[i].closing, 20000), "%zu", i);
		ck_assert_msg(!parses(&arena, nests[i].opening, "a", nests[i].closing, 90), "%zu", i);
	}
}
END_TEST

START_TEST(texts_have_a_ceiling)
{
	auto_arena arena = {0};
	struct expr_scope scope = {0};
	const struct expr *expr;
	struct expr_value value;
	struct err err = {0};
	size_t at;
	char *big = arena_alloc(&arena, EXPR_TEXT_MAX / 2 + 1);
	memset(big, 'x', EXPR_TEXT_MAX / 2 + 1);
	struct pair_list pairs = {0};
	pair_set(&pairs, &arena, STR("big"), (struct str){big, EXPR_TEXT_MAX / 2 + 1});
	json_t *json = json_pack("{s: s%}", "big", big, (size_t)(EXPR_TEXT_MAX / 2 + 1));
	scope = scope_of(json);
	ck_assert(expr_parse(STR("big + big"), &arena, &expr, &at, &err));
	ck_assert(!expr_eval(expr, &scope, &arena, &value, &err));
	ck_assert_msg(strstr(err.text, "longer than") != NULL, "%s", err.text);
	const struct expr_template *template;
	struct str out;
	ck_assert(expr_template_parse(STR("${{ big }}${{ big }}"), &arena, &template, &at, &err));
	ck_assert(!expr_template_render(template, &scope, &arena, &out, &err));
	ck_assert(!expr_template_reduce(template, &scope, &arena, &out, &err));
	json_decref(json);
	/* names and functions without a caller are unknown, not a crash */
	scope = (struct expr_scope){0};
	ck_assert(!expr_eval(expr, &scope, &arena, &value, &err));
	ck_assert(expr_parse(STR("f()"), &arena, &expr, &at, &err));
	ck_assert(!expr_eval(expr, &scope, &arena, &value, &err));
}
END_TEST

static const struct {
	const char *text;
	const char *rest; /* NULL: fails */
} reductions[] = {
	{"event.branch == 'main'", "true"},
	{"success()", "success()"},
	{"success() && event.branch == 'main'", "success()"},
	{"event.branch == 'dev' && success()", "false"}, /* settled without the run */
	{"success() || event.branch == 'main'", "true"},
	{"event.branch == 'dev' || jobs.a.outputs.x == '1'", "jobs.a.outputs.x == \"1\""},
	{"jobs.a.outputs.x == inputs.n + 1 - event.count", "jobs.a.outputs.x == 5"},
	{"jobs[event.branch].x + event.branch", "jobs[\"main\"].x + \"main\""},
	{"jobs['a-b'].x in event.labels", "jobs[\"a-b\"].x in [\"bug\", \"web\"]"},
	{"event.count > 1 ? jobs.a.outputs.x : nothing.z", "jobs.a.outputs.x"},
	{"success() ? event.count : -event.count", "success() ? 3 : -3"},
	{"!(success() || jobs.a.outputs.x == '2')", "!(success() || jobs.a.outputs.x == \"2\")"}, /* brackets kept */
	{"1 - (2 - jobs.a)", "1 - (2 - jobs.a)"},
	{"(1 - 2) - jobs.a", "-1 - jobs.a"},
	{"(success() ? 1 : 2) + 1", "(success() ? 1 : 2) + 1"},
	{"has(jobs.a.outputs.x)", "has(jobs.a.outputs.x)"},
	{"count(success(), event.count)", "count(success(), 3)"},
	{"jobs.a.outputs.x.startsWith(event.branch)", "jobs.a.outputs.x.startsWith(\"main\")"},
	{"(-9223372036854775807 - 1) == jobs.a", "(-9223372036854775807 - 1) == jobs.a"},
	{"[jobs.a, event.ratio]", "[jobs.a, 0.5]"},
	{"-jobs.a * (1 + jobs.b)", "-jobs.a * (1 + jobs.b)"},
	{"event.nope && success()", NULL}, /* a fault that the run cannot mend is said now */
	{"event == jobs.a", NULL},         /* a map cannot be written down */
	{"[event] == jobs.a", NULL},
	{"5 && success()", NULL},
	{"5 ? success() : false", NULL},
	{"event.nope ? success() : false", NULL},
};

START_TEST(reduction_leaves_what_the_run_knows)
{
	auto_arena arena = {0};
	json_t *json = load_world();
	struct expr_scope scope = scope_of(json);
	const struct expr *expr;
	struct err err = {0};
	size_t at = 0;
	ck_assert_msg(expr_parse(str_of(reductions[_i].text), &arena, &expr, &at, &err), "%s", err.text);
	bool is_fine = expr_reduce(expr, &scope, &arena, &expr, &err);
	ck_assert_msg(is_fine == (reductions[_i].rest != NULL), "%s: %s", reductions[_i].text, err.text);
	if (is_fine) {
		struct str printed = expr_print(expr, &arena);
		ck_assert_msg(str_is(printed, reductions[_i].rest), "%.*s", STR_ARG(printed));
	}
	json_decref(json);
}
END_TEST

static const struct {
	const char *text;
	const char *rendered; /* NULL: fails */
	const char *reduced;  /* NULL: fails */
} templates[] = {
	{"plain", "plain", "plain"},
	{"", "", ""},
	{"a-${{ event.branch }}-b", "a-main-b", "a-main-b"},
	{"${{event.count}}${{ inputs.n }}", "37", "37"},
	{"${{ '}}' }}", "}}", "}}"}, /* braces in quotes end nothing */
	{"v${{ jobs.a.outputs.x }}-${{ event.branch }}", "v1-main", "v${{ jobs.a.outputs.x }}-main"},
	{"${{ event.tag }}", "", ""}, /* null is nothing */
	{"$${{ event.count }}}", "$3}", "$3}"},
	{"$ {{ x }}", "$ {{ x }}", "$ {{ x }}"},
	/* a value that looks like code is never code */
	{"${{ inputs.evil }}", "${{ secret }}", "${{ \"${{\" }} secret }}"},
	{"$${{ '{' }}{ x", "${{ x", "${{ \"${{\" }} x"}, /* put together from neighbours */
	{"${{ event.nope }}", NULL, NULL},
	{"${{ jobs.nope }}", NULL, "${{ jobs.nope }}"},
};

START_TEST(templates_render)
{
	auto_arena arena = {0};
	json_t *json = load_world();
	struct expr_scope scope = scope_of(json);
	const struct expr_template *template;
	struct err err = {0};
	struct str out = STR("untouched");
	size_t at = 0;
	const char *rendered = templates[_i].rendered, *reduced = templates[_i].reduced;
	ck_assert_msg(expr_template_parse(str_of(templates[_i].text), &arena, &template, &at, &err), "%s", err.text);
	ck_assert_int_eq(expr_template_render(template, &scope, &arena, &out, &err), rendered != NULL);
	ck_assert_msg(str_is(out, rendered ? rendered : "untouched"), "%.*s", STR_ARG(out));
	out = STR("untouched");
	ck_assert_int_eq(expr_template_reduce(template, &scope, &arena, &out, &err), reduced != NULL);
	ck_assert_msg(str_is(out, reduced ? reduced : "untouched"), "%.*s", STR_ARG(out));
	if (rendered && reduced) { /* rendering the rest gives what rendering all at once gives */
		ck_assert(expr_template_parse(out, &arena, &template, &at, &err));
		ck_assert(expr_template_render(template, &scope, &arena, &out, &err));
		ck_assert(str_is(out, rendered));
	}
	struct str quoted = expr_template_quote(str_of(templates[_i].text), &arena);
	ck_assert(expr_template_parse(quoted, &arena, &template, &at, &err));
	ck_assert(expr_template_render(template, &scope, &arena, &out, &err));
	ck_assert_msg(str_is(out, templates[_i].text), "%.*s", STR_ARG(out));
	json_decref(json);
}
END_TEST

static const struct {
	const char *text;
	size_t at;
	const char *complaint;
} broken[] = {
	{"ab${{ x", 5, "never closed"},
	{"ab${{ x == }}", 11, "the expression ends"},
	{"${{ }}", 3, "empty"},
	{"${{ a }} and ${{ b # }}", 19, "no meaning"},
	{"${{ 'a }}", 4, "never closed"},
};

START_TEST(broken_templates_have_a_place)
{
	auto_arena arena = {0};
	const struct expr_template *template = NULL;
	struct err err = {0};
	size_t at = 99;
	ck_assert(!expr_template_parse(str_of(broken[_i].text), &arena, &template, &at, &err));
	ck_assert_msg(strstr(err.text, broken[_i].complaint) != NULL, "%s", err.text);
	ck_assert_msg(at == broken[_i].at, "%zu: %s", at, err.text);
	ck_assert_ptr_null(template);
}
END_TEST

struct notes {
	struct buf *out;
};

static void note(void *arg, const struct str *path, size_t count, bool is_call)
{
	struct notes *notes = arg;
	for (size_t i = 0; i < count; i++)
		buf_addf(notes->out, "%s%.*s", i ? "." : "", STR_ARG(path[i]));
	buf_add_c(notes->out, is_call ? "() " : " ");
}

START_TEST(walk_sees_paths_and_calls)
{
	auto_arena arena = {0};
	auto_buf out = BUF_INIT(1000);
	struct notes notes = {&out};
	const struct expr *expr;
	const struct expr_template *template;
	size_t at;
	ck_assert(expr_parse(STR("a.b['c'].d + x[y.z].w == f(g, [h]) ? p.matches(q) : !r"), &arena, &expr, &at, NULL));
	expr_walk(expr, note, &notes);
	ck_assert_pstr_eq(buf_c(&out), "a.b.c.d x y.z f() g h p q r ");
	buf_clear(&out);
	ck_assert(expr_template_parse(STR("${{ a.b }} c ${{ d }}"), &arena, &template, &at, NULL));
	ck_assert(expr_template_has_expr(template));
	expr_template_walk(template, note, &notes);
	ck_assert_pstr_eq(buf_c(&out), "a.b d ");
	ck_assert(expr_template_parse(STR("plain"), &arena, &template, &at, NULL));
	ck_assert(!expr_template_has_expr(template));
	/* a path longer than the limit is cut, not overrun */
	buf_clear(&out);
	ck_assert(expr_parse(STR("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r"), &arena, &expr, &at, NULL));
	expr_walk(expr, note, &notes);
	ck_assert_pstr_eq(buf_c(&out), "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p ");
}
END_TEST

START_TEST(pairs_are_a_map)
{
	auto_arena arena = {0};
	struct pair_list pairs = {0};
	pair_set(&pairs, &arena, STR("A"), STR("1"));
	struct expr_value map = expr_of_pairs(&pairs, &arena);
	ck_assert(str_is(expr_to_text(&map, &arena), "{\"A\": \"1\"}"));
}
END_TEST

START_TEST(regular_expressions_match)
{
	bool is_match;
	struct err err;
	ck_assert(regex_match(STR("INC-[0-9]+"), STR("INC-12"), true, &is_match, &err) && is_match);
	ck_assert(regex_match(STR("INC-[0-9]+"), STR("xINC-12"), true, &is_match, &err) && !is_match);
	ck_assert(
		regex_match(STR("a|ab"), STR("ab"), true, &is_match, &err) && is_match); /* the whole, by any branch */
	ck_assert(regex_match(STR("b"), STR("abc"), false, &is_match, &err) && is_match);
	ck_assert(regex_match(STR("^$"), (struct str){0}, true, &is_match, &err) && is_match);
	ck_assert(!regex_match(STR("a"), STR("\xff"), true, &is_match, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "cannot be matched"));
	ck_assert(regex_check(STR("[a-z]+"), &err));
	ck_assert(!regex_check(STR("[a-z"), &err));
	char big[REGEX_BYTES_MAX + 1];
	memset(big, 'a', sizeof big);
	ck_assert(!regex_check((struct str){big, sizeof big}, &err));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expr");
	TCase *cases = tcase_create("expr");
	tcase_add_loop_test(cases, expressions_have_values, 0, COUNT_OF(values));
	tcase_add_loop_test(cases, faults_are_said, 0, COUNT_OF(failures));
	tcase_add_loop_test(cases, mistakes_have_a_place, 0, COUNT_OF(mistakes));
	tcase_add_test(cases, depth_is_bounded);
	tcase_add_test(cases, texts_have_a_ceiling);
	tcase_add_loop_test(cases, reduction_leaves_what_the_run_knows, 0, COUNT_OF(reductions));
	tcase_add_loop_test(cases, templates_render, 0, COUNT_OF(templates));
	tcase_add_loop_test(cases, broken_templates_have_a_place, 0, COUNT_OF(broken));
	tcase_add_test(cases, walk_sees_paths_and_calls);
	tcase_add_test(cases, pairs_are_a_map);
	tcase_add_test(cases, regular_expressions_match);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
