#ifndef SERVER_API_FSCK_H
#define SERVER_API_FSCK_H

/* The invariants of runs, lanes, attempts and logs, checked over the database as it is (sql/queries/fsck.sql). */

struct http_exchange;

void fsck_run(struct http_exchange *exchange, void *context);

#endif
