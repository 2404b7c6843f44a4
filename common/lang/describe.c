#include "common/lang/describe.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/size.h"

static json_t *describe_texts(const struct lang_texts *texts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_of_str(texts->items[i].text));
	return list;
}

static void put(json_t *object, struct str name, json_t *value)
{
	json_object_setn_new_nocheck(object, name.p, name.n, value);
}

static json_t *describe_pairs(const struct lang_pairs *pairs)
{
	json_t *object = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		put(object, pairs->items[i].name.text, json_of_str(pairs->items[i].value.text));
	return object;
}

static json_t *describe_choices(const struct lang_key *key, const struct lang_items *list)
{
	json_t *names = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(
			names, json_string(key->names[((const struct lang_choice *)list->items)[i].value]));
	return names;
}

static json_t *describe_rows(const struct lang_items *list)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(rows, describe_pairs((const struct lang_pairs *)list->items + i));
	return rows;
}

static json_t *describe_items(const struct lang_key *key, const struct lang_items *list)
{
	json_t *made = key->kind == LANG_NAMED ? json_object() : json_array();
	for (size_t i = 0; i < list->count; i++) {
		const void *item = (const char *)list->items + key->block->size * i;
		json_t *value = lang_describe(key->block, item);
		/* Every struct that is read by name begins with its place and its name. */
		const struct lang_text *name = (const void *)((const char *)item + sizeof(struct lang_place));
		if (key->kind == LANG_NAMED)
			put(made, name->text, value);
		else
			json_array_append_new(made, value);
	}
	return made;
}

static json_t *describe_member(const struct lang_key *key, const void *member)
{
	auto_arena arena = {0};
	switch (key->kind) {
	case LANG_TEXT:
		return json_of_str(((const struct lang_text *)member)->text);
	case LANG_NUMBER:
		return json_integer(((const struct lang_number *)member)->value);
	case LANG_THOUSANDTHS:
		return json_real((double)((const struct lang_number *)member)->value / 1000);
	case LANG_REAL:
		return json_real(((const struct lang_real *)member)->value);
	case LANG_FLAG:
		return json_boolean(((const struct lang_flag *)member)->value);
	case LANG_DURATION:
		return json_of_str(duration_format(&arena, ((const struct lang_duration *)member)->ms));
	case LANG_SIZE:
		return json_of_str(size_format(&arena, ((const struct lang_size *)member)->bytes));
	case LANG_CHOICE:
		return json_string(key->names[((const struct lang_choice *)member)->value]);
	case LANG_TEXTS:
		return describe_texts(member);
	case LANG_CHOICES:
		return describe_choices(key, member);
	case LANG_PAIRS:
		return describe_pairs(member);
	case LANG_ROWS:
		return describe_rows(member);
	case LANG_BLOCK:
		return lang_describe(key->block, member);
	case LANG_BLOCKS:
	case LANG_NAMED:
		return describe_items(key, member);
	}
	BUG("kind %d", (int)key->kind);
}

json_t *lang_describe(const struct lang_block *block, const void *base)
{
	if (block->word && *((const bool *)base + block->word_offset))
		return json_string(block->word);
	if (block->flags & BLOCK_ONLY_SHORT) {
		const struct lang_key *only = lang_find_key(block, str_of(block->shorthand));
		return describe_member(only, lang_member(only, base));
	}
	json_t *object = json_object();
	for (const struct lang_key *key = block->keys; key->name; key++)
		if (lang_is_set(key, base))
			json_object_set_new(object, key->name, describe_member(key, lang_member(key, base)));
	if (block->rest && lang_is_set(block->rest, base)) {
		json_t *rest = describe_member(block->rest, lang_member(block->rest, base));
		json_object_update(object, rest);
		json_decref(rest);
	}
	return object;
}
