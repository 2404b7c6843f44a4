#include "common/yaml_marks.h"

#include <string.h>
#include <yaml.h>

enum { ANCHORS_MAX = 1000, ALIASES_MAX = 10000 };

struct level {
	struct marked_node *node;
	struct marked_node *key; /* of a map: waits for its value */
	bool is_flow;
};

struct marker {
	struct arena *arena;
	struct err *err;
	struct str text;
	size_t characters, bytes; /* marks count characters; they only grow, so one cursor turns them into bytes */
	struct level levels[YAML_MARKS_DEPTH_MAX];
	size_t depth;
	struct marked_node **anchors; /* of this document */
	size_t anchor_count, alias_count, node_count;
	struct marked_file file;
};

static bool fail_at(struct marker *marker, const yaml_mark_t *mark, const char *what)
{
	return err_set(marker->err, ERR_INVALID, "line %zu: %s", mark->line + 1, what);
}

static size_t byte_of(struct marker *marker, size_t index)
{
	while (marker->characters < index && marker->bytes < marker->text.n) {
		struct str rest = str_skip(marker->text, marker->bytes);
		str_next_char(&rest);
		marker->bytes = marker->text.n - rest.n;
		marker->characters++;
	}
	return marker->bytes;
}

static struct str copy(struct marker *marker, const yaml_char_t *text)
{
	return text ? arena_str(marker->arena, str_of((const char *)text)) : (struct str){0};
}

static struct marked_node *node_new(struct marker *marker, enum marked_kind kind, const yaml_mark_t *mark)
{
	struct marked_node *node = arena_new(marker->arena, struct marked_node);
	node->kind = kind;
	node->line = (int32_t)mark->line + 1;
	for (size_t i = 0; i < marker->depth; i++)
		node->is_in_flow |= marker->levels[i].is_flow;
	return node;
}

/* Under the waiting key, behind the last item, or as a document. */
static bool place(struct marker *marker, struct marked_node *node, const yaml_mark_t *mark)
{
	struct arena *arena = marker->arena;
	if (++marker->node_count > YAML_MARKS_NODES_MAX)
		return fail_at(marker, mark, "too many values in one file");
	if (marker->depth == 0) {
		struct marked_file *file = &marker->file;
		file->documents = arena_grow(arena, file->documents, sizeof *file->documents, file->count);
		file->documents[file->count++] = node;
		return true;
	}
	struct level *level = &marker->levels[marker->depth - 1];
	struct marked_node *parent = level->node;
	if (parent->kind == MARKED_MAP && !level->key) {
		level->key = node;
		return true;
	}
	parent->items = arena_grow(arena, parent->items, sizeof *parent->items, parent->count);
	if (parent->kind == MARKED_MAP) {
		parent->keys = arena_grow(arena, parent->keys, sizeof *parent->keys, parent->count);
		parent->keys[parent->count] = level->key;
		level->key = NULL;
	}
	parent->items[parent->count++] = node;
	return true;
}

static bool add_anchor(
	struct marker *marker, struct marked_node *node, const yaml_char_t *name, const yaml_mark_t *mark)
{
	if (!name)
		return true;
	if (marker->anchor_count == ANCHORS_MAX)
		return fail_at(marker, mark, "too many anchors");
	node->anchor = copy(marker, name);
	marker->anchors =
		arena_grow(marker->arena, marker->anchors, sizeof(struct marked_node *), marker->anchor_count);
	marker->anchors[marker->anchor_count++] = node;
	return true;
}

static bool on_text(struct marker *marker, const yaml_event_t *event)
{
	struct marked_node *node = node_new(marker, MARKED_TEXT, &event->start_mark);
	yaml_scalar_style_t style = event->data.scalar.style;
	node->start = byte_of(marker, event->start_mark.index);
	node->end = byte_of(marker, event->end_mark.index);
	node->is_plain = style == YAML_PLAIN_SCALAR_STYLE;
	node->is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	node->is_double = style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	node->text = arena_str(
		marker->arena, (struct str){(const char *)event->data.scalar.value, event->data.scalar.length});
	node->tag = copy(marker, event->data.scalar.tag);
	return add_anchor(marker, node, event->data.scalar.anchor, &event->start_mark) &&
	       place(marker, node, &event->start_mark);
}

