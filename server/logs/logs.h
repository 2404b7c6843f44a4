#ifndef SERVER_LOGS_LOGS_H
#define SERVER_LOGS_LOGS_H

/*
 * Logs of attempts, read back as they were printed: by line range, or followed while they grow. Frames lie in
 * PostgreSQL until the attempt has ended; then they are sealed into one blob. Any coordinator serves any log. Context
 * of the handlers: struct server.
 */

#include "server/http/http_server.h"
#include "server/server.h"

http_handler logs_get;    /* GET /api/v1/jobs/{job}/log */
http_handler logs_follow; /* GET /api/v1/jobs/{job}/log/stream */

struct logs;

struct logs *logs_new(struct server *server);
void logs_close(struct logs *logs, void (*closed)(void *arg), void *arg);
void logs_free(struct logs *logs);
/* The slow tick: seals logs of attempts that ended some seconds ago, one after the other; drops empty days. */
void logs_tick(struct logs *logs);

#endif
