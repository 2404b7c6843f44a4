#include "server/logs/log_reader.h"

#include "common/io/work.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "server/blobs/blob_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
	TEXT_MAX = 32 << 20,  /* a line that never ends */
	PIECE_BYTES = 1 << 20 /* raw, at least, of a sealed log's piece */
};

void log_reader_init(struct log_reader *reader, struct server *server, int64_t job, int64_t attempt, int64_t line,
	const struct db_reply *seek, size_t statement)
{
	*reader = (struct log_reader){.server = server,
		.job = job,
		.attempt = attempt,
		.line = line,
		.skip = line - 1,
		.text = BUF_INIT(TEXT_MAX)};
	if (db_row_count(seek, statement) == 0)
		return;
	reader->offset = db_i64(seek, statement, 0, 0);
	reader->skip -= db_i64(seek, statement, 0, 1);
}

void log_reader_done(struct log_reader *reader)
{
	buf_done(&reader->text);
	arena_done(&reader->arena);
	free(take(reader->blob_path));
}

static bool unpack_one(struct buf *to, struct str frame, struct err *err)
{
	unsigned long long size = ZSTD_getFrameContentSize(frame.p, frame.n);
	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > WORKER_LOG_RAW_MAX)
		return err_set(err, ERR_BUG, "a stored log frame is damaged");
	char *at = buf_reserve(to, (size_t)size);
	if (!at)
		return err_set(err, ERR_TOO_LARGE, "a log line is longer than %zu bytes", to->max);
	size_t n = ZSTD_decompress(at, (size_t)size, frame.p, frame.n);
	if (ZSTD_isError(n) || n != size)
		return err_set(err, ERR_BUG, "a stored log frame is damaged: %s", ZSTD_getErrorName(n));
	to->n += n;
	return true;
}

