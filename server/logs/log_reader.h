#ifndef SERVER_LOGS_LOG_READER_H
#define SERVER_LOGS_LOG_READER_H

/*
 * A place in the log of an attempt, and the text from the wanted line on. Each read takes the next piece, from the
 * frames in PostgreSQL or from the sealed blob, whichever holds it now: a log that is sealed while it is read reads on.
 * One read at a time; the owner stays until it is done. Private to server/logs.
 */

#include "common/buf.h"
#include "server/logs/log_index.h"
#include "server/server.h"
#include "server/store/db.h"

/* How the attempt stood at the last read, before it took its piece. */
struct log_standing {
	bool is_ended;     /* no more is printed */
	int64_t log_bytes; /* stored */
	char state[16];    /* the job's outcome by this attempt; meant for one that ended */
	char reason[32];
};

struct log_reader {
	struct server *server;
	int64_t job, attempt;
	int64_t line;    /* the wanted one, from 1 */
	int64_t offset;  /* raw bytes read so far: the next piece begins here */
	int64_t skip;    /* line ends still to pass before the wanted line */
	struct buf text; /* read and not yet used: the owner drops what it used */
	struct log_standing standing;
	int empty_reads; /* in a row, of a log that should have more */
	char *blob_path; /* of a sealed log; NULL: not known to be sealed */
	struct log_index index;
	struct arena arena; /* of the index */
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

/* `seek` is the reply of log_seek.sql for that line; no row: from the beginning. */
void log_reader_init(struct log_reader *reader, struct server *server, int64_t job, int64_t attempt, int64_t line,
	const struct db_reply *seek, size_t statement);
void log_reader_done(struct log_reader *reader);
/* Adds the next piece, of some MiB at most, to `text`: nothing when all that is stored was read. `done` runs later;
 * err: NULL when it worked, ERR_BUG when what is stored is damaged. */
void log_reader_read(struct log_reader *reader, void (*done)(void *arg, const struct err *err), void *arg);

/* Adds the text of zstd frames, one behind the other; each says its size. */
bool log_unpack(struct buf *to, struct str frames, struct err *err);

#endif
