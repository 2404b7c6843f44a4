#ifndef WORKER_SPOOL_H
#define WORKER_SPOOL_H

/*
 * What one attempt has said and the server has not accepted yet: its log frames in the form they are sent in, and its
 * result, in one file; before that, the end of the log that is in no frame yet, in a tail. All of it is in a file as
 * soon as it is told here, so a killed worker's successor sends the rest. Not synced to the disk: it outlives the
 * process, not the machine. One owner, the loop's thread.
 */

#include "common/buf.h"
#include "common/proto/worker_proto.h"
#include "worker/tail.h"

struct spool_store;

/* Makes the directory (0700) when it is not there. */
bool spool_store_open(const char *directory, struct spool_store **ret, struct err *err);
void spool_store_close(struct spool_store *store); /* after all its spools */

struct spool {
	struct spool_store *store;
	struct attempt_ref ref;
	char *path;
	int fd;
	struct tail *tail; /* NULL once the result is known */
	int64_t written;   /* file offset behind the last whole record */
	int64_t log_end;   /* raw bytes of log in the file */
	int64_t log_lines;
	int64_t result_at; /* file offset of the result; 0: none yet */
	bool is_given_up;
	/* The next frame to send and the next to be accepted: file offset and raw offset. */
	int64_t send_at, send_raw;
	int64_t acked_at, acked_raw;
};

/* Makes the file; one that is there already, from a start that was cut off, is emptied. */
bool spool_open(struct spool_store *store, struct attempt_ref ref, struct spool **ret, struct err *err);
/* For an attempt whose file cannot be made: it takes no log, and keeps nothing. */
struct spool *spool_nowhere(struct spool_store *store, struct attempt_ref ref);
/* The file cannot be written any more, or not be read back: no more is taken, and what was not sent by now is given up.
 */
void spool_give_up(struct spool *spool);
/* Closes, and leaves the file for the next start. */
void spool_close(struct spool *spool);
/* Closes and deletes. */
void spool_remove(struct spool *spool);

/* Adds to the log; together with spool_pending() at most TAIL_TEXT_MAX bytes. Only while there is no result. Nothing
 * when it was given up. */
void spool_add_log(struct spool *spool, struct str raw);
/* What is in no frame yet; until the next call. */
struct str spool_pending(const struct spool *spool);
/* The first n bytes of that become the next frame, compressed. */
bool spool_cut(struct spool *spool, size_t n, struct err *err);
/* About, without writing it: what it takes in a sync. */
int64_t spool_result_bytes(const struct attempt_result *result);
/* Everything was cut before. */
bool spool_add_result(struct spool *spool, const struct attempt_result *result, struct err *err);

/* Adds the next unsent frames to a sync body, about max_bytes of them; *ret_any says whether there was one. */
bool spool_send(struct spool *spool, struct buf *body, size_t max_bytes, bool *ret_any, struct err *err);
bool spool_has_unsent(const struct spool *spool);
/* The server has this much of the log, perhaps less than it once had. What was sent beyond it is sent again. */
bool spool_acknowledge(struct spool *spool, int64_t log_end, struct err *err);

/* What it ended with: job 0 when the attempt had not ended. The texts live in the arena. */
bool spool_read_result(struct spool *spool, struct attempt_result *ret, struct arena *arena, struct err *err);

/* Opens what a predecessor left. A file that holds nothing whole is deleted; one that is damaged is put aside (".bad")
 * and counted. The array lives in the arena, the spools are the caller's. */
bool spool_recover(struct spool_store *store, struct spool ***ret_spools, size_t *ret_count, size_t *ret_bad,
	struct arena *arena, struct err *err);

#endif
