// links: penstock_common
#include "common/mem.h"
#include "common/yaml.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct yaml_node *read_good(struct arena *arena, const char *text)
{
	struct yaml_faults faults = {0};
	const struct yaml_node *root = NULL;
	bool is_read = yaml_read(str_of(text), arena, &root, &faults);
	struct str reason = faults.count ? faults.items[0].message : STR("no tree");
	ck_assert_msg(is_read && faults.count == 0, "%s: %.*s", text, STR_ARG(reason));
	return root;
}

static const struct {
	const char *text;
	const char *value;
	int line, column, lead; /* of the value of the key `k` */
	bool is_plain, is_null;
} texts[] = {
	{"k: on", "on", 1, 4, 0, true, false},                          /* never a boolean */
	{"k: 1.10", "1.10", 1, 4, 0, true, false},                      /* never a number */
	{"k:   \"a b\"", "a b", 1, 6, 1, false, false},                 /* the text begins behind the quote */
	{"k: \"a\\tb\"", "a\tb", 1, 4, -1, false, false},               /* an escape: no place inside can be told */
	{"k: 'it''s'", "it's", 1, 4, -1, false, false},                 /* the same */
	{"\xc3\xa4: 1\nk: \xc3\xa4", "\xc3\xa4", 2, 4, 0, true, false}, /* characters, not bytes */
	{"k: |\n  a\n  b\n", "a\nb\n", 1, 4, -1, false, false},
	{"k: a\n  b\n", "a b", 1, 4, -1, true, false}, /* folded over two lines */
	{"k:", "", 1, 3, 0, true, true},
	{"k: ~", "~", 1, 4, 0, true, true},
	{"k: null", "null", 1, 4, 0, true, true},
	{"k: Null", "Null", 1, 4, 0, true, true},
	{"k: \"null\"", "null", 1, 4, 1, false, false}, /* quoted: a text */
	{"k: \"\"", "", 1, 4, 1, false, false},
	{"x: &a v\nk: *a\n", "v", 1, 4, -1, true, false}, /* an alias stands where its anchor does */
	{"k: a\r\n", "a", 1, 4, 0, true, false},
};

START_TEST(texts_keep_form_and_place)
{
	auto_arena arena = {0};
	const struct yaml_node *node = yaml_get(read_good(&arena, texts[_i].text), "k");
	ck_assert_ptr_nonnull(node);
	ck_assert_msg(str_is(node->text, texts[_i].value), "\"%.*s\"", STR_ARG(node->text));
	ck_assert_int_eq(node->line, texts[_i].line);
	ck_assert_int_eq(node->column, texts[_i].column);
	ck_assert_int_eq(node->lead, texts[_i].lead);
	ck_assert_int_eq(node->is_plain, texts[_i].is_plain);
	ck_assert_int_eq(yaml_is_null(node), texts[_i].is_null);
}
END_TEST

static const struct {
	const char *text;
	int line, column;
	const char *message;
} faults_found[] = {
	{"a:\n\tb: 1", 2, 1, "a tab cannot indent YAML; use blanks"},
	{"a: 1\n---\nb: 2", 2, 1, "a second document begins here; a file holds one"},
	{"a: \"x", 1, 6, "found unexpected end of stream"}, {"a: *b", 1, 4, "the alias \"*b\" has no anchor before it"},
	{"a: &x [*x]", 1, 8, "the alias \"*x\" contains itself"},
	{"a: &x 1\nb: &x 2", 2, 4, "the anchor \"x\" is defined twice; first in line 1"},
	{"a: \"\xe2\x80\xae\"", 1, 5, "U+202E is a character that changes the direction of text; remove it"},
	{"a: \"x\\0y\"", 1, 4, "\\0 stands for a zero byte, which no text may hold; remove it"},
	{"a: \xc3\xa4\x01", 1, 5, "U+0001 is a control character; remove it"},
	{"a: 1\rb: 2", 1, 5, "U+000D is a control character; remove it"}, /* a line end that editors differ about */
	{"a: \xff", 1, 4, "byte 0xff is not UTF-8; save the file as UTF-8"},
	{"a: \xe2\x82", 1, 4, "byte 0xe2 is not UTF-8; save the file as UTF-8"},             /* cut short */
	{"a: \xf0\x9f\x98\x80\xef\xbb\xbf", 1, 5, "U+FEFF is a byte order mark; remove it"}, /* not at the start */
};

START_TEST(unreadable_texts_say_where)
{
	auto_arena arena = {0};
	struct yaml_faults faults = {0};
	const struct yaml_node *root = NULL;
	ck_assert(!yaml_read(str_of(faults_found[_i].text), &arena, &root, &faults));
	ck_assert_ptr_null(root);
	ck_assert_uint_eq(faults.count, 1);
	ck_assert_msg(str_starts(faults.items[0].message, str_of(faults_found[_i].message)), "%.*s",
		STR_ARG(faults.items[0].message));
	ck_assert_int_eq(faults.items[0].line, faults_found[_i].line);
	ck_assert_int_eq(faults.items[0].column, faults_found[_i].column);
}
END_TEST

