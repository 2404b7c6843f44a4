#include "worker/sandbox/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_BYTES = 16, WRITER_BUFFER_BYTES = 128 * 1024, MAX_NAME = 255 };

bool stream_path_is_clean(struct str path)
{
	if (path.n == 0 || path.n > STREAM_MAX_PATH || path.p[path.n - 1] == '/' || memchr(path.p, 0, path.n))
		return false;
	struct str part;
	while (str_cut(&path, '/', &part)) {
		if (part.n == 0 || part.n > MAX_NAME || str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return true;
}

static void put_number(char *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)(unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const char *from, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)from[i] << (8 * i);
	return value;
}

/* ---- writer ---- */

void stream_writer_init(struct stream_writer *writer, int fd)
{
	*writer = (struct stream_writer){.fd = fd, .buf = BUF_INIT(WRITER_BUFFER_BYTES)};
}

void stream_writer_done(struct stream_writer *writer)
{
	buf_done(&writer->buf);
}

static bool write_all(int fd, struct str bytes, struct err *err)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};
			poll(&wait, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "write a stream of files");
		bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

static bool flush(struct stream_writer *writer, struct err *err)
{
	if (!write_all(writer->fd, buf_str(&writer->buf), err))
		return false;
	buf_clear(&writer->buf);
	return true;
}

static bool put(struct stream_writer *writer, struct str bytes, struct err *err)
{
	if (bytes.n > WRITER_BUFFER_BYTES - writer->buf.n && !flush(writer, err))
		return false;
	if (bytes.n >= WRITER_BUFFER_BYTES / 2)
		return flush(writer, err) && write_all(writer->fd, bytes, err);
	return buf_add_str(&writer->buf, bytes);
}

static bool put_entry(struct stream_writer *writer, enum stream_kind kind, struct str path, uint32_t mode,
	uint64_t size, struct err *err)
{
	BUG_ON(writer->owed != 0);
	if (kind != STREAM_END && kind != STREAM_NOTE && !stream_path_is_clean(path))
		return err_set(err, ERR_INVALID, "%.*s: not a clean relative path", STR_ARG(str_brief(path, 200)));
	char header[HEADER_BYTES] = {(char)kind};
	put_number(header + 2, path.n, 2);
	put_number(header + 4, mode, 4);
	put_number(header + 8, size, 8);
	return put(writer, (struct str){header, sizeof header}, err) && put(writer, path, err);
}

bool stream_write_file(struct stream_writer *writer, struct str path, uint32_t mode, uint64_t size, struct err *err)
{
	if (!put_entry(writer, STREAM_FILE, path, mode, size, err))
		return false;
	writer->owed = size;
	return true;
}

bool stream_write_data(struct stream_writer *writer, struct str data, struct err *err)
{
	BUG_ON(data.n > writer->owed);
	writer->owed -= data.n;
	return put(writer, data, err);
}

bool stream_write_dir(struct stream_writer *writer, struct str path, struct err *err)
{
	return put_entry(writer, STREAM_DIR, path, 0755, 0, err);
}

bool stream_write_link(struct stream_writer *writer, struct str path, struct str target, struct err *err)
{
	if (target.n == 0 || target.n > STREAM_MAX_TEXT || memchr(target.p, 0, target.n))
		return err_set(err, ERR_INVALID, "%.*s: a link needs a target of 1 to %d bytes without zero bytes",
			STR_ARG(str_brief(path, 200)), STREAM_MAX_TEXT);
	return put_entry(writer, STREAM_LINK, path, 0777, target.n, err) && put(writer, target, err);
}

bool stream_write_note(struct stream_writer *writer, struct str path, const char *text, struct err *err)
{
	struct str note = str_head(str_of(text), STREAM_MAX_TEXT);
	return put_entry(writer, STREAM_NOTE, str_head(path, STREAM_MAX_PATH), 0, note.n, err) &&
	       put(writer, note, err);
}

bool stream_write_end(struct stream_writer *writer, struct err *err)
{
	return put_entry(writer, STREAM_END, (struct str){0}, 0, 0, err) && flush(writer, err);
}

bool stream_is_whole(int fd)
{
	static const char end[HEADER_BYTES] = {STREAM_END};
	char last[HEADER_BYTES];
	off_t size = lseek(fd, 0, SEEK_END);
	return size >= HEADER_BYTES && lseek(fd, 0, SEEK_SET) == 0 &&
	       pread(fd, last, sizeof last, size - HEADER_BYTES) == HEADER_BYTES && memcmp(last, end, sizeof end) == 0;
}

/* ---- reader ---- */

void stream_reader_init(struct stream_reader *reader, const struct stream_handler *handler, void *context,
	uint64_t max_entries, uint64_t max_bytes)
{
	*reader = (struct stream_reader){
		.handler = handler,
		.context = context,
		.max_entries = max_entries,
		.max_bytes = max_bytes,
		.head = BUF_INIT(HEADER_BYTES + STREAM_MAX_PATH + 1 + STREAM_MAX_TEXT + 1),
	};
}

