#ifndef WORKER_POLICY_POLICY_H
#define WORKER_POLICY_POLICY_H

/*
 * The policy program: one run of some checks over what lies in a job's workspace. It works inside the sandbox, as the
 * job's own user, and believes nothing of what it reads. A check is a function of this struct that tells what it finds;
 * the table of them is policy.c, a file each. One thread, no network, no writing but to its two outputs.
 */

#include "common/buf.h"
#include "common/policy_rules.h"
#include "common/proto/policy_proto.h"

struct policy {
	struct policy_request request;
	struct str change; /* policy_proto.h; "" when there is none */
	int workspace;     /* descriptor of the directory */
	int log, answer;   /* descriptors: for people, for the worker */
	struct arena arena;
	const char *rule; /* the check that runs */
	int64_t found;    /* findings that count */
	int64_t allowed;
	int64_t told; /* findings that were answered */
	bool has_fault;
};

typedef void policy_check(struct policy *policy);

policy_check policy_conventional_commits;
policy_check policy_no_secrets;
policy_check policy_pipeline_pinned;
policy_check policy_artifact_has_sbom;
policy_check policy_reports; /* no rule: reads the reports that a job left */

/* Runs what is asked for, and ends the answer. True: nothing stands against the change. */
bool policy_run(struct policy *policy);

/* Tells of one finding: cleaned and cut, and counted beyond FINDINGS_MAX. Empty: rule is the one that runs, tool is
 * "penstock". */
void policy_tell(struct policy *policy, const struct finding *finding);
void policy_tell_tests(struct policy *policy, const struct test_report *report);
/* What could not be checked counts against the change, too. */
void policy_fault(struct policy *policy, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line for people alone. */
void policy_note(struct policy *policy, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A regular file of the workspace, no link; -1 with err. */
int policy_open(const struct policy *policy, struct str path, int64_t *ret_size, struct err *err);
/* The whole of it, in the arena. ERR_TOO_LARGE, ERR_NOT_FOUND. */
bool policy_load(const struct policy *policy, struct str path, size_t max_bytes, struct arena *arena, struct str *ret,
	struct err *err);
/* As much of a text as fits, for people: no control characters, UTF-8, no half characters. */
struct str policy_clean(struct str text, size_t max_bytes, struct arena *arena);

#endif
