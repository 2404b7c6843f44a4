#ifndef SERVER_API_PIPELINES_H
#define SERVER_API_PIPELINES_H

/* What can be started by hand. context: struct server. */

#include "server/http/http_server.h"

http_handler pipelines_list;
http_handler schedules_list; /* GET /api/v1/repositories/{repository}/pipelines */

#endif
