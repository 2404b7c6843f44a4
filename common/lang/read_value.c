#include "common/lang/read.h"

#include "common/clock.h"
#include "common/fields.h"
#include "common/size.h"

struct lang_place lang_place_of(const struct lang_reader *reader, const struct yaml_node *node)
{
	return (struct lang_place){reader->file, node->line, node->column};
}

/* What the file has instead, for messages. */
static struct str describe(struct lang_reader *reader, const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_LIST:
		return STR("a list");
	case YAML_MAP:
		return STR("a mapping");
	case YAML_TEXT:
		break;
	}
	if (yaml_is_null(node))
		return STR("empty");
	bool is_short = node->text.n <= 40;
	return arena_printf(reader->arena, node->is_plain ? "%.*s%s" : "the text \"%.*s%s\"",
		STR_ARG(str_brief(node->text, 40)), is_short ? "" : "...");
}

void lang_refuse_kind(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, const char *wanted)
{
	lang_error_add(reader->errors, lang_place_of(reader, node), "\"%s\" in %s must be %s, not %.*s", key->name,
		block->title, wanted, STR_ARG(describe(reader, node)));
}

bool lang_check_count(struct lang_reader *reader, const struct yaml_node *node)
{
	if (node->count <= LANG_ITEMS_MAX)
		return true;
	return lang_error_add(reader->errors, lang_place_of(reader, node), "%zu entries; at most %d are allowed",
		node->count, LANG_ITEMS_MAX);
}

static struct lang_text text_of(struct lang_reader *reader, const struct yaml_node *node)
{
	return (struct lang_text){.at = lang_place_of(reader, node), .text = node->text, .lead = node->lead};
}

struct value {
	struct lang_reader *reader;
	const struct lang_block *block;
	const struct lang_key *key;
};

static bool read_text(const struct value *v, const struct yaml_node *node, struct lang_text *out)
{
	bool is_null = yaml_is_null(node);
	if (node->kind != YAML_TEXT || (is_null && !(v->key->flags & KEY_MAY_BE_EMPTY))) {
		lang_refuse_kind(v->reader, v->block, v->key, node, "a text");
		return false;
	}
	struct lang_place at = lang_place_of(v->reader, node);
	if (is_null)
		return lang_error_add(v->reader->errors, at, "\"%s\" in %s has no value; write \"\" for an empty text",
			v->key->name, v->block->title);
	if (node->text.n == 0 && !(v->key->flags & KEY_MAY_BE_EMPTY))
		return lang_error_add(v->reader->errors, at, "\"%s\" in %s is empty", v->key->name, v->block->title);
	*out = text_of(v->reader, node);
	return true;
}

static void read_texts(const struct value *v, const struct yaml_node *node, struct lang_texts *out)
{
	struct arena *arena = v->reader->arena;
	struct lang_texts texts = {.at = lang_place_of(v->reader, node)};
	if (node->kind == YAML_MAP) {
		lang_refuse_kind(v->reader, v->block, v->key, node, "a text or a list of texts");
		return;
	}
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	if (node->kind == YAML_LIST && !lang_check_count(v->reader, node))
		return;
	for (size_t i = 0; i < count; i++) {
		struct lang_text text;
		if (!read_text(v, node->kind == YAML_LIST ? node->items[i] : node, &text))
			continue;
		texts.items = arena_grow(arena, texts.items, sizeof *texts.items, texts.count);
		texts.items[texts.count++] = text;
	}
	*out = texts;
}

/* A number, true or false is one only without quotes, as every YAML reader and the schema see it. */
static bool is_plain_text(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && node->is_plain;
}

static bool is_in_range(const struct lang_key *key, int64_t value)
{
	return value >= key->min && (key->max == 0 || value <= key->max);
}

static void read_number(const struct value *v, const struct yaml_node *node, struct lang_number *out)
{
	const struct lang_key *key = v->key;
	int64_t number;
	if (!is_plain_text(node) || !str_to_i64(node->text, &number)) {
		lang_refuse_kind(v->reader, v->block, key, node, "a whole number");
		return;
	}
	struct lang_place at = lang_place_of(v->reader, node);
	if (!is_in_range(key, number))
		lang_error_add(v->reader->errors, at, "\"%s\" in %s must be between %lld and %lld, not %lld", key->name,
			v->block->title, (long long)key->min, (long long)key->max, (long long)number);
	*out = (struct lang_number){at, number};
}