/* The latest anchor of a name counts, as YAML has it. */
static bool on_alias(struct marker *marker, const yaml_event_t *event)
{
	struct marked_node *node = node_new(marker, MARKED_ALIAS, &event->start_mark);
	node->text = copy(marker, event->data.alias.anchor);
	if (++marker->alias_count > ALIASES_MAX)
		return fail_at(marker, &event->start_mark, "too many aliases");
	for (size_t i = marker->anchor_count; i > 0; i--) {
		if (!str_eq(marker->anchors[i - 1]->anchor, node->text))
			continue;
		marker->anchors[i - 1]->is_shared = true;
		return place(marker, node, &event->start_mark);
	}
	return fail_at(marker, &event->start_mark, "an alias without its anchor");
}

struct opening {
	enum marked_kind kind;
	const yaml_char_t *anchor, *tag;
	bool is_flow;
};

static bool on_open(struct marker *marker, const struct opening *opening, const yaml_mark_t *mark)
{
	struct marked_node *node = node_new(marker, opening->kind, mark);
	node->tag = copy(marker, opening->tag);
	if (!add_anchor(marker, node, opening->anchor, mark) || !place(marker, node, mark))
		return false;
	if (marker->depth == YAML_MARKS_DEPTH_MAX)
		return fail_at(marker, mark, "nested too deep");
	marker->levels[marker->depth++] = (struct level){.node = node, .is_flow = opening->is_flow};
	return true;
}

static bool on_event(struct marker *marker, const yaml_event_t *event)
{
	struct opening opening;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_text(marker, event);
	case YAML_ALIAS_EVENT:
		return on_alias(marker, event);
	case YAML_SEQUENCE_START_EVENT:
		opening = (struct opening){MARKED_LIST, event->data.sequence_start.anchor,
			event->data.sequence_start.tag, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE};
		return on_open(marker, &opening, &event->start_mark);
	case YAML_MAPPING_START_EVENT:
		opening = (struct opening){MARKED_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag,
			event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE};
		return on_open(marker, &opening, &event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		BUG_ON(marker->depth == 0);
		marker->depth--;
		return true;
	case YAML_DOCUMENT_END_EVENT:
		marker->anchor_count = 0;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		return true;
	}
	return true;
}

static bool read_events(struct marker *marker, yaml_parser_t *parser)
{
	for (bool is_over = false; !is_over;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			if (parser->error == YAML_MEMORY_ERROR)
				BUG("out of memory in the YAML parser");
			return fail_at(marker, &parser->problem_mark, parser->problem ? parser->problem : "not YAML");
		}
		is_over = event.type == YAML_STREAM_END_EVENT;
		bool ok = on_event(marker, &event);
		yaml_event_delete(&event);
		if (!ok)
			return false;
	}
	return true;
}

bool yaml_marks_read(struct str text, struct marked_file *ret, struct arena *arena, struct err *err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct marker marker = {.arena = arena, .err = err, .text = text};
	yaml_parser_t parser;
	if (text.n > YAML_MARKS_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "larger than %d KiB", YAML_MARKS_BYTES_MAX / 1024);
	if (!str_is_utf8(text))
		return err_set(err, ERR_INVALID, "not UTF-8");
	if (str_starts(text, str_of(byte_order_mark)))
		marker.bytes = 3;
	if (!yaml_parser_initialize(&parser))
		BUG("out of memory in the YAML parser");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&parser, (const unsigned char *)(text.p ? text.p : "") + marker.bytes, text.n - marker.bytes);
	bool ok = read_events(&marker, &parser);
	yaml_parser_delete(&parser);
	if (ok)
		*ret = marker.file;
	return ok;
}
