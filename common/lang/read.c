#include "common/lang/read.h"

#include <string.h>

const struct lang_key *lang_find_key(const struct lang_block *block, struct str name)
{
	for (const struct lang_key *key = block->keys; key->name; key++)
		if (str_is(name, key->name))
			return key;
	return NULL;
}

size_t lang_kind_size(const struct lang_key *key)
{
	switch (key->kind) {
	case LANG_TEXT:
		return sizeof(struct lang_text);
	case LANG_NUMBER:
	case LANG_THOUSANDTHS:
		return sizeof(struct lang_number);
	case LANG_REAL:
		return sizeof(struct lang_real);
	case LANG_FLAG:
		return sizeof(struct lang_flag);
	case LANG_DURATION:
		return sizeof(struct lang_duration);
	case LANG_SIZE:
		return sizeof(struct lang_size);
	case LANG_CHOICE:
		return sizeof(struct lang_choice);
	case LANG_BLOCK:
		return key->block->size;
	case LANG_TEXTS:
	case LANG_CHOICES:
	case LANG_PAIRS:
	case LANG_ROWS:
	case LANG_BLOCKS:
	case LANG_NAMED:
		return sizeof(struct lang_items);
	}
	BUG("kind %d", (int)key->kind);
}

static void refuse_unknown(struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *key)
{
	struct lang_place at = lang_place_of(reader, key);
	struct str name = str_brief(key->text, 60);
	const struct lang_foreign *foreign = block->foreign;
	for (; foreign && foreign->theirs; foreign++) {
		if (!str_is(key->text, foreign->theirs))
			continue;
		if (strchr(foreign->ours, ' '))
			lang_error_add(reader->errors, at, "unknown key \"%.*s\" in %s; %s", STR_ARG(name),
				block->title, foreign->ours);
		else
			lang_error_add(reader->errors, at, "unknown key \"%.*s\" in %s; here it is \"%s\"",
				STR_ARG(name), block->title, foreign->ours);
		return;
	}
	if (reader->errors->count == LANG_ERRORS_MAX) {
		reader->errors->left_out++; /* nobody will read a suggestion */
		return;
	}
	const char *names[64];
	size_t count = 0;
	for (const struct lang_key *known = block->keys; known->name; known++)
		names[count++] = known->name;
	names[count] = NULL;
	BUG_ON(count >= sizeof names / sizeof names[0]);
	const char *nearest = str_nearest(key->text, names);
	if (nearest) {
		lang_error_add(reader->errors, at, "unknown key \"%.*s\" in %s; did you mean \"%s\"?", STR_ARG(name),
			block->title, nearest);
		return;
	}
	struct str all = {NULL, 0};
	for (size_t i = 0; i < count; i++)
		all = arena_printf(reader->arena, "%.*s%s%s", STR_ARG(all), i ? ", " : "", names[i]);
	lang_error_add(reader->errors, at, "unknown key \"%.*s\" in %s; known are %.*s", STR_ARG(name), block->title,
		STR_ARG(all));
}

static void *list_add(struct lang_reader *reader, struct lang_items *list, size_t size)
{
	list->items = arena_grow(reader->arena, list->items, size, list->count);
	void *item = (char *)list->items + size * list->count++;
	memset(item, 0, size);
	return item;
}

/* Entries that merge by name need one, each its own. */
static void check_identity(struct lang_reader *reader, const struct lang_block *block, const struct lang_items *list)
{
	const struct lang_key *key = block->keys;
	while (key->name && !(key->flags & KEY_IDENTIFIES))
		key++;
	for (size_t i = 0; key->name && i < list->count; i++) {
		const void *item = (const char *)list->items + block->size * i;
		const struct lang_text *name = lang_member(key, item);
		if (!LANG_IS_SET(*name))
			lang_error_add(reader->errors, *(const struct lang_place *)item, "%s needs \"%s\"",
				block->title, key->name);
		for (size_t j = 0; j < i && name->text.n; j++) {
			const struct lang_text *other = lang_member(key, (const char *)list->items + block->size * j);
			if (str_eq(other->text, name->text))
				lang_error_add(reader->errors, name->at,
					"the %s \"%.*s\" of %s is taken; first in line %d", key->name,
					STR_ARG(name->text), block->title, (int)other->at.line);
		}
	}
}

