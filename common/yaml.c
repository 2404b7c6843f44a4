#include "common/yaml.h"

#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct anchor {
	struct str name;
	struct yaml_node *node;
};

/* An open list or map. */
struct level {
	struct yaml_node *node;
	struct yaml_node *key; /* of a map: waits for its value */
	bool skips_value;      /* the key was refused */
};

struct builder {
	struct arena *arena;
	struct yaml_faults *faults;
	struct yaml_node *root;
	struct level levels[YAML_DEPTH_MAX];
	int32_t depth;
	struct anchor *anchors;
	size_t anchor_count;
	size_t alias_count;
	bool is_document_done;
};

static bool fault_at(struct arena *arena, struct yaml_faults *faults, int64_t line, int64_t column, const char *format,
	...) __attribute__((format(printf, 5, 6)));

static bool fault_at(
	struct arena *arena, struct yaml_faults *faults, int64_t line, int64_t column, const char *format, ...)
{
	char text[240];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	faults->items = arena_grow(arena, faults->items, sizeof *faults->items, faults->count);
	faults->items[faults->count++] = (struct yaml_fault){.line = (int32_t)line,
		.column = (int32_t)column,
		.message = arena_str(arena, str_whole_chars(str_of(text)))};
	return false;
}

#define fault(builder, mark, ...)                                                                                      \
	fault_at((builder)->arena, (builder)->faults, (int64_t)(mark).line + 1, (int64_t)(mark).column + 1, __VA_ARGS__)

/* The text itself: bytes that an editor does not show, or that make lines look different from what they are. */

static uint32_t code_point(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0];
	uint32_t code = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3fu);
	return code;
}

static const char *refuse_character(uint32_t code)
{
	if ((code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0))
		return "a control character";
	if (code == 0x2028 || code == 0x2029)
		return "a line separator that editors do not show as a line end";
	if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return "a character that changes the direction of text";
	if (code == 0xfeff)
		return "a byte order mark";
	return NULL;
}

static bool check_text(struct str text, struct arena *arena, struct yaml_faults *faults)
{
	int64_t line = 1, column = 1;
	for (size_t i = 0; i < text.n;) {
		unsigned char c = (unsigned char)text.p[i];
		size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		if (n > text.n - i || !str_is_utf8((struct str){text.p + i, n}))
			return fault_at(
				arena, faults, line, column, "byte 0x%02x is not UTF-8; save the file as UTF-8", c);
		uint32_t code = code_point((const unsigned char *)text.p + i, n);
		bool is_crlf = c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n';
		const char *what = is_crlf ? NULL : refuse_character(code);
		if (what)
			return fault_at(arena, faults, line, column, "U+%04X is %s; remove it", code, what);
		column = c == '\n' ? 1 : column + 1;
		line += c == '\n';
		i += n;
	}
	return true;
}

/* Building the tree */

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node = arena_new(b->arena, struct yaml_node);
	*node = (struct yaml_node){.kind = kind,
		.line = (int32_t)mark.line + 1,
		.column = (int32_t)mark.column + 1,
		.expanded = 1,
		.height = 1,
		.lead = -1};
	return node;
}

static bool refuse_tag(struct builder *b, const yaml_char_t *tag, yaml_mark_t mark)
{
	if (tag)
		fault(b, mark, "the tag \"%s\" is not supported; values get their type from where they stand",
			(const char *)tag);
	return true;
}

static bool add_anchor(struct builder *b, const yaml_char_t *name, struct yaml_node *node, yaml_mark_t mark)
{
	if (!name)
		return true;
	struct str text = arena_str(b->arena, str_of((const char *)name));
	for (size_t i = 0; i < b->anchor_count; i++)
		if (str_eq(b->anchors[i].name, text))
			return fault(b, mark, "the anchor \"%s\" is defined twice; first in line %d", text.p,
				(int)b->anchors[i].node->line);
	if (b->anchor_count == YAML_ALIASES_MAX)
		return fault(b, mark, "more than %d anchors", YAML_ALIASES_MAX);
	b->anchors = arena_grow(b->arena, b->anchors, sizeof *b->anchors, b->anchor_count);
	b->anchors[b->anchor_count++] = (struct anchor){text, node};
	return true;
}

static struct level *top(struct builder *b)
{
	return b->depth ? &b->levels[b->depth - 1] : NULL;
}

