#ifndef WORKER_ACCOUNT_H
#define WORKER_ACCOUNT_H

/*
 * The account that a worker started as root goes on as, once the launcher, which keeps the rights, runs. Called by main
 * alone, before there is any thread.
 */

#include "common/err.h"

/* Gives the directory, and cache, spool and tmp in it, to the account, then becomes that account for good. */
bool account_become(const char *name, const char *directory, struct err *err);

#endif
