#include "server/logs/log_reader.h"

#include "common/proto/worker_proto.h"

#include <string.h>
#include <zstd.h>

void log_reader_init(struct log_reader *reader, int64_t line, const struct db_reply *seek, size_t statement)
{
	*reader = (struct log_reader){.skip = line - 1, .text = BUF_INIT(LOG_READER_TEXT_MAX)};
	if (db_row_count(seek, statement) == 0)
		return;
	reader->offset = db_i64(seek, statement, 0, 0);
	reader->skip -= db_i64(seek, statement, 0, 1);
}

void log_reader_done(struct log_reader *reader)
{
	buf_done(&reader->text);
}

static bool unpack(struct buf *to, struct str frame, struct err *err)
{
	unsigned long long size = ZSTD_getFrameContentSize(frame.p, frame.n);
	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > WORKER_LOG_RAW_MAX)
		return err_set(err, ERR_BUG, "a stored log frame is damaged");
	char *at = buf_reserve(to, (size_t)size);
	if (!at)
		return err_set(err, ERR_TOO_LARGE, "a log line is longer than %d bytes", LOG_READER_TEXT_MAX);
	size_t n = ZSTD_decompress(at, (size_t)size, frame.p, frame.n);
	if (ZSTD_isError(n) || n != size)
		return err_set(err, ERR_BUG, "a stored log frame is damaged: %s", ZSTD_getErrorName(n));
	to->n += n;
	return true;
}

static void pass_lines(struct log_reader *reader)
{
	size_t at = 0;
	while (reader->skip > 0) {
		size_t next;
		if (!str_find_char(str_skip(buf_str(&reader->text), at), '\n', &next)) {
			buf_clear(&reader->text);
			return;
		}
		at += next + 1;
		reader->skip--;
	}
	buf_drop(&reader->text, at);
}

struct frame_row {
	int32_t raw_bytes;
	struct str data;
};

static const struct field frame_fields[] = {
	FIELD(struct frame_row, raw_bytes, FIELD_I32, 0),
	FIELD(struct frame_row, data, FIELD_STR, 0),
	FIELD_END,
};

bool log_reader_take(
	struct log_reader *reader, const struct db_reply *reply, size_t statement, size_t *ret_count, struct err *err)
{
	auto_arena arena = {0};
	void *items;
	if (!db_read_rows(reply, statement, frame_fields, sizeof(struct frame_row), &items, ret_count, &arena, err))
		return false;
	const struct frame_row *rows = items;
	for (size_t i = 0; i < *ret_count; i++) {
		if (!unpack(&reader->text, rows[i].data, err))
			return false;
		reader->offset += rows[i].raw_bytes;
		if (reader->skip > 0)
			pass_lines(reader);
	}
	return true;
}

bool log_frame_ends_line(struct str frame, bool *ret, struct err *err)
{
	auto_buf text = BUF_INIT(WORKER_LOG_RAW_MAX);
	if (!unpack(&text, frame, err))
		return false;
	*ret = text.n && text.p[text.n - 1] == '\n';
	return true;
}
