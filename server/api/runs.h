#ifndef SERVER_API_RUNS_H
#define SERVER_API_RUNS_H

/* Handlers of runs, artifacts and gates; context: struct server. */

#include "server/http/http_server.h"

http_handler runs_list;
http_handler runs_get;
http_handler runs_plan;
http_handler runs_create;
http_handler runs_cancel;
http_handler runs_retry;
http_handler runs_again;
http_handler artifacts_list;
http_handler artifacts_get;
http_handler gates_approve;
http_handler gates_reject;

#endif
