#ifndef SERVER_HTTP_ROUTER_H
#define SERVER_HTTP_ROUTER_H

/*
 * Which route answers a path. Pure. Patterns are compared segment by segment from the left: fixed text wins over
 * "{name}", and "{name}" over a last "{name*}", which takes the rest (nothing at all, too).
 */

#include "server/http/http_server.h"
#include "server/http/url.h"

enum { ROUTER_PARAMS_MAX = 6 };

struct router_param {
	struct str name;
	struct str value;
};

struct router_match {
	const struct http_route *route;
	struct router_param params[ROUTER_PARAMS_MAX];
	size_t param_count;
};

enum router_answer { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

struct buf;
struct router;

/* `routes` ends with a NULL method and outlives the router. Two routes that no request could tell apart, and patterns
 * that are malformed, are bugs. */
struct router *router_new(const struct http_route *routes);
void router_free(struct router *router);

/* HEAD is answered by the route of GET. With ROUTER_NO_METHOD, `allow` gets the methods of the path: "GET, HEAD, POST".
 */
enum router_answer router_find(const struct router *router, struct str method, const struct url_path *path,
	struct router_match *ret, struct buf *allow);

#endif
