// links: penstock_common
#include "common/yaml_edit.h"

#include "common/buf.h"
#include "common/mem.h"
#include "common/yaml_marks.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *before;
	const char *path, *value;
	const char *after;
} edits[] = {
	/* quotes stay what they are */
	{"a.yaml", "tag: v1\n", "tag", "v2", "tag: v2\n"},
	{"a.yaml", "tag: 'v1'\n", "tag", "v2", "tag: 'v2'\n"},
	{"a.yaml", "tag: \"v1\"\n", "tag", "v2", "tag: \"v2\"\n"},
	{"a.yaml", "tag: 'v1'\n", "tag", "it's", "tag: 'it''s'\n"},
	{"a.yaml", "tag: \"v1\"\n", "tag", "a\"b\\c", "tag: \"a\\\"b\\\\c\"\n"},
	/* comments, blanks, order, line ends, a missing last line end */
	{"a.yaml", "# top\nimage:   # below\n    tag:    v1   # now\n    name: x\n", "image.tag", "v22",
		"# top\nimage:   # below\n    tag:    v22   # now\n    name: x\n"},
	{"a.yaml", "a: 1\r\ntag: v1\r\nb: 2\r\n", "tag", "v2", "a: 1\r\ntag: v2\r\nb: 2\r\n"},
	{"a.yaml", "tag: v1", "tag", "v2", "tag: v2"},
	{"a.yaml", "\xef\xbb\xbftag: v1\n", "tag", "v2", "\xef\xbb\xbftag: v2\n"}, /* byte order mark */
	{"a.yaml", "ä: ö # ü\ntag: ñ\n", "tag", "€", "ä: ö # ü\ntag: €\n"},        /* characters are not bytes */
	{"a.yaml", "? tag\n: v1\n", "tag", "v2", "? tag\n: v2\n"},
	/* a text stays a text */
	{"a.yaml", "tag: v1\n", "tag", "1.10", "tag: \"1.10\"\n"},
	{"a.yaml", "tag: abc\n", "tag", "1234567", "tag: \"1234567\"\n"},
	{"a.yaml", "tag: abc\n", "tag", "12e4567", "tag: \"12e4567\"\n"}, /* a commit that reads as a number */
	{"a.yaml", "tag: abc\n", "tag", "no", "tag: \"no\"\n"},
	{"a.yaml", "tag: abc\n", "tag", "2024-05-01", "tag: \"2024-05-01\"\n"},
	{"a.yaml", "tag: abc\n", "tag", "1:30", "tag: \"1:30\"\n"},
	{"a.yaml", "tag: abc\n", "tag", "0x1f", "tag: \"0x1f\"\n"},
	{"a.yaml", "tag: 1.2.3\n", "tag", "1.2.4", "tag: 1.2.4\n"}, /* no number: two dots */
	{"a.yaml", "tag: v1\n", "tag", "", "tag: \"\"\n"},
	{"a.yaml", "tag: 'v1'\n", "tag", "1.10", "tag: '1.10'\n"},
	/* what was none may be another */
	{"a.yaml", "replicas: 3\n", "replicas", "10", "replicas: 10\n"},
	{"a.yaml", "replicas: 3\n", "replicas", "-5", "replicas: -5\n"},
	{"a.yaml", "on: true\n", "on", "false", "on: false\n"},
	{"a.yaml", "tag: ~\n", "tag", "v1", "tag: v1\n"},
	/* what cannot stand without quotes */
	{"a.yaml", "tag: v1\n", "tag", "a: b", "tag: \"a: b\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "a #b", "tag: \"a #b\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "a#b:c", "tag: a#b:c\n"},
	{"a.yaml", "tag: v1\n", "tag", " a", "tag: \" a\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "a:", "tag: \"a:\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "*a", "tag: \"*a\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "@a", "tag: \"@a\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "- a", "tag: \"- a\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "a\nb: c", "tag: \"a\\nb: c\"\n"},
	{"a.yaml", "tag: 'v1'\n", "tag", "a\nb", "tag: \"a\\nb\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "a\x1b\xc2\x85", "tag: \"a\\x1b\\x85\"\n"},
	{"a.yaml", "tag: v1\n", "tag", "repo/x@sha256:abc", "tag: repo/x@sha256:abc\n"},
	{"a.yaml", "i: {tag: v1, b: c}\n", "i.tag", "a:b", "i: {tag: \"a:b\", b: c}\n"},
	{"a.yaml", "i: {tag: v1, b: c}\n", "i.tag", "a,b", "i: {tag: \"a,b\", b: c}\n"},
	{"a.yaml", "i: {tag: v1, b: c}\n", "i.tag", "v2", "i: {tag: v2, b: c}\n"},
	/* values of several lines */
	{"a.yaml", "tag: a\n  b\nx: 1\n", "tag", "v2", "tag: v2\nx: 1\n"},
	{"a.yaml", "tag: \"a\n  b\"  # c\nx: 1\n", "tag", "v2", "tag: \"v2\"  # c\nx: 1\n"},
	/* paths */
	{"a.yaml", "a:\n- b\n- c # x\n- d\n", "a[1]", "C", "a:\n- b\n- C # x\n- d\n"},
	{"a.yaml", "- a\n- b\n", "[0]", "A", "- A\n- b\n"},
	{"a.yaml", "a:\n- - 1\n  - 2\n", "a[0][1]", "3", "a:\n- - 1\n  - 3\n"},
	{"a.yaml", "c:\n- {name: db, image: x}\n- name: web\n  image: y\n", "c[name=web].image", "z",
		"c:\n- {name: db, image: x}\n- name: web\n  image: z\n"},
	{"a.yaml", "c:\n- name: a.b/c d\n  image: y\n", "c[name='a.b/c d'].image", "z",
		"c:\n- name: a.b/c d\n  image: z\n"},
	{"a.yaml", "a:\n  example.org/x: 1\n", "a.\"example.org/x\"", "2", "a:\n  example.org/x: 2\n"},
	{"a.yaml", "a:\n  'x\"y': 1\n", "a.\"x\\\"y\"", "2", "a:\n  'x\"y': 2\n"},
	{"a.yaml", "1: a\n", "1", "b", "1: b\n"},
	/* one document of several has it */
	{"a.yaml", "kind: A\nspec: {x: 1}\n---\nkind: B\ndata: {y: 2} # c\n...\n", "data.y", "3",
		"kind: A\nspec: {x: 1}\n---\nkind: B\ndata: {y: 3} # c\n...\n"},
	/* tags, anchors and merge keys elsewhere are nobody's business */
	{"a.yaml", "x: &b {k: !!str 1}\ny: {<<: *b, tag: v1}\nz: *b\n", "y.tag", "v2",
		"x: &b {k: !!str 1}\ny: {<<: *b, tag: v2}\nz: *b\n"},
	{"a.yaml", "x: &b {k: 1}\ntag: v1\n", "x.k", "2", "x: &b {k: 2}\ntag: v1\n"}, /* an anchor that nobody uses */
	{"a.yaml", "k: a\nk: b\ntag: v1\n", "tag", "v2", "k: a\nk: b\ntag: v2\n"},
	/* JSON */
	{"a.json", "{\n\t\"tag\": \"v1\",\n\t\"n\": 3\n}\n", "tag", "1.10", "{\n\t\"tag\": \"1.10\",\n\t\"n\": 3\n}\n"},
	{"a.json", "{\"n\": 3, \"b\": true}", "n", "4.5", "{\"n\": 4.5, \"b\": true}"},
	{"a.json", "{\"n\": 3, \"b\": true}", "n", "0x4", "{\"n\": \"0x4\", \"b\": true}"},
	{"a.json", "{\"n\": null}", "n", "a\"b\n", "{\"n\": \"a\\\"b\\n\"}"},
	{"a.json", "{\"a\": [{\"x\": \"\\u00e9\\/\"}]}", "a[0].x", "y", "{\"a\": [{\"x\": \"y\"}]}"},
};

static bool run(const char *name, const char *text, const char *path, const char *value, struct yaml_edited *ret,
	struct arena *arena, struct err *err)
{
	struct pair_list set = {0};
	pair_set(&set, arena, str_of(path), str_of(value));
	return yaml_edit(str_of(name), str_of(text), &set, ret, arena, err);
}

START_TEST(test_edits)
{
	auto_arena arena = {0};
	struct yaml_edited edited;
	struct err err = {0};
	ck_assert_msg(run(edits[_i].name, edits[_i].before, edits[_i].path, edits[_i].value, &edited, &arena, &err),
		"%s", err.text);
	const char *text = arena_str(&arena, edited.text).p;
	ck_assert_str_eq(text, edits[_i].after);
	ck_assert(edited.is_changed && edited.changes[0].is_changed);
	/* A second time there is nothing to do. */
	ck_assert(run(edits[_i].name, text, edits[_i].path, edits[_i].value, &edited, &arena, &err));
	ck_assert(!edited.is_changed && str_is(edited.text, text));
	ck_assert(str_is(edited.changes[0].before, edits[_i].value));
}
END_TEST

static const struct {
	const char *name, *text, *path, *value, *message;
} refusals[] = {
	/* nothing there: says where, and what is near */
	{"apps/web.yaml", "image:\n  tag: v1\n", "image.tgg", "v2",
		"apps/web.yaml: \"image.tgg\": there is no \"tgg\" at \"image\" (line 2); did you mean \"tag\"?"},
	{"a.yaml", "image: {a: 1, b: 2}\n", "image.version", "v2", "there are: a, b"},
	{"a.yaml", "x: 1\n", "image.tag", "v2", "there is no \"image\" at the top of the file"},
	{"a.yaml", "image.tag: v1\n", "image.tag", "v2", "a key with dots; write it in quotes: \"image.tag\""},
	{"a.yaml", "a: [1]\n", "a[1]", "v2", "no item 1 at \"a\" (line 1): the list has 1"},
	{"a.yaml", "a: [{n: x}]\n", "a[n=y].z", "v2", "no item of \"a\" (line 1) has n: y"},
	{"a.yaml", "a: [{n: x}, {n: x}]\n", "a[n=x].z", "v2", "two items of \"a\" have n: x"},
	{"a.yaml", "a: b\n", "a.b", "v2", "\"a\" (line 1) is a text, which has no keys"},
	{"a.yaml", "a: [1]\n", "a.b", "v2", "\"a\" (line 1) is a list, which has no keys"},
	{"a.yaml", "", "a", "v2", "the file is empty"},
	{"a.yaml", "a: 1\n---\na: 2\n", "a", "v2", "in two documents of the file (lines 1 and 3)"},
	/* of several documents the nearest counts */
	{"a.yaml", "kind: A\n---\nspec:\n  image: x\n", "spec.imag", "v2", "did you mean \"image\"?"},
	/* no single value */
	{"a.yaml", "a: {b: 1}\n", "a", "v2", "is a mapping; name a value below it"},
	{"a.yaml", "a: [1]\n", "a", "v2", "is a list; name one of its items"},
	{"a.yaml", "a: |\n  text\n", "a", "v2", "is a block text"},
	{"a.yaml", "a: >-\n  text\n", "a", "v2", "is a block text"},
	{"a.yaml", "a:\nb: 1\n", "a", "v2", "is empty; write a first value"},
	/* shared */
	{"a.yaml", "a: &x v1\nb: *x\n", "a", "v2", "is shared: \"*x\" stands for it elsewhere"},
	{"a.yaml", "a: &x v1\nb: *x\n", "b", "v2", "is an alias; name the path where its anchor stands"},
	{"a.yaml", "a: &x {t: 1}\nb: *x\n", "a.t", "v2", "\"a\" (line 1) is shared"},
	{"a.yaml", "a: &x {t: 1}\nb: *x\n", "b.t", "v2", "is an alias of \"&x\""},
	{"a.yaml", "a: &x v1\n", "a", "v2", "carries a tag or an anchor"},
	{"a.yaml", "a: !!str 1\n", "a", "v2", "carries a tag or an anchor"},
	{"a.yaml", "a: 1\na: 2\n", "a", "v2", "\"a\" stands twice"},
	{"a.yaml", "b: &x {t: 1}\na: {<<: *x}\n", "a.t", "v2", "there is no \"t\" at \"a\""},
	/* the file or the path itself */
	{"a.yaml", "a: [1\n", "a", "v2", "a.yaml: line 2"},
	{"a.yaml", "a: b\n\tc: d\n", "a", "v2", "a.yaml: line 2"},
	{"a.yaml", "a: \xff\n", "a", "v2", "not UTF-8"},
	{"a.yaml", "a: *b\n", "a", "v2", "an alias without its anchor"},
	{"a.json", "{\"a\": 1, \"a\": 2}", "a", "v2", "not JSON"},
	{"a.json", "a: 1\n", "a", "v2", "not JSON"},
	{"a.yaml", "a: 1\n", "", "v2", "the path is empty"},
	{"a.yaml", "a: 1\n", "a.", "v2", "a key is expected"},
	{"a.yaml", "a: 1\n", "a[x]", "v2", "[] holds the number of an item"},
	{"a.yaml", "a: 1\n", "a[-1]", "v2", "[] holds the number of an item"},
	{"a.yaml", "a: 1\n", "a[0", "v2", "\"]\" is missing"},
	{"a.yaml", "a: 1\n", "a b", "v2", "\".\" or \"[\" is expected"},
	{"a.yaml", "a: 1\n", "\"a", "v2", "the quote has no end"},
	{"a.yaml", "a: 1\n", "a", "\xff", "no text in UTF-8"},
};

START_TEST(test_refusals)
{
	auto_arena arena = {0};
	struct yaml_edited edited;
	struct err err = {0};
	ck_assert(!run(
		refusals[_i].name, refusals[_i].text, refusals[_i].path, refusals[_i].value, &edited, &arena, &err));
	ck_assert_msg(
		strstr(err.text, refusals[_i].message), "\"%s\" does not say \"%s\"", err.text, refusals[_i].message);
	ck_assert_msg(!strncmp(err.text, refusals[_i].name, strlen(refusals[_i].name)), "%s", err.text);
}
END_TEST

START_TEST(test_several)
{
	auto_arena arena = {0};
	struct yaml_edited edited;
	struct err err = {0};
	struct pair_list set = {0};
	struct str text = STR("b: 1 # one\na: {x: old, y: same}\n");
	pair_set(&set, &arena, STR("a.x"), STR("new"));
	pair_set(&set, &arena, STR("a.y"), STR("same"));
	pair_set(&set, &arena, STR("b"), STR("22"));
	ck_assert(yaml_edit(STR("f"), text, &set, &edited, &arena, &err));
	ck_assert_str_eq(arena_str(&arena, edited.text).p, "b: 22 # one\na: {x: new, y: same}\n");
	/* In the order in which they were asked for. */
	ck_assert(str_is(edited.changes[0].before, "old") && edited.changes[0].is_changed);
	ck_assert(!edited.changes[1].is_changed);
	ck_assert(str_is(edited.changes[2].before, "1") && edited.changes[2].line == 1);
	pair_set(&set, &arena, STR("a.'x'"), STR("other"));
	ck_assert(!yaml_edit(STR("f"), text, &set, &edited, &arena, &err));
	ck_assert(strstr(err.text, "name the same value"));
	/* A bomb of depth is refused, not followed. */
	char deep[4000];
	memset(deep, '[', sizeof deep);
	ck_assert(!yaml_edit(STR("f"), (struct str){deep, sizeof deep}, &set, &edited, &arena, &err));
	ck_assert_str_eq(err.text, "f: line 1: nested too deep");
}
END_TEST

/* ---- any document, any value: the rest stays ---- */

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice_state >> 33) % sides;
}