static void read_blocks(struct lang_reader *reader, const struct lang_block *parent, const struct lang_key *key,
	const struct yaml_node *node, void *out)
{
	struct lang_items list = {.at = lang_place_of(reader, node)};
	bool is_short = node->kind == YAML_TEXT && key->block->shorthand && !yaml_is_null(node);
	if (node->kind == YAML_TEXT && !is_short) {
		lang_refuse_kind(reader, parent, key, node, "a list of mappings");
		return;
	}
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	if (node->kind == YAML_LIST && !lang_check_count(reader, node))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node;
		lang_read_block(reader, key->block, item, list_add(reader, &list, key->block->size));
	}
	check_identity(reader, key->block, &list);
	memcpy(out, &list, sizeof list);
}

/* Every struct that is read by name begins with its place and its name. */
struct named {
	struct lang_place at;
	struct lang_text name;
};

static void read_named(struct lang_reader *reader, const struct lang_key *key, const struct yaml_node *name,
	const struct yaml_node *node, struct lang_items *list)
{
	struct named *item = list_add(reader, list, key->block->size);
	lang_read_block(reader, key->block, node, item);
	/* The name stands for the entry, even where what follows it cannot be read. */
	item->name = (struct lang_text){lang_place_of(reader, name), name->text, name->lead};
	item->at = item->name.at;
}

static void read_all_named(struct lang_reader *reader, const struct lang_block *parent, const struct lang_key *key,
	const struct yaml_node *node, void *out)
{
	struct lang_items list = {.at = lang_place_of(reader, node)};
	if (node->kind != YAML_MAP) {
		lang_refuse_kind(reader, parent, key, node, "a mapping of names");
		return;
	}
	if (!lang_check_count(reader, node))
		return;
	for (size_t i = 0; i < node->count; i++)
		read_named(reader, key, node->keys[i], node->items[i], &list);
	memcpy(out, &list, sizeof list);
}

static void read_by_kind(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, void *out)
{
	switch (key->kind) {
	case LANG_BLOCK:
		lang_read_block(reader, key->block, node, out);
		return;
	case LANG_BLOCKS:
		read_blocks(reader, block, key, node, out);
		return;
	case LANG_NAMED:
		read_all_named(reader, block, key, node, out);
		return;
	case LANG_TEXT:
	case LANG_NUMBER:
	case LANG_THOUSANDTHS:
	case LANG_REAL:
	case LANG_FLAG:
	case LANG_DURATION:
	case LANG_SIZE:
	case LANG_CHOICE:
	case LANG_TEXTS:
	case LANG_CHOICES:
	case LANG_PAIRS:
	case LANG_ROWS:
		lang_read_value(reader, block, key, node, out);
		return;
	}
}

/* A value that could not be read counts as given, and is empty: nobody is told that it is missing, too. */
static void read_member(struct lang_reader *reader, const struct lang_block *block, const struct lang_key *key,
	const struct yaml_node *node, void *base)
{
	struct lang_place at = lang_place_of(reader, node);
	bool is_list = node->kind == YAML_LIST ||
		       (node->kind == YAML_MAP && key->kind != LANG_BLOCK && key->kind != LANG_BLOCKS);
	bool is_listed = key->kind != LANG_NUMBER && key->kind != LANG_DURATION && key->kind != LANG_SIZE &&
			 key->kind != LANG_THOUSANDTHS;
	if (is_list && is_listed && node->count < (size_t)key->min)
		lang_error_add(reader->errors, at, "\"%s\" in %s is empty", key->name, block->title);
	read_by_kind(reader, block, key, node, lang_member(key, base));
	if (!lang_is_set(key, base))
		*(struct lang_place *)lang_member(key, base) = at;
}

