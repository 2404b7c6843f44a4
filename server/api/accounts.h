#ifndef SERVER_API_ACCOUNTS_H
#define SERVER_API_ACCOUNTS_H

/* Accounts, groups and tokens. */

#include "server/http/http_server.h"

/*
 * At the very first start, when there is no account: makes the account `admin`, an API token of it, and a worker token,
 * and writes data_dir/admin-password, admin-token and worker-token (0600). Blocking; called before the loop runs.
 */
bool accounts_bootstrap(struct str database_url, struct str data_dir, struct err *err);

http_handler accounts_list;
http_handler accounts_create;
http_handler tokens_create;

#endif