static const char *const pieces[] = {"a", "v1.2", "1", "10", "true", "~", ":", " ", "#", "'", "\"", "\\", "\n", "\t",
	"- ", "? ", ": ", " #", ",", "[", "]", "{", "}", "&", "*", "!", "|", ">", "%", "@", "`", "é", "€",
	"\xf0\x9f\x98\x80", "\x1b", "\xc2\x85", "---", "...", "<<", "=", ".", "-", "0x", "e", "\r"};

static struct str random_text(struct arena *arena)
{
	struct str text = STR("");
	for (unsigned i = dice(5); i > 0; i--)
		text = arena_printf(arena, "%s%s", text.p, pieces[dice(COUNT_OF(pieces))]);
	return text;
}

/* A value in some style, for a place where it stands in one line. */
static void add_scalar(struct buf *to)
{
	static const char *const plain[] = {
		"a", "v1", "1.10", "12", "true", "~", "x y", "a:b", "http://x/y#z", "-1", "é"};
	static const char *const blanks[] = {"", " ", "   "};
	switch (dice(3)) {
	case 0:
		buf_add_c(to, plain[dice(COUNT_OF(plain))]);
		break;
	case 1:
		buf_addf(to, "'it''s %u'", dice(100));
		break;
	case 2:
		buf_addf(to, "\"\\t\\\"%u\\u00e9\"", dice(100));
		break;
	}
	buf_add_c(to, blanks[dice(3)]);
}

