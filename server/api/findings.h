#ifndef SERVER_API_FINDINGS_H
#define SERVER_API_FINDINGS_H

/* What checks found in a run and what its tests said, as JSON and as SARIF. Context of the handlers: struct server. */

#include "server/http/http_server.h"

http_handler findings_list;

#endif
