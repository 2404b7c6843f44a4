#ifndef SERVER_AUTH_LOGIN_LIMIT_H
#define SERVER_AUTH_LOGIN_LIMIT_H

/*
 * How often a password may be guessed: for each name from each address, and for each address whatever the name, a
 * number of tries at once and then one every few seconds. Of fixed size: when it is full, what has calmed down most
 * makes room. Pure: the time is an argument. Each coordinator counts for itself.
 */

#include "common/digest.h"
#include "common/str.h"

enum { LOGIN_LIMIT_PLACES = 1024 };

struct login_count {
	uint8_t key[DIGEST_BYTES];
	int64_t calm_at_us; /* all its tries are forgotten by then; 0: a free place */
};

struct login_limit {
	struct login_count counts[LOGIN_LIMIT_PLACES];
};

/* Counts one try, before the password is looked at. now_us: monotonic. False: too many; *ret_wait_s says for how long.
 */
bool login_limit_take(struct login_limit *limit, struct str name, struct str peer, int64_t now_us, int64_t *ret_wait_s);
/* The password was right: the tries of the name from there count no more. */
void login_limit_forget(struct login_limit *limit, struct str name, struct str peer);

#endif
