#ifndef COMMON_PROTO_POLICY_PROTO_H
#define COMMON_PROTO_POLICY_PROTO_H

/*
 * What a worker and the policy program in the sandbox say to each other. The program is given a request and, where a
 * rule looks at it, the change, as files; it prints what people read on standard output, and its answer, one JSON
 * object a line, on descriptor 2, which is a file of the worker's. What the program reads is hostile; what it answers
 * is believed as far as its types and ceilings go.
 *
 * The change is what the server has read from its mirror: records that name their own length, so that nothing in them
 * can look like another.
 *
 *     commit ID PARENTS LENGTH    and LENGTH bytes of message
 *     file KIND LENGTH            and LENGTH bytes of path; KIND is "text", or "whole": too large or no text, look into
 * the file lines FIRST LENGTH          and LENGTH bytes: lines that the commit adds to that file, from number FIRST on
 *     end
 *
 * Each header ends with a line feed, and so do the bytes behind it.
 */

#include "common/buf.h"
#include "common/proto/finding.h"

/* Where the launcher puts the program, read-only, for every step. */
#define POLICY_PROGRAM "/run/penstock-policy"

enum {
	POLICY_ANSWER_BYTES_MAX = 4 << 20,
	POLICY_CHANGE_BYTES_MAX = 64 << 20,
	POLICY_COMMITS_MAX = 5000,
};

struct policy_artifact { /* of a job that is needed; it lies in the workspace */
	struct str path;
	struct str sha256;
	int64_t size_bytes;
};

struct policy_request {
	struct str_list rules; /* to check; none: reports are read */
	bool has_change;
	struct policy_artifact *artifacts;
	size_t artifact_count;
	struct pair_list reports;   /* kind: glob */
	int64_t artifact_bytes_max; /* unpacked, all together; 0: the program's default */
};

extern const struct field policy_request_fields[];

/* One line of the answer. */
struct policy_answer_line {
	struct finding *finding; /* one of these, or ... */
	struct test_report *tests;
	struct str fault; /* ... a sentence: what could not be checked, and why */
	bool is_end;      /* the last line: nothing was left out before it */
	int64_t found;    /* with it: findings that count, those above FINDINGS_MAX too */
	int64_t allowed;
};

struct policy_answer {
	struct finding *findings;
	size_t finding_count;
	struct test_report *tests;
	size_t test_count;
	struct str_list faults;
	int64_t found, allowed;
};

/* With its line feed. */
bool policy_answer_add(struct buf *to, const struct policy_answer_line *line);
/* ERR_UPSTREAM when it is not what an unharmed program writes, or its end is missing. */
bool policy_answer_read(struct str text, struct policy_answer *ret, struct arena *arena, struct err *err);

#endif
