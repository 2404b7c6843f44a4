#ifndef SERVER_LOGS_LOGS_H
#define SERVER_LOGS_LOGS_H

/*
 * Logs of attempts, read back as they were printed: by line range, or followed while they grow. Frames lie in
 * PostgreSQL, so any coordinator serves any log. Context of the handlers: struct server.
 */

#include "server/http/http_server.h"
#include "server/server.h"

http_handler logs_get;    /* GET /api/v1/jobs/{job}/log */
http_handler logs_follow; /* GET /api/v1/jobs/{job}/log/stream */

#endif
