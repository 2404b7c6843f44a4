#include "common/proto/finding.h"

const char *const finding_level_names[] = {"error", "warning", "note", NULL};

const struct field finding_fields[] = {
	FIELD(struct finding, rule, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct finding, tool, FIELD_STR, 0),
	FIELD(struct finding, report, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_ENUM(struct finding, level, finding_level_names, FIELD_REQUIRED),
	FIELD(struct finding, path, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct finding, line, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct finding, column, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct finding, commit, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct finding, message, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct finding, help, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct finding, fingerprint, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct finding, allowed, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field test_fault_fields[] = {
	FIELD(struct test_fault, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct test_fault, kind, FIELD_STR, 0),
	FIELD(struct test_fault, message, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct test_fault, path, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct test_fault, line, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct field test_report_fields[] = {
	FIELD(struct test_report, report, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct test_report, tests, FIELD_I32, 0),
	FIELD(struct test_report, failures, FIELD_I32, 0),
	FIELD(struct test_report, errors, FIELD_I32, 0),
	FIELD(struct test_report, skipped, FIELD_I32, 0),
	FIELD(struct test_report, duration_ms, FIELD_I64, 0),
	FIELD_LIST_OF(struct test_report, faults, fault_count, struct test_fault, test_fault_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

bool finding_counts(const struct finding *finding)
{
	return finding->level == FINDING_ERROR && finding->allowed.n == 0;
}