static void read_thousandths(const struct value *v, const struct yaml_node *node, struct lang_number *out)
{
	const struct lang_key *key = v->key;
	double number;
	if (!is_plain_text(node) || !str_to_f64(node->text, &number)) {
		lang_refuse_kind(v->reader, v->block, key, node, "a number");
		return;
	}
	struct lang_place at = lang_place_of(v->reader, node);
	double thousandths = number * 1000;
	bool is_sane = thousandths >= (double)key->min && thousandths <= (double)key->max;
	if (!is_sane)
		lang_error_add(v->reader->errors, at, "\"%s\" in %s must be between %g and %g, not %.*s", key->name,
			v->block->title, (double)key->min / 1000, (double)key->max / 1000, STR_ARG(node->text));
	*out = (struct lang_number){at, is_sane ? (int64_t)(thousandths + 0.5) : key->min};
}

static void read_real(const struct value *v, const struct yaml_node *node, struct lang_real *out)
{
	double number;
	if (!is_plain_text(node) || !str_to_f64(node->text, &number))
		lang_refuse_kind(v->reader, v->block, v->key, node, "a number");
	else
		*out = (struct lang_real){lang_place_of(v->reader, node), number};
}

static void read_flag(const struct value *v, const struct yaml_node *node, struct lang_flag *out)
{
	bool is_true = is_plain_text(node) && str_is(node->text, "true");
	if (!is_true && !(is_plain_text(node) && str_is(node->text, "false")))
		lang_refuse_kind(v->reader, v->block, v->key, node, "true or false");
	else
		*out = (struct lang_flag){lang_place_of(v->reader, node), is_true};
}

static void read_duration(const struct value *v, const struct yaml_node *node, struct lang_duration *out)
{
	const struct lang_key *key = v->key;
	struct arena *arena = v->reader->arena;
	struct lang_place at = lang_place_of(v->reader, node);
	struct err err = {0};
	int64_t ms;
	if (node->kind != YAML_TEXT || yaml_is_null(node)) {
		lang_refuse_kind(v->reader, v->block, key, node, "a duration such as 20m");
		return;
	}
	if (!duration_parse(node->text, &ms, &err)) {
		lang_error_add(v->reader->errors, at, "\"%s\" in %s: %s", key->name, v->block->title, err.text);
		return;
	}
	if (ms < key->min)
		lang_error_add(v->reader->errors, at, "\"%s\" in %s must be at least %.*s", key->name, v->block->title,
			STR_ARG(duration_format(arena, key->min)));
	if (key->max && ms > key->max)
		lang_error_add(v->reader->errors, at, "\"%s\" in %s must be at most %.*s", key->name, v->block->title,
			STR_ARG(duration_format(arena, key->max)));
	*out = (struct lang_duration){at, ms};
}

static void read_size(const struct value *v, const struct yaml_node *node, struct lang_size *out)
{
	const struct lang_key *key = v->key;
	struct lang_place at = lang_place_of(v->reader, node);
	struct err err = {0};
	int64_t bytes;
	if (node->kind != YAML_TEXT || yaml_is_null(node)) {
		lang_refuse_kind(v->reader, v->block, key, node, "a size such as 512MiB");
		return;
	}
	if (!size_parse(node->text, &bytes, &err)) {
		lang_error_add(v->reader->errors, at, "\"%s\" in %s: %s", key->name, v->block->title, err.text);
		return;
	}
	if (!is_in_range(key, bytes))
		lang_error_add(v->reader->errors, at, "\"%s\" in %s must be between %.*s and %.*s", key->name,
			v->block->title, STR_ARG(size_format(v->reader->arena, key->min)),
			STR_ARG(size_format(v->reader->arena, key->max)));
	*out = (struct lang_size){at, bytes};
}

static struct str join(struct arena *arena, const char *const *names)
{
	struct str all = {NULL, 0};
	for (; *names; names++)
		all = arena_printf(arena, "%.*s%s%s", STR_ARG(all), all.n ? ", " : "", *names);
	return all;
}

static bool read_choice(const struct value *v, const struct yaml_node *node, struct lang_choice *out)
{
	const struct lang_key *key = v->key;
	struct str known = join(v->reader->arena, key->names);
	if (node->kind != YAML_TEXT || yaml_is_null(node)) {
		lang_refuse_kind(v->reader, v->block, key, node,
			arena_printf(v->reader->arena, "one of %.*s", STR_ARG(known)).p);
		return false;
	}
	int value;
	struct lang_place at = lang_place_of(v->reader, node);
	if (enum_from_name(key->names, node->text, &value)) {
		*out = (struct lang_choice){at, value};
		return true;
	}
	const char *nearest = str_nearest(node->text, key->names);
	if (nearest)
		return lang_error_add(v->reader->errors, at,
			"unknown value \"%.*s\" of \"%s\" in %s; did you mean \"%s\"?",
			STR_ARG(str_brief(node->text, 40)), key->name, v->block->title, nearest);
	return lang_error_add(v->reader->errors, at, "unknown value \"%.*s\" of \"%s\" in %s; it is one of %.*s",
		STR_ARG(str_brief(node->text, 40)), key->name, v->block->title, STR_ARG(known));
}

