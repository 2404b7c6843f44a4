#include "common/yaml_edit.h"

#include "common/buf.h"
#include "common/regex.h"
#include "common/yaml_path.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 64 << 10 };

/* What some reader takes for a null, boolean, number or time: YAML 1.1 and 1.2 together. */
static const char typed_pattern[] = "|~|(?i:null|true|false|yes|no|on|off|y|n)|<<|="
				    "|[-+]?(?:[0-9][0-9_]*|0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+)"
				    "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\\.[0-9_]*)?"
				    "|[-+]?(?:\\.[0-9][0-9_]*|[0-9][0-9_]*(?:\\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
				    "|[-+]?\\.(?i:inf)|\\.(?i:nan)"
				    "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \\t].*)?";
static const char json_pattern[] = "true|false|null|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?";

struct edit {
	struct marked_node *node;
	struct yaml_change *change;
};

struct editor {
	struct str text;
	bool is_json;
	struct edit *edits;
	size_t count;
	struct arena *arena;
	struct err *err;
};

/* ---- how a value is written ---- */

/* Only of texts that the size allows, so that no limit is met. */
static bool is_like(const char *pattern, struct str text)
{
	bool is_match = false;
	return text.n < 100 && regex_match(str_of(pattern), text, true, &is_match, NULL) && is_match;
}

static bool is_printable(uint32_t code)
{
	return (code >= 0x20 && code < 0x7f) ||
	       (code >= 0xa0 && code != 0x2028 && code != 0x2029 && code != 0xfeff && code != 0xfffe && code != 0xffff);
}

static bool is_one_line(struct str text)
{
	while (text.n)
		if (!is_printable(str_next_char(&text)))
			return false;
	return true;
}

/* Whether YAML reads these characters without quotes as they stand; stricter than it must be. */
static bool may_be_plain(struct str text, bool is_in_flow)
{
	if (text.n == 0 || !is_one_line(text) || text.p[0] == ' ' || text.p[text.n - 1] == ' ')
		return false;
	bool is_number = text.p[0] == '-' && text.n > 1 && text.p[1] >= '0' && text.p[1] <= '9';
	if (strchr("-?:,[]{}#&*!|>'\"%@`", text.p[0]) && !is_number)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		bool is_last = i + 1 == text.n;
		if (text.p[i] == ':' && (is_last || text.p[i + 1] == ' ' || is_in_flow))
			return false;
		if (text.p[i] == '#' && text.p[i - 1] == ' ')
			return false;
		if (is_in_flow && strchr(",[]{}", text.p[i]))
			return false;
	}
	return !str_starts(text, STR("...")) && !str_starts(text, STR("---"));
}

static void write_single(struct buf *to, struct str text)
{
	buf_add_char(to, '\'');
	for (size_t i = 0; i < text.n; i++) {
		buf_add_char(to, text.p[i]);
		if (text.p[i] == '\'')
			buf_add_char(to, '\'');
	}
	buf_add_char(to, '\'');
}

