#ifndef SERVER_GIT_LOCAL_PATH_H
#define SERVER_GIT_LOCAL_PATH_H

/* Why a repository on this machine cannot be read: git says no more than that it "does not appear to be one". */

#include "common/err.h"
#include "common/str.h"

/* Whether this process gets through every directory of a path or file:// URL; true for any other address, and where
 * nothing is there. The error names the directory that keeps it out, and the account. */
bool local_path_is_open(struct str url, struct err *err);

#endif
