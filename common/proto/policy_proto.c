#include "common/proto/policy_proto.h"

#include "common/buf.h"
#include "common/json.h"

static const struct field policy_artifact_fields[] = {
	FIELD(struct policy_artifact, path, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct policy_artifact, sha256, FIELD_STR, 0),
	FIELD(struct policy_artifact, size_bytes, FIELD_I64, 0),
	FIELD_END,
};

const struct field policy_request_fields[] = {
	FIELD(struct policy_request, rules, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct policy_request, has_change, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct policy_request, artifacts, artifact_count, struct policy_artifact, policy_artifact_fields,
		FIELD_OMIT_EMPTY),
	FIELD(struct policy_request, reports, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct policy_request, artifact_bytes_max, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field line_fields[] = {
	FIELD_POINTER_TO(struct policy_answer_line, finding, struct finding, finding_fields, FIELD_OMIT_EMPTY),
	FIELD_POINTER_TO(struct policy_answer_line, tests, struct test_report, test_report_fields, FIELD_OMIT_EMPTY),
	FIELD(struct policy_answer_line, fault, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_AS(struct policy_answer_line, is_end, "end", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct policy_answer_line, found, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct policy_answer_line, allowed, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_END,
};

bool policy_answer_add(struct buf *to, const struct policy_answer_line *line)
{
	auto_arena arena = {0};
	json_t *json = fields_write(line_fields, line);
	bool ok = buf_add_str(to, json_text(json, &arena)) && buf_add_char(to, '\n');
	json_decref(json);
	return ok;
}

static bool read_line(struct str text, struct policy_answer_line *ret, struct arena *arena, struct err *err)
{
	json_error_t fault;
	json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!json)
		return err_set(err, ERR_UPSTREAM, "%.*s", STR_ARG(str_head(text, 200)));
	bool ok = fields_read(line_fields, json, ret, arena, err);
	json_decref(json);
	return ok;
}

static void take_line(struct policy_answer *answer, const struct policy_answer_line *line, struct arena *arena)
{
	if (line->finding && answer->finding_count < FINDINGS_MAX) {
		answer->findings = arena_grow(arena, answer->findings, sizeof *answer->findings, answer->finding_count);
		answer->findings[answer->finding_count++] = *line->finding;
	}
	if (line->tests && answer->test_count < TEST_REPORTS_MAX) {
		answer->tests = arena_grow(arena, answer->tests, sizeof *answer->tests, answer->test_count);
		answer->tests[answer->test_count++] = *line->tests;
	}
	if (line->fault.n) {
		struct str_list *faults = &answer->faults;
		faults->items = arena_grow(arena, faults->items, sizeof *faults->items, faults->count);
		faults->items[faults->count++] = line->fault;
	}
}

bool policy_answer_read(struct str text, struct policy_answer *ret, struct arena *arena, struct err *err)
{
	struct policy_answer answer = {0};
	struct str part;
	bool has_end = false;
	while (!has_end && str_cut(&text, '\n', &part)) {
		struct policy_answer_line line = {0};
		if (!read_line(part, &line, arena, err))
			return err_wrap(err, "the policy program failed");
		take_line(&answer, &line, arena);
		has_end = line.is_end;
		answer.found = line.found;
		answer.allowed = line.allowed;
	}
	if (!has_end)
		return err_set(err, ERR_UPSTREAM, "the policy program did not finish its answer");
	*ret = answer;
	return true;
}