static void read_map(
	struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *node, void *out)
{
	struct lang_items *rest = block->rest ? lang_member(block->rest, out) : NULL;
	if (!lang_check_count(reader, node))
		return;
	if (block->rest && node->count == 0)
		lang_error_add(reader->errors, lang_place_of(reader, node), "%s is empty", block->title);
	for (size_t i = 0; i < node->count; i++) {
		const struct lang_key *key = lang_find_key(block, node->keys[i]->text);
		if (key) {
			read_member(reader, block, key, node->items[i], out);
		} else if (rest) {
			rest->at = lang_place_of(reader, node);
			read_named(reader, block->rest, node->keys[i], node->items[i], rest);
		} else {
			refuse_unknown(reader, block, node->keys[i]);
		}
	}
}

/* `on: push` or `on: [push, manual]`: each name is a key with an empty block. */
static void read_names(
	struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *node, void *out)
{
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *name = node->kind == YAML_LIST ? node->items[i] : node;
		struct lang_place at = lang_place_of(reader, name);
		const struct lang_key *key = name->kind == YAML_TEXT ? lang_find_key(block, name->text) : NULL;
		if (name->kind != YAML_TEXT)
			lang_error_add(reader->errors, at, "a name is expected in the short form of %s", block->title);
		else if (!key)
			refuse_unknown(reader, block, name);
		else if (!(key->block->flags & BLOCK_MAY_BE_NULL))
			lang_error_add(
				reader->errors, at, "\"%s\" in %s needs more than its name", key->name, block->title);
		else
			*(struct lang_place *)lang_member(key, out) = at;
	}
}

/* A block that cannot be read at all is reported once, not again for each key that it ought to have. */
static void mark_required(const struct lang_block *block, struct lang_place at, void *out)
{
	for (const struct lang_key *key = block->keys; key->name; key++)
		if (key->flags & KEY_REQUIRED)
			*(struct lang_place *)lang_member(key, out) = at;
	if (block->one_of)
		*(struct lang_place *)lang_member(lang_find_key(block, str_of(block->one_of[0])), out) = at;
}

static void refuse_block(
	struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *node, void *out)
{
	const char *got = node->kind == YAML_LIST ? "a list" : yaml_is_null(node) ? "empty" : "a text";
	struct lang_place at = lang_place_of(reader, node);
	if (block->word)
		lang_error_add(
			reader->errors, at, "%s must be a mapping or \"%s\", not %s", block->title, block->word, got);
	else
		lang_error_add(reader->errors, at, "%s must be a mapping, not %s", block->title, got);
	mark_required(block, at, out);
}

bool lang_read_yaml(struct lang_reader *reader, struct str text, const struct yaml_node **ret)
{
	struct yaml_faults faults = {0};
	const struct yaml_node *root = NULL;
	bool is_read = yaml_read(text, reader->arena, &root, &faults);
	for (size_t i = 0; i < faults.count; i++) {
		const struct yaml_fault *fault = &faults.items[i];
		lang_error_add(reader->errors, (struct lang_place){reader->file, fault->line, fault->column}, "%.*s",
			STR_ARG(fault->message));
	}
	if (is_read)
		*ret = root;
	return is_read;
}

void lang_read_block(
	struct lang_reader *reader, const struct lang_block *block, const struct yaml_node *node, void *out)
{
	struct lang_place at = lang_place_of(reader, node);
	const struct lang_key *shorthand = block->shorthand ? lang_find_key(block, str_of(block->shorthand)) : NULL;
	bool is_null = yaml_is_null(node);
	*(struct lang_place *)out = at;
	if (node->kind == YAML_MAP && !(block->flags & BLOCK_ONLY_SHORT))
		read_map(reader, block, node, out);
	else if (is_null && (block->flags & BLOCK_MAY_BE_NULL))
		return;
	else if (node->kind == YAML_TEXT && block->word && str_is(node->text, block->word))
		*((bool *)out + block->word_offset) = true;
	else if (shorthand && !is_null)
		read_member(reader, block, shorthand, node, out);
	else if ((block->flags & BLOCK_NAMES_KEYS) && !is_null)
		read_names(reader, block, node, out);
	else
		refuse_block(reader, block, node, out);
}