static void read_choices(const struct value *v, const struct yaml_node *node, struct lang_items *out)
{
	struct lang_items list = {.at = lang_place_of(v->reader, node)};
	struct lang_choice *items = NULL;
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	if (!lang_check_count(v->reader, node))
		return;
	for (size_t i = 0; i < count; i++) {
		struct lang_choice choice;
		if (!read_choice(v, node->kind == YAML_LIST ? node->items[i] : node, &choice))
			continue;
		items = arena_grow(v->reader->arena, items, sizeof *items, list.count);
		items[list.count++] = choice;
	}
	list.items = items;
	*out = list;
}

static bool is_allowed_name(const struct value *v, const struct yaml_node *name)
{
	int ignored;
	if (!v->key->names || enum_from_name(v->key->names, name->text, &ignored))
		return true;
	return lang_error_add(v->reader->errors, lang_place_of(v->reader, name),
		"unknown key \"%.*s\" in \"%s\"; known are %.*s", STR_ARG(str_brief(name->text, 40)), v->key->name,
		STR_ARG(join(v->reader->arena, v->key->names)));
}

static bool read_pairs(const struct value *v, const struct yaml_node *node, struct lang_pairs *out)
{
	struct lang_pairs pairs = {.at = lang_place_of(v->reader, node)};
	if (node->kind != YAML_MAP) {
		lang_refuse_kind(v->reader, v->block, v->key, node, "a mapping of names to texts");
		return false;
	}
	if (!lang_check_count(v->reader, node))
		return false;
	struct lang_block inside = *v->block;
	inside.title = arena_printf(v->reader->arena, "\"%s\" of %s", v->key->name, v->block->title).p;
	for (size_t i = 0; i < node->count; i++) {
		struct lang_pair pair = {.name = text_of(v->reader, node->keys[i])};
		struct lang_key entry = *v->key;
		entry.name = node->keys[i]->text.p;
		struct value value = {v->reader, &inside, &entry};
		if (!is_allowed_name(v, node->keys[i]) || !read_text(&value, node->items[i], &pair.value))
			continue;
		pairs.items = arena_grow(v->reader->arena, pairs.items, sizeof *pairs.items, pairs.count);
		pairs.items[pairs.count++] = pair;
	}
	*out = pairs;
	return true;
}

static void read_rows(const struct value *v, const struct yaml_node *node, struct lang_items *out)
{
	struct lang_items list = {.at = lang_place_of(v->reader, node)};
	struct lang_pairs *items = NULL;
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	if (!lang_check_count(v->reader, node))
		return;
	for (size_t i = 0; i < count; i++) {
		struct lang_pairs row;
		if (!read_pairs(v, node->kind == YAML_LIST ? node->items[i] : node, &row))
			continue;
		items = arena_grow(v->reader->arena, items, sizeof *items, list.count);
		items[list.count++] = row;
	}
	list.items = items;
	*out = list;
}

void lang_read_value(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, void *out)
{
	const struct value value = {reader, block, key};
	switch (key->kind) {
	case LANG_TEXT:
		read_text(&value, node, out);
		return;
	case LANG_NUMBER:
		read_number(&value, node, out);
		return;
	case LANG_THOUSANDTHS:
		read_thousandths(&value, node, out);
		return;
	case LANG_REAL:
		read_real(&value, node, out);
		return;
	case LANG_FLAG:
		read_flag(&value, node, out);
		return;
	case LANG_DURATION:
		read_duration(&value, node, out);
		return;
	case LANG_SIZE:
		read_size(&value, node, out);
		return;
	case LANG_CHOICE:
		read_choice(&value, node, out);
		return;
	case LANG_TEXTS:
		read_texts(&value, node, out);
		return;
	case LANG_CHOICES:
		read_choices(&value, node, out);
		return;
	case LANG_PAIRS:
		read_pairs(&value, node, out);
		return;
	case LANG_ROWS:
		read_rows(&value, node, out);
		return;
	case LANG_BLOCK:
	case LANG_BLOCKS:
	case LANG_NAMED:
		break;
	}
	BUG("%s is not a single value", key->name);
}
