#ifndef SERVER_API_RETENTION_H
#define SERVER_API_RETENTION_H

/* Handlers of retention: what its rules would remove, and a pass now. Context: struct server. */

#include "server/http/http_server.h"

http_handler retention_get;
http_handler retention_run;

#endif
