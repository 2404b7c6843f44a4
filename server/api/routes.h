#ifndef SERVER_API_ROUTES_H
#define SERVER_API_ROUTES_H

/* Every route of the server in one table: method, path, handler, ceiling, need. server/api/openapi.yaml describes them.
 */

#include "server/auth/auth.h"
#include "server/http/http_server.h"

extern const struct http_route api_routes[]; /* ends with a NULL method */

/* What the route of a handler asks for (enum auth_need), for answers that say beforehand who may. */
unsigned api_need_of(http_handler *handler);

/* What a page may offer to do, and the handler that would do it. */
struct api_action {
	const char *name; /* NULL: the end */
	http_handler *handler;
};

/* {name: why the caller may not}, "" where they may. The caller of this owns it. */
json_t *api_why_not(const struct caller *caller, const struct api_action *actions);

#endif
