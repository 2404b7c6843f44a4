#include "common/lang/extend.h"

#include <string.h>

struct named {
	struct lang_place at;
	struct lang_text name;
};

static void *item_at(const struct lang_items *list, size_t size, size_t i)
{
	return (char *)list->items + size * i;
}

static void list_insert(struct lang_items *list, size_t size, size_t at, const void *item, struct arena *arena)
{
	list->items = arena_grow(arena, list->items, size, list->count);
	memmove(item_at(list, size, at + 1), item_at(list, size, at), size * (list->count - at));
	memcpy(item_at(list, size, at), item, size);
	list->count++;
}

/* The name of an entry: its key in a mapping, or the member that identifies it in a list. */
static struct str name_of(const struct lang_key *key, const void *item)
{
	if (key->kind == LANG_NAMED)
		return ((const struct named *)item)->name.text;
	for (const struct lang_key *member = key->block->keys; member->name; member++)
		if (member->flags & KEY_IDENTIFIES)
			return ((const struct lang_text *)lang_member(member, item))->text;
	BUG("entries of %s have no name", key->name);
}

static bool find(const struct lang_key *key, const struct lang_items *list, struct str name, size_t *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(name_of(key, item_at(list, key->block->size, i)), name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void merge_item(const struct lang_key *key, void *base, const void *over, struct arena *arena)
{
	if (key->kind == LANG_NAMED)
		((struct named *)base)->name = ((const struct named *)over)->name;
	lang_merge(key->block, base, over, arena);
}

/*
 * Entries of the same name are merged where they stand in the base. A new one comes behind the one that stands before
 * it in the file, or else in front of the one that follows it, or else at the end: so a file can add a stage in the
 * middle by naming its neighbour.
 */
static void merge_items(
	const struct lang_key *key, struct lang_items *base, const struct lang_items *over, struct arena *arena)
{
	size_t size = key->block->size, next = base->count, at;
	for (size_t i = 0; i < over->count; i++) {
		if (find(key, base, name_of(key, item_at(over, size, i)), &at)) {
			next = at;
			break;
		}
	}
	for (size_t i = 0; i < over->count; i++) {
		const void *item = item_at(over, size, i);
		if (find(key, base, name_of(key, item), &at)) {
			merge_item(key, item_at(base, size, at), item, arena);
			next = at + 1;
		} else {
			list_insert(base, size, next++, item, arena);
		}
	}
	base->at = over->at;
}

static void merge_pairs(struct lang_pairs *base, const struct lang_pairs *over, struct arena *arena)
{
	for (size_t i = 0; i < over->count; i++) {
		size_t at = 0;
		while (at < base->count && !str_eq(base->items[at].name.text, over->items[i].name.text))
			at++;
		if (at == base->count)
			base->items = arena_grow(arena, base->items, sizeof *base->items, base->count++);
		base->items[at] = over->items[i];
	}
	base->at = over->at;
}

static void merge_member(const struct lang_key *key, void *base, const void *over, struct arena *arena)
{
	if (key->kind == LANG_PAIRS)
		merge_pairs(base, over, arena);
	else if (key->kind == LANG_BLOCK)
		lang_merge(key->block, base, over, arena);
	else
		merge_items(key, base, over, arena);
}

void lang_merge(const struct lang_block *block, void *base, const void *over, struct arena *arena)
{
	*(struct lang_place *)base = *(const struct lang_place *)over;
	for (const struct lang_key *key = block->keys; key->name; key++) {
		if (!lang_is_set(key, over))
			continue;
		if ((key->flags & KEY_MERGES) && lang_is_set(key, base))
			merge_member(key, lang_member(key, base), lang_member(key, over), arena);
		else
			memcpy(lang_member(key, base), lang_member(key, over), lang_kind_size(key));
	}
}
