#ifndef SERVER_AUTH_LOGIN_LIMIT_H
#define SERVER_AUTH_LOGIN_LIMIT_H

/*
 * How often a password may be guessed: for each name from each address, and for each address whatever the name, a
 * number of tries at once and then one every few seconds. Counted in the database, by its time, for all servers
 * together; names and addresses stand there as hashes.
 */

#include "common/str.h"
#include "server/store/db.h"

/* Counts one try, before the password is looked at. */
void login_limit_add(struct db_batch *batch, struct str name, struct str peer);
/* What that statement answered: 0, or for how many seconds it is too many. */
int64_t login_limit_wait_s(const struct db_reply *reply, size_t statement);
/* The password was right: the tries of the name from there count no more. */
void login_limit_forget(struct db_batch *batch, struct str name, struct str peer);

#endif
