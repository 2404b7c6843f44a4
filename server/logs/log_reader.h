#ifndef SERVER_LOGS_LOG_READER_H
#define SERVER_LOGS_LOG_READER_H

/*
 * A place in a log, and the bytes from there on: takes rows of log_frames.sql in order and gives back text from the
 * wanted line. Private to server/logs.
 */

#include "common/buf.h"
#include "server/store/db.h"

struct log_reader {
	int64_t offset;  /* raw bytes read so far: the next frame begins here */
	int64_t skip;    /* line ends still to pass before the wanted line */
	struct buf text; /* read and not yet used */
};

enum { LOG_READER_TEXT_MAX = 32 << 20 };

/* A log's first line is 1. `seek` is the reply of log_seek.sql for that line; no row: from the beginning. */
void log_reader_init(struct log_reader *reader, int64_t line, const struct db_reply *seek, size_t statement);
void log_reader_done(struct log_reader *reader);
/* Adds the frames of the reply to `text`; *ret_count: how many there were. ERR_BUG when a stored frame is damaged. */
bool log_reader_take(
	struct log_reader *reader, const struct db_reply *reply, size_t statement, size_t *ret_count, struct err *err);
/* Whether the text of one frame ends with a line end. */
bool log_frame_ends_line(struct str frame, bool *ret, struct err *err);

#endif
