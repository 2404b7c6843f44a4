#include "server/logs/log_index.h"

void log_index_add(struct log_index *index, struct log_mark mark, struct arena *arena)
{
	index->marks = arena_grow(arena, index->marks, sizeof *index->marks, index->count);
	index->marks[index->count++] = mark;
}

json_t *log_index_json(const struct log_index *index)
{
	json_t *json = json_array();
	for (size_t i = 0; i < index->count; i++) {
		const struct log_mark *mark = &index->marks[i];
		json_array_append_new(json, json_pack("[I, I, I]", (json_int_t)mark->lines, (json_int_t)mark->offset,
						    (json_int_t)mark->blob_offset));
	}
	return json;
}

bool log_index_read(const json_t *json, struct log_index *ret, struct arena *arena, struct err *err)
{
	struct log_index index = {0};
	size_t i;
	json_t *item;
	json_array_foreach(json, i, item)
	{
		json_int_t lines, offset, blob_offset;
		struct log_mark last = index.count ? index.marks[index.count - 1] : (struct log_mark){0};
		if (json_unpack(item, "[I, I, I]", &lines, &offset, &blob_offset) != 0 || lines < last.lines ||
			offset < last.offset || blob_offset < last.blob_offset)
			return err_set(err, ERR_BUG, "mark %zu of the log's index is damaged", i);
		log_index_add(&index, (struct log_mark){lines, offset, blob_offset}, arena);
	}
	if (index.count < 2)
		return err_set(err, ERR_BUG, "the log's index has no beginning and end");
	*ret = index;
	return true;
}

size_t log_index_find_offset(const struct log_index *index, int64_t offset)
{
	size_t at = index->count - 2;
	while (at > 0 && index->marks[at].offset > offset)
		at--;
	return at;
}

size_t log_index_find_line(const struct log_index *index, int64_t line)
{
	size_t at = index->count - 2;
	/* With exactly line - 1 line ends before it, the line may have begun before the mark. */
	while (at > 0 && index->marks[at].lines >= line - 1)
		at--;
	return at;
}
