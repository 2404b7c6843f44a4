#ifndef WORKER_POLICY_REPORT_KINDS_H
#define WORKER_POLICY_REPORT_KINDS_H

/* The kinds of reports that are read: each tells what it finds by policy_tell() or policy_tell_tests(). ERR_INVALID: it
 * is none. */

#include "worker/policy/policy.h"

bool report_junit(struct policy *policy, struct str path, struct str text, struct err *err);
bool report_sarif(struct policy *policy, struct str path, struct str text, struct err *err);

#endif