/* Counts what `child` adds to the open levels, so that a bomb of aliases is seen before anybody walks it. */
static bool count_in(struct builder *b, const struct yaml_node *child, yaml_mark_t mark)
{
	if (b->depth + child->height > YAML_DEPTH_MAX)
		return fault(b, mark, "nested more than %d deep", YAML_DEPTH_MAX);
	for (int32_t i = 0; i < b->depth; i++) {
		struct yaml_node *open = b->levels[i].node;
		open->expanded += child->expanded;
		int32_t height = b->depth - i + child->height;
		if (open->height < height)
			open->height = height;
	}
	size_t total = b->depth ? b->levels[0].node->expanded : child->expanded;
	if (total > YAML_NODES_MAX)
		return fault(b, mark, "more than %d values, with aliases expanded", YAML_NODES_MAX);
	return true;
}

static bool take_key(struct builder *b, struct level *level, struct yaml_node *key, bool is_alias, yaml_mark_t mark)
{
	level->key = key;
	level->skips_value = true;
	if (key->kind != YAML_TEXT || is_alias)
		fault(b, mark, "a key must be a plain text");
	else if (key->is_plain && str_is(key->text, "<<"))
		fault(b, mark,
			"the merge key \"<<\" is not supported; repeat the keys, or use \"defaults\" or \"extends\"");
	else if (yaml_is_null(key))
		fault(b, mark, "a key is missing before \":\"");
	else
		level->skips_value = false;
	return true;
}

/* Puts a node where the text has it: under the waiting key, behind the last item, or as the root. */
static bool place(struct builder *b, struct yaml_node *node, bool is_alias, yaml_mark_t mark)
{
	struct level *level = top(b);
	if (!count_in(b, node, mark))
		return false;
	if (!level) {
		b->root = node;
		return true;
	}
	struct yaml_node *parent = level->node;
	if (parent->kind == YAML_MAP && !level->key)
		return take_key(b, level, node, is_alias, mark);
	if (parent->kind == YAML_MAP && level->skips_value) {
		level->key = NULL;
		return true;
	}
	parent->items = arena_grow(b->arena, parent->items, sizeof *parent->items, parent->count);
	if (parent->kind == YAML_MAP) {
		parent->keys = arena_grow(b->arena, parent->keys, sizeof *parent->keys, parent->count);
		parent->keys[parent->count] = level->key;
		level->key = NULL;
	}
	parent->items[parent->count++] = node;
	return true;
}

static bool on_text(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *node = node_new(b, YAML_TEXT, event->start_mark);
	yaml_scalar_style_t style = event->data.scalar.style;
	node->is_plain = style == YAML_PLAIN_SCALAR_STYLE;
	node->text =
		arena_str(b->arena, (struct str){(const char *)event->data.scalar.value, event->data.scalar.length});
	/* Other characters may be escaped; this one ends arguments, environments and the database's texts. */
	if (node->text.n > 0 && memchr(node->text.p, 0, node->text.n))
		return fault(b, event->start_mark, "\\0 stands for a zero byte, which no text may hold; remove it");
	bool is_quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	size_t characters = 0;
	for (size_t i = 0; i < node->text.n; i++)
		characters += ((unsigned char)node->text.p[i] & 0xc0) != 0x80;
	bool is_in_one_line = event->start_mark.line == event->end_mark.line;
	size_t written = is_in_one_line ? event->end_mark.column - event->start_mark.column : 0;
	if (is_in_one_line && (is_quoted || node->is_plain) && written == characters + (is_quoted ? 2 : 0))
		node->lead = is_quoted;
	return refuse_tag(b, event->data.scalar.tag, event->start_mark) &&
	       add_anchor(b, event->data.scalar.anchor, node, event->start_mark) &&
	       place(b, node, false, event->start_mark);
}

static bool on_open(
	struct builder *b, enum yaml_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t mark)
{
	struct yaml_node *node = node_new(b, kind, mark);
	if (!refuse_tag(b, tag, mark) || !add_anchor(b, anchor, node, mark) || !place(b, node, false, mark))
		return false;
	b->levels[b->depth++] = (struct level){.node = node};
	return true;
}

static bool on_alias(struct builder *b, const yaml_event_t *event)
{
	struct str name = str_of((const char *)event->data.alias.anchor);
	if (++b->alias_count > YAML_ALIASES_MAX)
		return fault(b, event->start_mark, "more than %d aliases", YAML_ALIASES_MAX);
	struct yaml_node *target = NULL;
	for (size_t i = 0; i < b->anchor_count; i++)
		if (str_eq(b->anchors[i].name, name))
			target = b->anchors[i].node;
	if (!target)
		return fault(b, event->start_mark, "the alias \"*%s\" has no anchor before it", name.p);
	for (int32_t i = 0; i < b->depth; i++)
		if (b->levels[i].node == target)
			return fault(b, event->start_mark, "the alias \"*%s\" contains itself", name.p);
	return place(b, target, true, event->start_mark);
}

