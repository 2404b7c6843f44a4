#ifndef SERVER_RUNS_RUN_FIND_H
#define SERVER_RUNS_RUN_FIND_H

/* The run that a path names, "web#42" or "1234": one statement of a batch, and what it answered. */

#include "server/store/db.h"

/* ERR_INVALID, and nothing is added, when the text names no run. */
bool run_find_add(struct db_batch *batch, struct str name, struct err *err);
/* ERR_NOT_FOUND when there is none. */
bool run_find_take(const struct db_reply *reply, size_t statement, struct str name, int64_t *ret, struct err *err);

#endif