static void add_map(struct buf *to, unsigned depth);

static void add_value(struct buf *to, unsigned depth)
{
	unsigned kind = depth < 3 ? dice(6) : 5;
	switch (kind) {
	case 0:
		buf_add_c(to, "\n");
		add_map(to, depth + 1);
		return;
	case 1:
		buf_add_c(to, "\n");
		for (unsigned i = 1 + dice(3); i > 0; i--) {
			buf_addf(to, "%*s- ", (int)depth * 2 + 1, "");
			add_scalar(to);
			buf_add_c(to, dice(2) ? " # item\n" : "\n");
		}
		return;
	case 2:
		buf_add_c(to, " {p: ");
		add_scalar(to);
		buf_add_c(to, ", q: [");
		add_scalar(to);
		buf_add_c(to, ", ");
		add_scalar(to);
		buf_add_c(to, "]} # flow\n");
		return;
	case 3:
		buf_addf(to, " |\n%*s# no comment: 'x'\n%*s- text\n", (int)depth * 2 + 2, "", (int)depth * 2 + 2, "");
		return;
	default:
		buf_add_c(to, " ");
		add_scalar(to);
		buf_add_c(to, dice(2) ? " # why\n" : "\n");
	}
}

static void add_map(struct buf *to, unsigned depth)
{
	for (unsigned i = 0, n = 1 + dice(4); i < n; i++) {
		if (dice(4) == 0)
			buf_addf(to, "%*s# a comment: \"of\" its own\n\n", (int)depth * 2, "");
		buf_addf(to, "%*sk%u:", (int)depth * 2, "", i);
		add_value(to, depth);
	}
}