static int compare_keys(const void *a, const void *b, void *map)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	struct yaml_node *const *keys = ((const struct yaml_node *)map)->keys;
	int order = str_compare(keys[i]->text, keys[j]->text);
	return order ? order : (i > j) - (i < j);
}

/* The first one stays. Sorted, so that a map of a hundred thousand keys costs no quadratic search. */
static void drop_duplicates(struct builder *b, struct yaml_node *map)
{
	size_t *sorted = arena_array(b->arena, size_t, map->count);
	bool *is_dropped = arena_array(b->arena, bool, map->count);
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = i;
	qsort_r(sorted, map->count, sizeof *sorted, compare_keys, map);
	for (size_t i = 1, first = 0; i < map->count; i++) {
		const struct yaml_node *key = map->keys[sorted[i]], *before = map->keys[sorted[first]];
		if (!str_eq(key->text, before->text)) {
			first = i;
			continue;
		}
		is_dropped[sorted[i]] = true;
		fault_at(b->arena, b->faults, key->line, key->column, "duplicate key \"%.*s\"; first in line %d",
			STR_ARG(str_brief(key->text, 60)), (int)before->line);
	}
	size_t kept = 0;
	for (size_t i = 0; i < map->count; i++) {
		if (is_dropped[i])
			continue;
		map->keys[kept] = map->keys[i];
		map->items[kept++] = map->items[i];
	}
	map->count = kept;
}

static bool on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->is_document_done)
			return fault(b, event->start_mark, "a second document begins here; a file holds one");
		return true;
	case YAML_DOCUMENT_END_EVENT:
		b->is_document_done = true;
		return true;
	case YAML_SCALAR_EVENT:
		return on_text(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, YAML_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag,
			event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, YAML_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag,
			event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return true;
	case YAML_MAPPING_END_EVENT:
		BUG_ON(b->depth < 1);
		drop_duplicates(b, b->levels[b->depth - 1].node);
		b->depth--;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
		return true;
	}
	return true;
}

/* Marks count characters, not bytes; a tab and what we compare it with are one byte each. */
static char character_at(struct str text, yaml_mark_t mark)
{
	struct str line = {NULL, 0};
	for (size_t i = 0; i <= mark.line; i++)
		if (!str_cut(&text, '\n', &line))
			return 0;
	size_t at = 0;
	for (size_t column = 0; at < line.n; at++) {
		bool is_start = ((unsigned char)line.p[at] & 0xc0) != 0x80;
		if (is_start && column++ == mark.column)
			return line.p[at];
	}
	return 0;
}

/* libyaml's own words are those of the YAML standard; the commonest mistake deserves better ones. */
static bool fault_of_parser(struct builder *b, const yaml_parser_t *parser, struct str text)
{
	if (parser->error == YAML_MEMORY_ERROR)
		BUG("out of memory in the YAML parser");
	yaml_mark_t mark = parser->problem_mark;
	if (character_at(text, mark) == '\t')
		return fault(b, mark, "a tab cannot indent YAML; use blanks");
	const char *problem = parser->problem ? parser->problem : "not YAML";
	if (parser->context && parser->context_mark.line != mark.line)
		return fault(b, mark, "%s (%s in line %zu)", problem, parser->context, parser->context_mark.line + 1);
	return fault(b, mark, "%s", problem);
}

static bool parse(struct builder *b, yaml_parser_t *parser, struct str text)
{
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return fault_of_parser(b, parser, text);
		bool is_end = event.type == YAML_STREAM_END_EVENT;
		bool is_good = on_event(b, &event);
		yaml_event_delete(&event);
		if (!is_good || is_end)
			return is_good;
	}
}

bool yaml_read(struct str text, struct arena *arena, const struct yaml_node **ret, struct yaml_faults *faults)
{
	if (text.n > YAML_BYTES_MAX)
		return fault_at(
			arena, faults, 1, 1, "the file has %zu bytes; at most %d are read", text.n, YAML_BYTES_MAX);
	/* One mark at the very start is what some editors write. */
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	if (!check_text(text, arena, faults))
		return false;
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		BUG("out of memory in the YAML parser");
	struct builder *b = arena_new(arena, struct builder);
	*b = (struct builder){.arena = arena, .faults = faults};
	bool is_good = parse(b, &parser, text);
	yaml_parser_delete(&parser);
	if (is_good)
		*ret = b->root;
	return is_good;
}

bool yaml_is_null(const struct yaml_node *node)
{
	if (node->kind != YAML_TEXT || !node->is_plain)
		return false;
	return node->text.n == 0 || str_is(node->text, "~") || str_is(node->text, "null") ||
	       str_is(node->text, "Null") || str_is(node->text, "NULL");
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i < map->count; i++)
		if (str_is(map->keys[i]->text, key))
			return map->items[i];
	return NULL;
}
