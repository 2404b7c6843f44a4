#ifndef COMMON_PROTO_FINDING_H
#define COMMON_PROTO_FINDING_H

/*
 * What a check found and what tests said, in the one form that all pass on: the policy program tells its worker, the
 * worker the server, the server everybody. Texts are UTF-8 without zeros and have ceilings; a secret that was found is
 * never in one. Plain values.
 */

#include "common/fields.h"

enum {
	FINDINGS_MAX = 500, /* of one attempt; the rest is counted */
	FINDING_TEXT_MAX = 600,
	FINDING_PATH_MAX = 400,
	TEST_REPORTS_MAX = 200, /* of one attempt */
	TEST_FAULTS_MAX = 50,   /* named ones of one report; the rest is counted */
};

enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };
extern const char *const finding_level_names[]; /* as SARIF names them */

struct finding {
	struct str rule;   /* "no-secrets"; of a report the tool's own name for it */
	struct str tool;   /* "penstock", or what wrote the report */
	struct str report; /* the report's path; "": a policy */
	enum finding_level level;
	struct str path; /* below the workspace, "a.tar.gz!b" inside an archive; "": it is about no file */
	int32_t line;    /* from 1; 0: the file as a whole */
	int32_t column;  /* from 1; 0: not known */
	struct str commit;
	struct str message;
	struct str help;        /* the way out */
	struct str fingerprint; /* stays the same when lines move; "" where there is none */
	struct str allowed;     /* the reason for letting it pass; "": it counts */
};

struct test_fault {
	struct str name; /* class and test */
	struct str kind; /* "failure" or "error" */
	struct str message;
	struct str path; /* where the report says so */
	int32_t line;
};

struct test_report {
	struct str report; /* the report's path */
	int32_t tests, failures, errors, skipped;
	int64_t duration_ms;
	struct test_fault *faults;
	size_t fault_count;
};

extern const struct field finding_fields[];
extern const struct field test_report_fields[];

/* Whether it stands against the change: an error that nobody allowed. */
bool finding_counts(const struct finding *finding);

#endif
