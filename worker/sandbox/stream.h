#ifndef WORKER_SANDBOX_STREAM_H
#define WORKER_SANDBOX_STREAM_H

/*
 * The framed stream in which files go into a job's workspace and out of it. Each entry is a header of 16 bytes (kind,
 * path length, mode, size; little endian), the path, and `size` bytes: a file's content, a link's target, a note's
 * text. An END entry closes it; a stream without one was cut off. The reader is fed bytes as they come and trusts
 * nothing: paths are relative and clean, and entries, bytes and text have ceilings.
 */

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>
#include <stdint.h>

enum stream_kind {
	STREAM_FILE = 1,
	STREAM_DIR,
	STREAM_LINK,
	STREAM_NOTE, /* what was left out and why; collect only */
	STREAM_END,
};

enum {
	STREAM_MAX_PATH = 4095,
	STREAM_MAX_TEXT = 4095, /* a link's target, a note */
};

struct stream_entry {
	enum stream_kind kind;
	uint32_t mode; /* permission bits; only 0100 counts: a file is 0755 or 0644 */
	uint64_t size; /* of a file's content */
	struct str path;
	struct str text; /* a link's target, a note; zero-terminated, as the path is */
};

/* Relative, at most STREAM_MAX_PATH bytes, no empty, "." or ".." part, no part over 255 bytes, no zero byte. */
bool stream_path_is_clean(struct str path);

/* The writer blocks, so it belongs on a thread or in a helper process; it also works on a non-blocking descriptor. */
struct stream_writer {
	int fd;
	struct buf buf;
	uint64_t owed; /* bytes of content still to come for the file begun */
};

void stream_writer_init(struct stream_writer *writer, int fd);
void stream_writer_done(struct stream_writer *writer);
/* A file's content follows in any number of stream_write_data(), `size` bytes in all. */
bool stream_write_file(struct stream_writer *writer, struct str path, uint32_t mode, uint64_t size, struct err *err);
bool stream_write_data(struct stream_writer *writer, struct str data, struct err *err);
bool stream_write_dir(struct stream_writer *writer, struct str path, struct err *err);
bool stream_write_link(struct stream_writer *writer, struct str path, struct str target, struct err *err);
bool stream_write_note(struct stream_writer *writer, struct str path, const char *text, struct err *err);
bool stream_write_end(struct stream_writer *writer, struct err *err); /* and flushes */

/* Whether the file ends as stream_write_end() ends it: one that was cut does not. */
bool stream_is_whole(int fd);

/* What the reader calls; a false ends the reading with that error. `data` comes in pieces, `end` after the last. */
struct stream_handler {
	bool (*begin)(void *context, const struct stream_entry *entry, struct err *err);
	bool (*data)(void *context, struct str piece, struct err *err);
	bool (*end)(void *context, struct err *err);
};

struct stream_reader {
	const struct stream_handler *handler;
	void *context;
	uint64_t max_bytes; /* of content, all files together */
	uint64_t max_entries;
	uint64_t bytes, entries; /* so far */
	uint64_t owed;
	bool is_in_file;
	bool has_ended;
	struct buf head;
};

void stream_reader_init(struct stream_reader *reader, const struct stream_handler *handler, void *context,
	uint64_t max_entries, uint64_t max_bytes);
void stream_reader_done(struct stream_reader *reader);
bool stream_reader_feed(struct stream_reader *reader, struct str bytes, struct err *err);
/* Call at the end of input: fails unless the END entry was seen. */
bool stream_reader_finish(const struct stream_reader *reader, struct err *err);

#endif
