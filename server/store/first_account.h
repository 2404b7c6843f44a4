#ifndef SERVER_STORE_FIRST_ACCOUNT_H
#define SERVER_STORE_FIRST_ACCOUNT_H

/* The account of the very first start. Blocking: before the loop runs. */

#include "common/err.h"

/* Whether there is no account yet. */
bool first_account_is_needed(const char *url, bool *ret, struct err *err);
/* Makes `admin` with this password hash, an API token and a worker token (SHA-256 in hex); nothing when another server
 * was first. */
bool first_account_make(
	const char *url, const char *password_hash, const char *api_hash, const char *worker_hash, struct err *err);

#endif
