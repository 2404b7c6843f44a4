#ifndef SERVER_RUNS_SARIF_H
#define SERVER_RUNS_SARIF_H

/*
 * Findings of a run as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which forges and editors read: a
 * `run` of it for each tool. Pure.
 */

#include "common/proto/finding.h"

/* A row of findings_list.sql. */
struct finding_row {
	int64_t id, job_id;
	int32_t attempt;
	struct str job;
	struct finding finding;
};

/* name: "web#42"; commit: what the run is of. A new reference. */
json_t *sarif_of(const struct finding_row *rows, size_t count, struct str name, struct str commit);

#endif
