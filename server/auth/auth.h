#ifndef SERVER_AUTH_AUTH_H
#define SERVER_AUTH_AUTH_H

/*
 * Who the caller of a request is, and the one function that says what they may. Tokens and sessions are looked up by
 * hash and remembered for a few seconds. Runs as the HTTP server's `before`: a request that needs a caller and has none
 * is answered here.
 */

#include "server/engine/engine.h"
#include "server/http/http_server.h"

struct server;
struct auth;
struct db_reply;

/* What a route asks for; its flags. One of them, from least to most; deny by default: 0 is nobody. */
enum auth_need {
	AUTH_NONE = 0,   /* a route without a need is refused for everybody: a fault of the table */
	AUTH_PUBLIC = 1, /* anybody */
	AUTH_VIEWER = 2,
	AUTH_DEVELOPER = 3,
	AUTH_OPERATOR = 4,
	AUTH_ADMIN = 5,
	AUTH_WORKER = 6, /* a worker token, nothing else */
	AUTH_NEED_MASK = 15,
};

enum caller_kind { CALLER_NOBODY, CALLER_PERSON, CALLER_WORKER };

/* Lives in the exchange's arena; http_caller() gives it. */
struct caller {
	enum caller_kind kind;
	int64_t token; /* id of the token or session */
	struct person person;
	struct str display_name;
	struct str csrf; /* of a session; "" for a token */
};

bool auth_open(struct server *server, struct auth **ret, struct err *err);
void auth_free(struct auth *auth);
http_handler auth_before; /* context: struct server */

/* The one function that decides. Errors say who may. */
bool auth_may(const struct caller *caller, unsigned need, struct err *err);
/* A token or session was withdrawn: it ends here at once, elsewhere within seconds. */
void auth_forget(struct auth *auth, int64_t token);
const char *auth_cookie_name(const struct server *server);

/* From a row of token_find.sql; views into the reply and the arena. */
bool auth_read_caller(
	const struct db_reply *reply, size_t statement, struct caller *ret, struct arena *arena, struct err *err);
/* Into memory that outlives the exchange. */
void auth_copy_caller(struct caller *to, const struct caller *from, struct arena *arena);

/* NULL for a public route without credentials. */
const struct caller *auth_caller(const struct http_exchange *exchange);

#endif
