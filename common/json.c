#include "common/json.h"

#include "common/buf.h"

#include <stdlib.h>

struct str json_text(const json_t *json, struct arena *arena)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	BUG_ON(!text);
	struct str copy = arena_str(arena, str_of(text));
	free(text);
	return copy;
}

struct str json_of_pairs(const struct pair_list *pairs, struct arena *arena)
{
	if (pairs->count == 0)
		return STR("{}");
	json_t *object = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		json_object_setn_new(
			object, pairs->items[i].name.p, pairs->items[i].name.n, json_of_str(pairs->items[i].value));
	struct str text = json_text(object, arena);
	json_decref(object);
	return text;
}

json_t *json_of_str(struct str text)
{
	json_t *value = json_stringn(text.p ? text.p : "", text.n);
	if (value)
		return value;
	auto_buf clean = BUF_INIT(text.n * 3 + 1);
	buf_add_utf8(&clean, text);
	return json_stringn(clean.p, clean.n);
}

struct str json_get_str(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return (struct str){json_string_value(value), json_string_length(value)};
}
