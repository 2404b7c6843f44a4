#include "common/proto/worker_proto.h"

#include <stdlib.h>
#include <string.h>

const char *const end_reason_names[] = {
#define X(reason, name) name,
	END_REASONS(X)
#undef X
		NULL,
};

const char *const step_state_names[] = {"pending", "running", "succeeded", "failed", "skipped", "cancelled", NULL};

static const struct field attempt_ref_fields[] = {
	FIELD(struct attempt_ref, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct attempt_ref, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD_END,
};

static const struct field worker_layer_fields[] = {
	FIELD(struct worker_layer, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_layer, state, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_layer, detail, FIELD_STR, 0),
	FIELD_END,
};

const struct field worker_register_fields[] = {
	FIELD(struct worker_register, protocol, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct worker_register, oldest_protocol, FIELD_I32, 0),
	FIELD(struct worker_register, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_register, version, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_register, instance, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_register, labels, FIELD_STRS, 0),
	FIELD(struct worker_register, slots, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct worker_register, profile, FIELD_STR, FIELD_REQUIRED),
	FIELD_LIST_OF(struct worker_register, layers, layer_count, struct worker_layer, worker_layer_fields, 0),
	FIELD_LIST_OF(struct worker_register, recovering, recovering_count, struct attempt_ref, attempt_ref_fields, 0),
	FIELD_END,
};

const struct field worker_registered_fields[] = {
	FIELD(struct worker_registered, worker, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct worker_registered, lease_ms, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct worker_registered, renew_ms, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct worker_registered, wait_ms, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct worker_registered, server_version, FIELD_STR, 0),
	FIELD(struct worker_registered, protocol, FIELD_I32, 0),
	FIELD(struct worker_registered, denied_addresses, FIELD_STRS, 0),
	FIELD_END,
};

static const struct field attempt_started_fields[] = {
	FIELD(struct attempt_started, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct attempt_started, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct attempt_started, at, FIELD_TIME, FIELD_REQUIRED),
	FIELD(struct attempt_started, profile, FIELD_STR, 0),
	FIELD_END,
};

const struct field step_report_fields[] = {
	FIELD(struct step_report, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct step_report, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct step_report, index, FIELD_I32, FIELD_REQUIRED),
	FIELD_ENUM(struct step_report, state, step_state_names, FIELD_REQUIRED),
	FIELD(struct step_report, exit_code, FIELD_I32, 0),
	FIELD(struct step_report, started_at, FIELD_TIME, 0),
	FIELD(struct step_report, ended_at, FIELD_TIME, 0),
	FIELD(struct step_report, line, FIELD_I64, 0),
	FIELD_END,
};

const struct field artifact_report_fields[] = {
	FIELD(struct artifact_report, path, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct artifact_report, size_bytes, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct artifact_report, sha256, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct artifact_report, mode, FIELD_I32, 0),
	FIELD(struct artifact_report, report, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field attempt_result_fields[] = {
	FIELD(struct attempt_result, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct attempt_result, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD_ENUM(struct attempt_result, reason, end_reason_names, FIELD_REQUIRED),
	FIELD(struct attempt_result, exit_code, FIELD_I32, 0),
	FIELD(struct attempt_result, signal, FIELD_I32, 0),
	FIELD(struct attempt_result, message, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct attempt_result, ended_at, FIELD_TIME, FIELD_REQUIRED),
	FIELD(struct attempt_result, outputs, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct attempt_result, artifacts, artifact_count, struct artifact_report, artifact_report_fields,
		FIELD_OMIT_EMPTY),
	FIELD(struct attempt_result, log_bytes, FIELD_I64, 0),
	FIELD(struct attempt_result, log_lines, FIELD_I64, 0),
	FIELD(struct attempt_result, cpu_us, FIELD_I64, 0),
	FIELD(struct attempt_result, memory_bytes, FIELD_I64, 0),
	FIELD_LIST_OF(struct attempt_result, findings, finding_count, struct finding, finding_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(
		struct attempt_result, tests, test_count, struct test_report, test_report_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct field worker_sync_fields[] = {
	FIELD(struct worker_sync, instance, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_sync, wait_ms, FIELD_I64, 0),
	FIELD(struct worker_sync, free_slots, FIELD_I32, 0),
	FIELD(struct worker_sync, is_draining, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_sync, held, held_count, struct attempt_ref, attempt_ref_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_sync, started, started_count, struct attempt_started, attempt_started_fields,
		FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_sync, steps, step_count, struct step_report, step_report_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_sync, results, result_count, struct attempt_result, attempt_result_fields,
		FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field job_step_fields[] = {
	FIELD(struct job_step, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_step, run, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_step, shell, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, env, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, condition, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, timeout_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, policies, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, kind, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, ready, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct job_step, wait_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field job_input_fields[] = {
	FIELD(struct job_input, path, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_input, sha256, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_input, size_bytes, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct job_input, mode, FIELD_I32, 0),
	FIELD_END,
};

const struct field job_spec_fields[] = {
	FIELD(struct job_spec, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct job_spec, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct job_spec, run_name, FIELD_STR, 0),
	FIELD(struct job_spec, key, FIELD_STR, 0),
	FIELD(struct job_spec, repository, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_spec, commit, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_spec, fetch_depth, FIELD_I32, 0),
	FIELD(struct job_spec, env, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, network, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct job_spec, profile, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, timeout_ms, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct job_spec, outlives_lease, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, grace_ms, FIELD_I64, 0),
	FIELD(struct job_spec, memory_bytes, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, disk_bytes, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, cpu_milli, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, processes, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, log_max_bytes, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct job_spec, steps, step_count, struct job_step, job_step_fields, FIELD_REQUIRED),
	FIELD(struct job_spec, outputs, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, artifacts, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, reports, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct job_spec, inputs, input_count, struct job_input, job_input_fields, FIELD_OMIT_EMPTY),
	FIELD(struct job_spec, mask, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field worker_tag_fields[] = {
	FIELD(struct worker_tag, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_tag, commit, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct worker_tag, object, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct field worker_tags_fields[] = {
	FIELD_LIST_OF(struct worker_tags, tags, tag_count, struct worker_tag, worker_tag_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field gitops_change_fields[] = {
	FIELD(struct gitops_change, path, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct gitops_change, before, FIELD_STR, 0),
	FIELD(struct gitops_change, after, FIELD_STR, 0),
	FIELD_END,
};

const struct field gitops_answer_fields[] = {
	FIELD(struct gitops_answer, problem, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, repository, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, branch, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, file, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, commit, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct gitops_answer, changes, change_count, struct gitops_change, gitops_change_fields,
		FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, pushes, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct gitops_answer, was_pushed, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field attempt_cancel_fields[] = {
	FIELD(struct attempt_cancel, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct attempt_cancel, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct attempt_cancel, reason, FIELD_STR, 0),
	FIELD_END,
};

static const struct field log_ack_fields[] = {
	FIELD(struct log_ack, job, FIELD_I64, FIELD_REQUIRED),
	FIELD(struct log_ack, attempt, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct log_ack, end, FIELD_I64, FIELD_REQUIRED),
	FIELD_END,
};

const struct field worker_answer_fields[] = {
	FIELD_LIST_OF(struct worker_answer, jobs, job_count, struct job_spec, job_spec_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_answer, cancel, cancel_count, struct attempt_cancel, attempt_cancel_fields,
		FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(
		struct worker_answer, stale, stale_count, struct attempt_ref, attempt_ref_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_answer, done, done_count, struct attempt_ref, attempt_ref_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct worker_answer, logs, log_count, struct log_ack, log_ack_fields, FIELD_OMIT_EMPTY),
	FIELD(struct worker_answer, is_draining, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_END,
};

enum { FRAME_HEAD = 5, LOG_HEAD = 28 };

static void put_number(char *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)(value >> (8 * i));
}

static uint64_t get_number(const char *from, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | (unsigned char)from[i - 1];
	return value;
}

static bool add_head(struct buf *body, size_t payload, char kind)
{
	char head[FRAME_HEAD];
	put_number(head, payload, 4);
	head[4] = kind;
	return buf_add(body, head, sizeof head);
}

bool worker_frame_add_sync(struct buf *body, const struct worker_sync *sync, struct err *err)
{
	json_t *json = fields_write(worker_sync_fields, sync);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	BUG_ON(!text);
	size_t n = strlen(text);
	bool fits = add_head(body, n, WORKER_FRAME_SYNC) && buf_add(body, text, n);
	free(text);
	return fits || err_set(err, ERR_TOO_LARGE, "sync message of %zu bytes", n);
}

bool worker_frame_add_log(struct buf *body, const struct log_frame *frame)
{
	char head[LOG_HEAD];
	put_number(head, (uint64_t)frame->job, 8);
	put_number(head + 8, (uint64_t)frame->attempt, 4);
	put_number(head + 12, (uint64_t)frame->offset, 8);
	put_number(head + 20, (uint64_t)frame->raw_bytes, 4);
	put_number(head + 24, (uint64_t)frame->lines, 4);
	if (!buf_reserve(body, FRAME_HEAD + LOG_HEAD + frame->data.n))
		return false;
	return add_head(body, LOG_HEAD + frame->data.n, WORKER_FRAME_LOG) && buf_add(body, head, LOG_HEAD) &&
	       buf_add_str(body, frame->data);
}

static bool read_log_frame(struct str payload, struct log_frame *ret, struct err *err)
{
	if (payload.n < LOG_HEAD)
		return err_set(err, ERR_INVALID, "log frame of %zu bytes; its head alone has %d", payload.n, LOG_HEAD);
	struct log_frame frame = {
		.job = (int64_t)get_number(payload.p, 8),
		.attempt = (int32_t)get_number(payload.p + 8, 4),
		.offset = (int64_t)get_number(payload.p + 12, 8),
		.raw_bytes = (int32_t)get_number(payload.p + 20, 4),
		.lines = (int32_t)get_number(payload.p + 24, 4),
		.data = str_skip(payload, LOG_HEAD),
	};
	bool is_sane = frame.job > 0 && frame.attempt > 0 && frame.offset >= 0 && frame.raw_bytes > 0 &&
		       frame.raw_bytes <= WORKER_LOG_RAW_MAX && frame.lines >= 0 && frame.lines <= frame.raw_bytes;
	if (!is_sane || frame.offset > INT64_MAX - frame.raw_bytes)
		return err_set(err, ERR_INVALID, "log frame with impossible numbers");
	*ret = frame;
	return true;
}

static bool read_sync_frame(struct str payload, struct worker_sync *ret, struct arena *arena, struct err *err)
{
	json_error_t fault;
	json_t *json = json_loadb(payload.p, payload.n, JSON_REJECT_DUPLICATES, &fault);
	if (!json)
		return err_set(err, ERR_INVALID, "sync message: %s at byte %d", fault.text, fault.position);
	struct worker_sync sync = {0};
	/* Loose: a worker of a later version may say more. */
	bool ok = fields_read_loose(worker_sync_fields, json, &sync, arena, err) || err_wrap(err, "sync message");
	json_decref(json);
	if (ok)
		*ret = sync;
	return ok;
}

bool worker_body_read(struct str body, struct worker_sync *ret_sync, struct log_frame **ret_logs, size_t *ret_count,
	struct arena *arena, struct err *err)
{
	struct worker_sync sync = {0};
	struct log_frame *logs = NULL;
	size_t count = 0;
	for (size_t index = 0; body.n; index++) {
		size_t n = body.n < FRAME_HEAD ? 0 : (size_t)get_number(body.p, 4);
		if (body.n < FRAME_HEAD || n > body.n - FRAME_HEAD)
			return err_set(err, ERR_INVALID, "frame %zu is cut short", index);
		char kind = body.p[4];
		struct str payload = {body.p + FRAME_HEAD, n};
		body = str_skip(body, FRAME_HEAD + n);
		if (kind != (index ? WORKER_FRAME_LOG : WORKER_FRAME_SYNC))
			return err_set(err, ERR_INVALID, "frame %zu is of kind %d", index, kind);
		if (index == 0) {
			if (!read_sync_frame(payload, &sync, arena, err))
				return false;
			continue;
		}
		logs = arena_grow(arena, logs, sizeof *logs, count);
		if (!read_log_frame(payload, &logs[count++], err))
			return err_wrap(err, "frame %zu", index);
	}
	if (!sync.instance.n)
		return err_set(err, ERR_INVALID, "no sync message");
	*ret_sync = sync;
	*ret_logs = logs;
	*ret_count = count;
	return true;
}

bool worker_protocol_agree(int32_t newest, int32_t oldest, int32_t *ret, struct err *err)
{
	int32_t protocol = newest < WORKER_PROTOCOL ? newest : WORKER_PROTOCOL;
	if (newest < WORKER_PROTOCOL_OLDEST)
		return err_set(err, ERR_INVALID,
			"this server speaks worker protocol %d to %d, the worker %d: upgrade the worker",
			WORKER_PROTOCOL_OLDEST, WORKER_PROTOCOL, newest);
	if (oldest > protocol)
		return err_set(err, ERR_INVALID,
			"this server speaks worker protocol %d to %d, the worker %d to %d: upgrade the server",
			WORKER_PROTOCOL_OLDEST, WORKER_PROTOCOL, oldest, newest);
	*ret = protocol;
	return true;
}
