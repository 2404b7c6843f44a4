#ifndef SERVER_GIT_GIT_VERDICT_H
#define SERVER_GIT_GIT_VERDICT_H

/* Whether a run of git went well, and otherwise its cause in a sentence that says what somebody can do about it. A
 * function of its arguments. */

#include "common/err.h"
#include "common/io/proc.h"

/* what: "git fetch". ERR_TIMEOUT when it took too long, ERR_UPSTREAM otherwise. */
bool git_verdict(const struct proc_result *result, const char *what, struct err *err);

#endif
