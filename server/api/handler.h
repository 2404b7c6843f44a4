#ifndef SERVER_API_HANDLER_H
#define SERVER_API_HANDLER_H

/*
 * What the handlers of the API share: decode, act, encode. A request is a flow; its owner is a struct that begins with
 * struct api_request and ends with one answer. Private to server/api.
 */

#include "common/io/flow.h"
#include "server/auth/auth.h"
#include "server/http/http_server.h"
#include "server/server.h"
#include "server/store/db.h"

struct api_request {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	json_t *body;     /* the parsed request body, an object; NULL when the route takes none */
	json_t *answer;   /* set by the last step; NULL: 204 */
	json_t *details;  /* of a failure */
	int status;       /* 0: 200 */
	int64_t id;       /* of what the path names, for steps that share it */
	bool is_answered; /* the step answered by itself */
	void (*release)(struct api_request *request); /* of what it holds besides, at the end; NULL: nothing */
};

/* Starts the flow; with `takes_body` the body is parsed first (an empty one is {}), and a fault is answered with 400.
 */
void api_start(struct http_exchange *exchange, void *context, size_t size, flow_step *const *steps, bool takes_body);
void api_start_with(struct http_exchange *exchange, void *context, size_t size, flow_step *const *steps,
	bool takes_body, void (*release)(struct api_request *request));
static inline struct api_request *api_request_of(struct flow *flow)
{
	return (struct api_request *)flow;
}

/* A text of the body: "" when it is absent and optional. ERR_INVALID names the field. */
bool api_text(struct api_request *request, const char *name, bool is_required, struct str *ret, struct err *err);
/* A number of ms from 1 to a hundred years; *ret is untouched when it is absent. */
bool api_duration(struct api_request *request, const char *name, int64_t *ret, struct err *err);
/* Refuses fields that are not in `names` (NULL-terminated), with a suggestion. */
bool api_only(struct api_request *request, const char *const *names, struct err *err);

/* The rows of a statement as a new array; NULL sets the flow's err. */
json_t *api_rows(struct flow *flow, size_t statement, const struct field *fields, size_t size);

/* Paging by id, newest first: ?limit= and ?before=. */
bool api_page(struct api_request *request, int64_t *ret_limit, int64_t *ret_before, struct err *err);
/* {"KEY": [rows by fields], "next": cursor}; the id is in column 0. */
json_t *api_list(const struct db_reply *reply, size_t statement, const char *key, const struct field *fields,
	size_t size, int64_t limit, struct arena *arena, struct err *err);

#endif
