#ifndef WORKER_TAIL_H
#define WORKER_TAIL_H

/*
 * The end of an attempt's log that is in no frame yet, in a mapped file: what is added is in the file at once, without
 * a system call, so it outlives a worker that is killed. A store has as many files as attempts print at a time, and
 * uses them again. Their space is reserved, so a full disk refuses an attempt at its start and never kills a worker at
 * a write. One owner, the loop's thread.
 */

#include "common/proto/worker_proto.h"

struct tail;
struct tail_store;

enum { TAIL_TEXT_MAX = 256 << 10 }; /* of bytes in no frame */

struct tail_store *tail_store_new(const char *directory);
void tail_store_free(struct tail_store *store); /* the files stay */

/* For an attempt whose frames end at raw offset `at`. */
bool tail_open(struct tail_store *store, struct attempt_ref ref, int64_t at, struct tail **ret, struct err *err);
/* All is in frames, or nobody will want it: the file is free for another attempt. NULL is allowed. */
void tail_release(struct tail *tail);
/* Lets go of the memory and leaves the file for a successor. NULL is allowed. */
void tail_close(struct tail *tail);

/* At most TAIL_TEXT_MAX together with what is there. */
void tail_add(struct tail *tail, struct str bytes);
struct str tail_text(const struct tail *tail); /* until the next call */
/* The first n bytes are in a frame by now. */
void tail_drop(struct tail *tail, size_t n);

/* Calls `each` with what every file that a predecessor left holds, and frees the files. `at` is the raw offset of the
 * first byte; some of them may be in frames already. */
void tail_recover(struct tail_store *store,
	void (*each)(void *arg, struct attempt_ref ref, int64_t at, struct str text), void *arg);

#endif
