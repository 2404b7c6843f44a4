#ifndef SERVER_API_ROUTES_H
#define SERVER_API_ROUTES_H

/* Every route of the server in one table: method, path, handler, ceiling, need. server/api/openapi.yaml describes them.
 */

#include "server/http/http_server.h"

extern const struct http_route api_routes[]; /* ends with a NULL method */

#endif