bool log_unpack(struct buf *to, struct str frames, struct err *err)
{
	while (frames.n) {
		size_t n = ZSTD_findFrameCompressedSize(frames.p, frames.n);
		if (ZSTD_isError(n))
			return err_set(err, ERR_BUG, "a stored log frame is damaged: %s", ZSTD_getErrorName(n));
		if (!unpack_one(to, str_head(frames, n), err))
			return false;
		frames = str_skip(frames, n);
	}
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

static void finish(struct log_reader *reader, const struct err *err)
{
	reader->done(reader->arg, err);
}

/* --- sealed --- */

/* The piece between two marks, read and unpacked on the pool. */
struct piece {
	struct log_reader *reader;
	struct log_mark from, to;
	struct buf text;
	struct err err;
	bool is_ok;
};

static bool read_whole(int fd, char *to, size_t n, int64_t offset, struct err *err)
{
	while (n) {
		ssize_t got = pread(fd, to, n, offset);
		if (got < 0)
			return err_errno(err, "read");
		if (got == 0)
			return err_set(err, ERR_SYSTEM, "it is shorter than it was");
		to += got;
		n -= (size_t)got;
		offset += got;
	}
	return true;
}

static bool load_piece(struct piece *piece)
{
	size_t n = (size_t)(piece->to.blob_offset - piece->from.blob_offset);
	auto_fd int fd = open(piece->reader->blob_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(&piece->err, "open");
	auto_free char *frames = mem_alloc(n + 1);
	return read_whole(fd, frames, n, piece->from.blob_offset, &piece->err) &&
	       log_unpack(&piece->text, (struct str){frames, n}, &piece->err);
}

static void run_piece(void *arg)
{
	struct piece *piece = arg;
	piece->is_ok = load_piece(piece);
}

static bool take_piece(struct piece *piece, bool is_cancelled, struct err *err)
{
	struct log_reader *reader = piece->reader;
	if (is_cancelled)
		return err_set(err, ERR_BUSY, "the server ends");
	if (!piece->is_ok) {
		*err = piece->err;
		return err_wrap(err, "sealed log %s", reader->blob_path);
	}
	/* Frames that were read before the log was sealed end where they end, between two marks perhaps. */
	struct str text = str_skip(buf_str(&piece->text), (size_t)(reader->offset - piece->from.offset));
	if (!buf_add_str(&reader->text, text))
		return err_set(err, ERR_TOO_LARGE, "a log line is longer than %d bytes", TEXT_MAX);
	reader->offset = piece->to.offset;
	if (reader->skip > 0)
		pass_lines(reader);
	return true;
}

static void piece_loaded(void *arg, bool is_cancelled)
{
	struct piece *piece = arg;
	struct log_reader *reader = piece->reader;
	struct err err = {0};
	bool is_ok = take_piece(piece, is_cancelled, &err);
	buf_done(&piece->text);
	free(piece);
	finish(reader, is_ok ? NULL : &err);
}

static void read_blob(struct log_reader *reader)
{
	const struct log_index *index = &reader->index;
	size_t at = log_index_find_offset(index, reader->offset);
	size_t line_at = log_index_find_line(index, reader->line);
	if (reader->skip > 0 && index->marks[line_at].offset > reader->offset) {
		at = line_at;
		reader->offset = index->marks[at].offset;
		reader->skip = reader->line - 1 - index->marks[at].lines;
	}
	size_t to = at + 1;
	while (to < index->count - 1 && index->marks[to].offset - index->marks[at].offset < PIECE_BYTES)
		to++;
	struct piece *piece = mem_alloc(sizeof *piece);
	*piece = (struct piece){reader, index->marks[at], index->marks[to], BUF_INIT(TEXT_MAX), {0}, false};
	work_submit(reader->server->loop, run_piece, piece_loaded, piece);
}

enum { INDEX_BLOB, INDEX_MARKS };

static bool take_index(struct log_reader *reader, const struct db_reply *reply, struct err *err)
{
	if (db_error(reply)) {
		*err = *db_error(reply);
		return false;
	}
	if (db_row_count(reply, 0) == 0 || !blob_name_is_valid(db_text(reply, 0, 0, INDEX_BLOB)))
		return err_set(err, ERR_BUG, "the sealed log of job %lld is lost", (long long)reader->job);
	struct str text = db_text(reply, 0, 0, INDEX_MARKS);
	json_auto_t *json = json_loadb(text.p, text.n, 0, NULL);
	if (!log_index_read(json, &reader->index, &reader->arena, err))
		return err_wrap(err, "job %lld", (long long)reader->job);
	reader->blob_path = blob_store_path(reader->server->blobs, db_text(reply, 0, 0, INDEX_BLOB));
	return true;
}

static void index_found(void *arg, struct db_reply *reply)
{
	struct log_reader *reader = arg;
	struct err err = {0};
	bool is_ok = take_index(reader, reply, &err);
	db_reply_free(reply);
	if (is_ok)
		read_blob(reader);
	else
		finish(reader, &err);
}

static void find_index(struct log_reader *reader)
{
	struct db_batch *batch = db_batch_new(reader->server->db);
	db_add(batch, QUERY_LOG_INDEX, DB_I64(reader->job), DB_I64(reader->attempt));
	db_submit(batch, index_found, reader);
}

/* --- frames --- */

enum { STANDING_ENDED, STANDING_STATE, STANDING_REASON, STANDING_BYTES, STANDING_SEALED };
enum { FRAME_BYTES, FRAME_DATA };

static bool take_frames(struct log_reader *reader, const struct db_reply *reply, struct err *err)
{
	struct log_standing *standing = &reader->standing;
	if (db_error(reply)) {
		*err = *db_error(reply);
		return false;
	}
	if (db_row_count(reply, 0) == 0)
		return err_set(err, ERR_NOT_FOUND, "job %lld has no attempt %lld any more", (long long)reader->job,
			(long long)reader->attempt);
	standing->is_ended = db_bool(reply, 0, 0, STANDING_ENDED);
	standing->log_bytes = db_i64(reply, 0, 0, STANDING_BYTES);
	snprintf(standing->state, sizeof standing->state, "%.*s", STR_ARG(db_text(reply, 0, 0, STANDING_STATE)));
	snprintf(standing->reason, sizeof standing->reason, "%.*s", STR_ARG(db_text(reply, 0, 0, STANDING_REASON)));
	for (size_t i = 0; i < db_row_count(reply, 1); i++) {
		if (!log_unpack(&reader->text, db_text(reply, 1, i, FRAME_DATA), err))
			return false;
		reader->offset += db_i64(reply, 1, i, FRAME_BYTES);
		if (reader->skip > 0)
			pass_lines(reader);
	}
	/* Sealed between the two statements: the next read sees it. Again and again: frames are missing. */
	bool is_short = db_row_count(reply, 1) == 0 && reader->offset < standing->log_bytes;
	reader->empty_reads = is_short ? reader->empty_reads + 1 : 0;
	if (reader->empty_reads > 3)
		return err_set(err, ERR_BUG, "the log of job %lld has a gap at byte %lld", (long long)reader->job,
			(long long)reader->offset);
	return true;
}

static void frames_read(void *arg, struct db_reply *reply)
{
	struct log_reader *reader = arg;
	struct err err = {0};
	bool is_ok = take_frames(reader, reply, &err);
	bool is_sealed = is_ok && reader->empty_reads && db_bool(reply, 0, 0, STANDING_SEALED);
	db_reply_free(reply);
	if (is_sealed)
		find_index(reader);
	else
		finish(reader, is_ok ? NULL : &err);
}

void log_reader_read(struct log_reader *reader, void (*done)(void *arg, const struct err *err), void *arg)
{
	reader->done = done;
	reader->arg = arg;
	if (reader->blob_path && reader->offset < reader->standing.log_bytes) {
		read_blob(reader);
		return;
	}
	struct db_batch *batch = db_batch_new(reader->server->db);
	db_add(batch, QUERY_LOG_PROGRESS, DB_I64(reader->job), DB_I64(reader->attempt));
	db_add(batch, QUERY_LOG_FRAMES, DB_I64(reader->job), DB_I64(reader->attempt), DB_I64(reader->offset));
	db_submit(batch, frames_read, reader);
}
