#ifndef SERVER_AUTH_BOOTSTRAP_H
#define SERVER_AUTH_BOOTSTRAP_H

/* The very first start. Blocking; called before the loop runs. */

#include "common/err.h"
#include "common/str.h"

/*
 * When there is no account yet: makes the account `admin`, an API token of it and a worker token, and writes
 * data_dir/admin-password, admin-token and worker-token (0600) before; those that are there already are taken. A later
 * start changes nothing.
 */
bool bootstrap(struct str database_url, struct str data_dir, struct err *err);

#endif
