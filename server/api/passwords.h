#ifndef SERVER_API_PASSWORDS_H
#define SERVER_API_PASSWORDS_H

/*
 * Passwords within a request: a try at one, counted and slowed down before it is looked at, and a new one. argon2id
 * costs tens of milliseconds, so both are worked out on the pool, and the request's flow goes on behind that.
 * Parts of a request's own struct; they live as long as its flow.
 */

#include "server/api/handler.h"
#include "server/auth/password.h"

struct password_try {
	struct api_request *api;
	struct str name, password;
	int64_t account; /* 0 when there is none of that name that may come in */
	struct str hash; /* of the account; "" when there is none */
	bool matches;
};

/* Two steps, one behind the other: count the try and ask for the account; look at the password. Then `matches` is said.
 * ERR_LIMITED, with Retry-After, when there were too many. */
enum flow_next password_try_ask(struct password_try *try);
enum flow_next password_try_look(struct password_try *try);
/* It was right: what was tried from there before counts no more. */
void password_try_forget(const struct password_try *try, struct db_batch *batch);

struct password_new {
	struct api_request *api;
	struct str password;
	char hash[PASSWORD_HASH_BYTES];
	struct err fault;
};

/* Fills in the hash; ERR_INVALID for a password that is too short or too long. */
enum flow_next password_new_hash(struct password_new *new);

#endif
