#ifndef SERVER_LOGS_LOG_INDEX_H
#define SERVER_LOGS_LOG_INDEX_H

/*
 * Where lines are in a sealed log: marks at frame borders, in order, the first at the beginning and the last at the
 * end. In attempt.log_index as [[lines before, raw offset, blob offset], ...]; the end's lines count a last one without
 * its line end too. Private to server/logs.
 */

#include "common/arena.h"
#include "common/err.h"

#include <jansson.h>

struct log_mark {
	int64_t lines;       /* before it */
	int64_t offset;      /* raw bytes before it */
	int64_t blob_offset; /* bytes of the blob before it */
};

struct log_index {
	struct log_mark *marks;
	size_t count; /* 2 or more */
};

void log_index_add(struct log_index *index, struct log_mark mark, struct arena *arena);
json_t *log_index_json(const struct log_index *index); /* a new reference */
/* ERR_BUG when it is no index. */
bool log_index_read(const json_t *json, struct log_index *ret, struct arena *arena, struct err *err);
/* The last mark, but for the end's, that is not behind the raw offset. */
size_t log_index_find_offset(const struct log_index *index, int64_t offset);
/* The last mark, but for the end's, from which the line (from 1) is read whole. */
size_t log_index_find_line(const struct log_index *index, int64_t line);

#endif