/* Paths of all values below, in the order of the file. */
static void list_paths(const struct marked_node *node, const char *path, struct pair_list *to, struct arena *arena)
{
	if (node->kind == MARKED_TEXT && !node->is_block) {
		to->items = arena_grow(arena, to->items, sizeof *to->items, to->count);
		to->items[to->count++] = (struct pair){str_of(path), node->text};
	}
	for (size_t i = 0; i < node->count; i++)
		list_paths(node->items[i],
			node->kind == MARKED_MAP
				? arena_printf(arena, "%s%s%s", path, *path ? "." : "", node->keys[i]->text.p).p
				: arena_printf(arena, "%s[%zu]", path, i).p,
			to, arena);
}

static struct pair_list paths_of(struct str text, struct arena *arena)
{
	struct marked_file file;
	struct pair_list paths = {0};
	struct err err = {0};
	ck_assert_msg(yaml_marks_read(text, &file, arena, &err), "%s in:\n%s", err.text, text.p);
	ck_assert_uint_eq(file.count, 1);
	list_paths(file.documents[0], "", &paths, arena);
	return paths;
}

START_TEST(test_any_document)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		auto_arena arena = {0};
		auto_buf made = BUF_INIT(1 << 20);
		struct yaml_edited edited;
		struct err err = {0};
		dice_state = seed;
		add_map(&made, 0);
		struct str text = arena_str(&arena, buf_str(&made));
		struct pair_list before = paths_of(text, &arena), set = {0};
		if (before.count == 0)
			continue;
		size_t at = dice((unsigned)before.count);
		struct str value = random_text(&arena);
		pair_set(&set, &arena, before.items[at].name, value);
		ck_assert_msg(yaml_edit(STR("f.yaml"), text, &set, &edited, &arena, &err), "seed %u: %s\n%s", seed,
			err.text, text.p);
		struct pair_list after = paths_of(edited.text, &arena);
		ck_assert_uint_eq(after.count, before.count);
		for (size_t i = 0; i < after.count; i++) {
			struct str expected = i == at ? value : before.items[i].value;
			ck_assert_msg(str_eq(after.items[i].value, expected) &&
					      str_eq(after.items[i].name, before.items[i].name),
				"seed %u: %s is \"%s\"\n%s", seed, after.items[i].name.p, after.items[i].value.p,
				edited.text.p);
		}
		/* Byte for byte but for one stretch: as many lines, all the same but one. */
		struct str old_rest = text, new_rest = edited.text, old_line, new_line;
		unsigned different = 0;
		while (str_cut(&old_rest, '\n', &old_line) && str_cut(&new_rest, '\n', &new_line))
			different += !str_eq(old_line, new_line);
		ck_assert_msg(old_rest.n == 0 && new_rest.n == 0 && different == edited.is_changed, "seed %u:\n%s\n%s",
			seed, text.p, edited.text.p);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml_edit");
	TCase *tcase = tcase_create("edit");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_edits, 0, COUNT_OF(edits));
	tcase_add_loop_test(tcase, test_refusals, 0, COUNT_OF(refusals));
	tcase_add_test(tcase, test_several);
	tcase_add_test(tcase, test_any_document);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