START_TEST(small_faults_leave_a_tree)
{
	auto_arena arena = {0};
	struct yaml_faults faults = {0};
	const struct yaml_node *root = NULL;
	ck_assert(yaml_read(
		STR("a: 1\nb: !!int 2\na: 3\n<<: { c: 4 }\n? [x]\n: { d: [5] }\ne: 6\n"), &arena, &root, &faults));
	ck_assert_uint_eq(faults.count, 4);
	ck_assert_uint_eq(root->count, 3);                 /* a, b, e */
	ck_assert(str_is(yaml_get(root, "a")->text, "1")); /* the first one stays */
	ck_assert(str_is(yaml_get(root, "e")->text, "6"));
	ck_assert_ptr_null(yaml_get(root, "<<"));
}
END_TEST

START_TEST(empty_texts_have_no_root)
{
	auto_arena arena = {0};
	ck_assert_ptr_null(read_good(&arena, ""));
	ck_assert_ptr_null(read_good(&arena, "# only words\n"));
	ck_assert_ptr_null(yaml_get(read_good(&arena, "- a"), "a")); /* a list has no keys */
}
END_TEST

/* Returns the message of the one fault. */
static struct str refuse(struct arena *arena, struct str text)
{
	struct yaml_faults faults = {0};
	const struct yaml_node *root;
	ck_assert(!yaml_read(text, arena, &root, &faults));
	return faults.items[faults.count - 1].message;
}

START_TEST(depth_has_a_ceiling)
{
	auto_arena arena = {0};
	char text[2 * YAML_DEPTH_MAX + 3] = {0};
	memset(text, '[', YAML_DEPTH_MAX);
	memset(text + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	read_good(&arena, text);
	memset(text, '[', YAML_DEPTH_MAX + 1);
	memset(text + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
	ck_assert(str_is(refuse(&arena, str_of(text)), "nested more than 48 deep"));
	/* Deep by aliases: each is shallow where it is written. */
	ck_assert(str_is(
		refuse(&arena, STR("a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: &b [[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]\n"
				   "c: [[[[[[[[[[[[[[[[*b]]]]]]]]]]]]]]]]\n")),
		"nested more than 48 deep"));
}
END_TEST

START_TEST(size_has_a_ceiling)
{
	auto_arena arena = {0};
	char *text = arena_alloc(&arena, YAML_BYTES_MAX + 1);
	memset(text, '#', YAML_BYTES_MAX + 1);
	ck_assert(
		str_starts(refuse(&arena, (struct str){text, YAML_BYTES_MAX + 1}), STR("the file has 1048577 bytes")));
	const struct yaml_node *root;
	ck_assert(yaml_read((struct str){text, YAML_BYTES_MAX}, &arena, &root, &(struct yaml_faults){0}));
}
END_TEST

START_TEST(aliases_have_a_ceiling)
{
	auto_arena arena = {0};
	struct str text = STR("a: &a x\nb: [");
	for (int i = 0; i < YAML_ALIASES_MAX + 1; i++)
		text = arena_printf(&arena, "%.*s*a,", STR_ARG(text));
	ck_assert(str_is(refuse(&arena, arena_printf(&arena, "%.*s]", STR_ARG(text))), "more than 1000 aliases"));
	/* Few aliases, a billion values. */
	text = STR("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++)
		text = arena_printf(&arena, "%.*sa%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
			STR_ARG(text), i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	ck_assert(str_is(refuse(&arena, text), "more than 100000 values, with aliases expanded"));
}
END_TEST

START_TEST(anchors_have_a_ceiling)
{
	auto_arena arena = {0};
	struct str text = STR("");
	for (int i = 0; i < YAML_ALIASES_MAX + 1; i++)
		text = arena_printf(&arena, "%.*s- &a%d x\n", STR_ARG(text), i);
	ck_assert(str_is(refuse(&arena, text), "more than 1000 anchors"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *cases = tcase_create("yaml");
	tcase_set_timeout(cases, 30);
	tcase_add_loop_test(cases, texts_keep_form_and_place, 0, COUNT_OF(texts));
	tcase_add_loop_test(cases, unreadable_texts_say_where, 0, COUNT_OF(faults_found));
	tcase_add_test(cases, small_faults_leave_a_tree);
	tcase_add_test(cases, empty_texts_have_no_root);
	tcase_add_test(cases, depth_has_a_ceiling);
	tcase_add_test(cases, size_has_a_ceiling);
	tcase_add_test(cases, aliases_have_a_ceiling);
	tcase_add_test(cases, anchors_have_a_ceiling);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