static void write_double(struct buf *to, struct str text)
{
	buf_add_char(to, '"');
	while (text.n) {
		struct str before = text;
		uint32_t code = str_next_char(&text);
		if (code == '"' || code == '\\')
			buf_addf(to, "\\%c", (int)code);
		else if (code == '\n')
			buf_add_c(to, "\\n");
		else if (code == '\t')
			buf_add_c(to, "\\t");
		else if (is_printable(code))
			buf_add(to, before.p, before.n - text.n);
		else
			buf_addf(to, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
	}
	buf_add_char(to, '"');
}

static void write_json(struct buf *to, const struct marked_node *node, struct str value)
{
	if (node->is_plain && is_like(json_pattern, value)) {
		buf_add_str(to, value);
		return;
	}
	json_t *json = json_stringn(value.p, value.n);
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
	if (!text)
		BUG("a value that is UTF-8 cannot be written as JSON");
	buf_add_c(to, text);
	free(text);
	json_decref(json);
}

static void write_value(struct buf *to, const struct editor *editor, const struct edit *edit)
{
	const struct marked_node *node = edit->node;
	struct str value = edit->change->after;
	bool was_text = node->is_plain && !is_like(typed_pattern, node->text);
	if (editor->is_json)
		write_json(to, node, value);
	else if (node->is_plain && may_be_plain(value, node->is_in_flow) &&
		 !(was_text && is_like(typed_pattern, value)))
		buf_add_str(to, value);
	else if (!node->is_plain && !node->is_double && is_one_line(value))
		write_single(to, value);
	else
		write_double(to, value);
}

/* ---- what is changed ---- */

static bool check_node(const struct marked_node *node, struct str path, struct err *err)
{
	const char *what = NULL;
	if (node->kind == MARKED_MAP)
		what = "is a mapping; name a value below it";
	else if (node->kind == MARKED_LIST)
		what = "is a list; name one of its items, such as [0]";
	else if (node->kind == MARKED_ALIAS)
		what = "is an alias; name the path where its anchor stands";
	else if (node->is_block)
		what = "is a block text (| or >), which cannot be replaced in place; write it in one line, in quotes";
	else if (node->tag.n || node->anchor.n)
		what = "carries a tag or an anchor; take it away, or give the value a place of its own";
	else if (node->start == node->end)
		what = "is empty; write a first value there by hand, such as \"\"";
	return !what || err_set(err, ERR_INVALID, "\"%.*s\" (line %d) %s", STR_ARG(path), node->line, what);
}

static bool check_value(const struct pair *pair, struct err *err)
{
	if (pair->value.n > VALUE_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the new value of \"%.*s\" is longer than %d KiB",
			STR_ARG(pair->name), VALUE_BYTES_MAX / 1024);
	if (!str_is_utf8(pair->value) || (pair->value.n && memchr(pair->value.p, 0, pair->value.n)))
		return err_set(err, ERR_INVALID, "the new value of \"%.*s\" is no text in UTF-8", STR_ARG(pair->name));
	return true;
}

static bool add_edit(
	struct editor *editor, const struct marked_file *file, const struct pair *pair, struct yaml_change *change)
{
	struct yaml_path path;
	struct marked_node *node;
	if (!check_value(pair, editor->err) || !yaml_path_read(pair->name, &path, editor->arena, editor->err) ||
		!yaml_path_find(&path, file, &node, editor->arena, editor->err) ||
		!check_node(node, pair->name, editor->err))
		return false;
	for (size_t i = 0; i < editor->count; i++)
		if (editor->edits[i].node == node)
			return err_set(editor->err, ERR_INVALID, "\"%.*s\" and \"%.*s\" name the same value",
				STR_ARG(editor->edits[i].change->path), STR_ARG(pair->name));
	*change = (struct yaml_change){.path = pair->name,
		.before = node->text,
		.after = pair->value,
		.line = node->line,
		.is_changed = !str_eq(node->text, pair->value)};
	editor->edits[editor->count++] = (struct edit){node, change};
	return true;
}

static int compare_edits(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;
	return (x->node->start > y->node->start) - (x->node->start < y->node->start);
}

static struct str replace(struct editor *editor)
{
	auto_buf text = BUF_INIT(editor->text.n + editor->count * (6 * VALUE_BYTES_MAX + 2));
	size_t at = 0;
	qsort(editor->edits, editor->count, sizeof *editor->edits, compare_edits);
	for (size_t i = 0; i < editor->count; i++) {
		const struct edit *edit = &editor->edits[i];
		if (!edit->change->is_changed)
			continue;
		buf_add(&text, editor->text.p + at, edit->node->start - at);
		write_value(&text, editor, edit);
		at = edit->node->end;
	}
	buf_add(&text, editor->text.p + at, editor->text.n - at);
	return arena_str(editor->arena, buf_str(&text));
}

/* ---- the proof ---- */

static const struct edit *edit_of(const struct editor *editor, const struct marked_node *node)
{
	for (size_t i = 0; i < editor->count; i++)
		if (editor->edits[i].node == node && editor->edits[i].change->is_changed)
			return &editor->edits[i];
	return NULL;
}

static bool is_same(const struct editor *editor, const struct marked_node *before, const struct marked_node *after)
{
	if (before->kind != after->kind || before->count != after->count || !str_eq(before->tag, after->tag) ||
		!str_eq(before->anchor, after->anchor))
		return false;
	const struct edit *edit = before->kind == MARKED_TEXT ? edit_of(editor, before) : NULL;
	if (edit)
		return str_eq(after->text, edit->change->after);
	if (!str_eq(before->text, after->text) || before->is_plain != after->is_plain)
		return false;
	for (size_t i = 0; i < before->count; i++)
		if ((before->keys && !is_same(editor, before->keys[i], after->keys[i])) ||
			!is_same(editor, before->items[i], after->items[i]))
			return false;
	return true;
}

static bool is_json_text(struct str text)
{
	json_t *json = json_loadb(text.p ? text.p : "", text.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	json_decref(json);
	return json != NULL;
}

static bool check_result(const struct editor *editor, const struct marked_file *before, struct str text)
{
	struct marked_file after;
	struct err err = {0};
	bool ok = yaml_marks_read(text, &after, editor->arena, &err) && before->count == after.count &&
		  (!editor->is_json || is_json_text(text));
	for (size_t i = 0; ok && i < before->count; i++)
		ok = is_same(editor, before->documents[i], after.documents[i]);
	return ok || err_set(editor->err, ERR_UNSUPPORTED,
			     "the values cannot be put in their places without changing more than them%s%s",
			     err.kind != ERR_NONE ? ": " : "", err.text);
}

static bool edit(struct editor *editor, const struct pair_list *set, struct yaml_edited *ret)
{
	struct marked_file file;
	struct yaml_edited made = {.count = set->count};
	if (editor->is_json && !is_json_text(editor->text))
		return err_set(editor->err, ERR_INVALID, "not JSON, or with a key that stands twice");
	if (!yaml_marks_read(editor->text, &file, editor->arena, editor->err))
		return false;
	made.changes = arena_array(editor->arena, struct yaml_change, set->count);
	editor->edits = arena_array(editor->arena, struct edit, set->count);
	for (size_t i = 0; i < set->count; i++) {
		if (!add_edit(editor, &file, &set->items[i], &made.changes[i]))
			return false;
		made.is_changed |= made.changes[i].is_changed;
	}
	made.text = made.is_changed ? replace(editor) : editor->text;
	if (made.is_changed && !check_result(editor, &file, made.text))
		return false;
	*ret = made;
	return true;
}

bool yaml_edit(struct str name, struct str text, const struct pair_list *set, struct yaml_edited *ret,
	struct arena *arena, struct err *err)
{
	struct editor editor = {.text = text, .is_json = str_ends(name, STR(".json")), .arena = arena, .err = err};
	return edit(&editor, set, ret) || err_wrap(err, "%.*s", STR_ARG(str_head(name, 200)));
}