void stream_reader_done(struct stream_reader *reader)
{
	buf_done(&reader->head);
}

/* Adds to the head until it has `wanted` bytes; false while it has not. */
static bool gather(struct stream_reader *reader, struct str *bytes, size_t wanted)
{
	size_t missing = wanted - reader->head.n;
	struct str part = str_head(*bytes, missing);
	buf_add_str(&reader->head, part);
	*bytes = str_skip(*bytes, part.n);
	return reader->head.n == wanted;
}

static bool check_header(
	const struct stream_reader *reader, const struct stream_entry *entry, size_t path_bytes, struct err *err)
{
	bool has_text = entry->kind == STREAM_LINK || entry->kind == STREAM_NOTE;
	if (entry->kind < STREAM_FILE || entry->kind > STREAM_END || path_bytes > STREAM_MAX_PATH ||
		(has_text && entry->size > STREAM_MAX_TEXT) || (!has_text && entry->kind != STREAM_FILE && entry->size))
		return err_set(err, ERR_INVALID, "not a stream of files: bad header");
	if (reader->entries >= reader->max_entries && entry->kind != STREAM_END)
		return err_set(err, ERR_TOO_LARGE, "more than %llu files", (unsigned long long)reader->max_entries);
	if (entry->kind == STREAM_FILE && entry->size > reader->max_bytes - reader->bytes)
		return err_set(err, ERR_TOO_LARGE, "files of more than %llu bytes in all",
			(unsigned long long)reader->max_bytes);
	return true;
}

/* The header is complete: collects path and text, then tells the handler. */
static bool read_entry(struct stream_reader *reader, struct str *bytes, bool *ret_more, struct err *err)
{
	char *head = reader->head.p;
	struct stream_entry entry = {.kind = (enum stream_kind)head[0],
		.mode = (uint32_t)get_number(head + 4, 4) & 0777,
		.size = get_number(head + 8, 8)};
	size_t path_bytes = (size_t)get_number(head + 2, 2);
	if (!check_header(reader, &entry, path_bytes, err))
		return false;
	bool has_text = entry.kind == STREAM_LINK || entry.kind == STREAM_NOTE;
	size_t text_bytes = has_text ? (size_t)entry.size : 0;
	if (!gather(reader, bytes, HEADER_BYTES + path_bytes + text_bytes)) {
		*ret_more = false;
		return true;
	}
	/* A zero behind each, so that handlers can pass them to the kernel. */
	char path[STREAM_MAX_PATH + 1], text[STREAM_MAX_TEXT + 1];
	memcpy(path, reader->head.p + HEADER_BYTES, path_bytes);
	memcpy(text, reader->head.p + HEADER_BYTES + path_bytes, text_bytes);
	path[path_bytes] = text[text_bytes] = 0;
	entry.path = (struct str){path, path_bytes};
	entry.text = (struct str){text, text_bytes};
	buf_clear(&reader->head);
	reader->entries++;
	if (entry.kind == STREAM_END) {
		reader->has_ended = true;
		return true;
	}
	if (entry.kind != STREAM_NOTE && !stream_path_is_clean(entry.path))
		return err_set(
			err, ERR_INVALID, "%.*s: not a clean relative path", STR_ARG(str_brief(entry.path, 200)));
	if (entry.kind == STREAM_LINK && (text_bytes == 0 || memchr(text, 0, text_bytes)))
		return err_set(err, ERR_INVALID, "%.*s: a link without a target", STR_ARG(str_brief(entry.path, 200)));
	reader->owed = entry.kind == STREAM_FILE ? entry.size : 0;
	reader->bytes += reader->owed;
	reader->is_in_file = entry.kind == STREAM_FILE;
	return reader->handler->begin(reader->context, &entry, err);
}

static bool read_content(struct stream_reader *reader, struct str *bytes, struct err *err)
{
	struct str piece = str_head(*bytes, reader->owed < bytes->n ? (size_t)reader->owed : bytes->n);
	if (piece.n && !reader->handler->data(reader->context, piece, err))
		return false;
	*bytes = str_skip(*bytes, piece.n);
	reader->owed -= piece.n;
	if (reader->owed)
		return true;
	reader->is_in_file = false;
	return reader->handler->end(reader->context, err);
}

bool stream_reader_feed(struct stream_reader *reader, struct str bytes, struct err *err)
{
	bool more = true;
	while (more && (bytes.n || (reader->is_in_file && !reader->owed))) {
		if (reader->has_ended)
			return err_set(err, ERR_INVALID, "not a stream of files: bytes behind its end");
		if (reader->is_in_file) {
			if (!read_content(reader, &bytes, err))
				return false;
		} else if (reader->head.n >= HEADER_BYTES || gather(reader, &bytes, HEADER_BYTES)) {
			if (!read_entry(reader, &bytes, &more, err))
				return false;
		}
	}
	return true;
}

bool stream_reader_finish(const struct stream_reader *reader, struct err *err)
{
	if (!reader->has_ended)
		return err_set(err, ERR_UPSTREAM, "the stream of files was cut off");
	return true;
}
