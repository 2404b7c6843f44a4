/* The policy program: what it is given, and what becomes of its answer. What hostile files hold is read in the sandbox
 * alone; here only the program's answer is. */
#include "common/json.h"
#include "common/mem.h"
#include "common/policy_rules.h"
#include "common/proto/policy_proto.h"
#include "worker/files.h"
#include "worker/job_state.h"
#include "worker/sandbox/stream.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER       ".penstock-policy"
#define REQUEST_FILE FOLDER "/request.json"
#define CHANGE_FILE  FOLDER "/change"

bool job_policy_wants_change(const struct job_spec *spec)
{
	unsigned needs = 0;
	for (size_t i = 0; i < spec->step_count; i++)
		needs |= policy_needs_of(&spec->steps[i].policies);
	return needs & POLICY_OF_CHANGE;
}

/* ---- what it is given ---- */

/* In the phase of steps for the one at hand, later for the reports. */
static struct str request_text(const struct job *job, struct arena *arena)
{
	const struct job_spec *spec = job->options.spec;
	bool is_step = job->phase == JOB_STEPS;
	struct policy_request request = {
		.rules = is_step ? spec->steps[job->step].policies : (struct str_list){0},
		.has_change = is_step && job->change_fd >= 0,
		.artifacts = arena_array(arena, struct policy_artifact, spec->input_count),
		.artifact_count = is_step ? spec->input_count : 0,
		.reports = is_step ? (struct pair_list){0} : spec->reports,
	};
	for (size_t i = 0; i < request.artifact_count; i++)
		request.artifacts[i] = (struct policy_artifact){
			spec->inputs[i].path, spec->inputs[i].sha256, spec->inputs[i].size_bytes};
	json_t *json = fields_write(policy_request_fields, &request);
	struct str text = json_text(json, arena);
	json_decref(json);
	return text;
}

static bool copy_change(int fd, struct stream_writer *to, struct err *err)
{
	struct stat st;
	char piece[64 << 10];
	if (fd < 0)
		return true;
	if (fstat(fd, &st) < 0)
		return err_errno(err, "the change");
	if (!stream_write_file(to, STR(CHANGE_FILE), 0644, (uint64_t)st.st_size, err))
		return false;
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = pread(fd, piece, sizeof piece, at);
		if (n <= 0)
			return err_errno(err, "read the change");
		if (!stream_write_data(to, (struct str){piece, (size_t)n}, err))
			return false;
		at += n;
	}
	return true;
}

bool job_policy_bring(struct job *job, struct err *err)
{
	auto_arena arena = {0};
	struct str text = request_text(job, &arena);
	auto_fd int fd = files_temporary(job->options.scratch_dir, err);
	if (fd < 0)
		return false;
	struct stream_writer writer;
	stream_writer_init(&writer, fd);
	bool ok = stream_write_file(&writer, STR(REQUEST_FILE), 0644, text.n, err) &&
		  stream_write_data(&writer, text, err) &&
		  copy_change(job->phase == JOB_STEPS ? job->change_fd : -1, &writer, err) &&
		  stream_write_end(&writer, err);
	stream_writer_done(&writer);
	if (!ok)
		return false;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "rewind what the policy is given");
	job->is_script_coming = true;
	job_import(job, fd, SANDBOX_AREA_HOME);
	return true;
}

/* ---- running ---- */

/* Its environment is not the job's, which could name a library to be loaded first. */
bool job_policy_run(struct job *job, struct err *err)
{
	static const char *const environment[] = {"LANG=C.UTF-8", NULL};
	static const char *const arguments[] = {
		POLICY_PROGRAM, SANDBOX_HOME_PATH "/" REQUEST_FILE, SANDBOX_HOME_PATH "/" CHANGE_FILE, NULL};
	job_policy_done(job);
	job->answer_fd = files_temporary(job->options.scratch_dir, err);
	if (job->answer_fd < 0)
		return false;
	struct sandbox_step_options options = {
		.arguments = arguments,
		.environment = environment,
		.out = box_out(job->box),
		.err = job->answer_fd,
	};
	return sandbox_run(boxes_sandbox(job->options.boxes), box_job(job->box), &options, &job->operation, err);
}

/* ---- its answer ---- */

static bool read_answer(struct job *job, struct policy_answer *ret, struct err *err)
{
	auto_buf text = BUF_INIT(POLICY_ANSWER_BYTES_MAX);
	char *room;
	ssize_t n = 0;
	while ((room = buf_reserve(&text, 16 << 10)) && (n = pread(job->answer_fd, room, 16 << 10, (off_t)text.n)) > 0)
		text.n += (size_t)n;
	if (n < 0)
		return err_errno(err, "read the policy program's answer");
	if (!room)
		return err_set(err, ERR_UPSTREAM, "the policy program answers too much");
	return policy_answer_read(buf_str(&text), ret, job->options.arena, err);
}

static void add_findings(struct job *job, const struct policy_answer *answer)
{
	struct attempt_result *result = &job->result;
	struct arena *arena = job->options.arena;
	for (size_t i = 0; i < answer->finding_count && result->finding_count < FINDINGS_MAX; i++) {
		result->findings = arena_grow(arena, result->findings, sizeof *result->findings, result->finding_count);
		result->findings[result->finding_count++] = answer->findings[i];
	}
	for (size_t i = 0; i < answer->test_count && result->test_count < TEST_REPORTS_MAX; i++) {
		result->tests = arena_grow(arena, result->tests, sizeof *result->tests, result->test_count);
		result->tests[result->test_count++] = answer->tests[i];
	}
}

/* "no-secrets, pipeline-pinned": the rules that found something. */
static struct str rules_of(const struct policy_answer *answer, struct arena *arena)
{
	struct str_list rules = {0};
	struct str text = {0};
	for (size_t i = 0; i < answer->finding_count; i++) {
		struct str rule = answer->findings[i].rule;
		if (!finding_counts(&answer->findings[i]) || str_list_has(&rules, rule))
			continue;
		rules.items = arena_grow(arena, rules.items, sizeof *rules.items, rules.count);
		rules.items[rules.count++] = rule;
		text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), text.n ? ", " : "", STR_ARG(rule));
	}
	return text;
}

bool job_policy_judge(struct job *job, const char *step, int exit_code)
{
	auto_arena arena = {0};
	struct policy_answer answer = {0};
	struct err err = {0};
	bool is_first = !job->has_failed, ok = read_answer(job, &answer, &err);
	add_findings(job, &answer);
	if (!ok)
		job_fail(job, END_EXIT, "step \"%s\": %s", step, err.text);
	else if (answer.found)
		job_fail(job, END_EXIT, "policy: %lld finding%s (%.*s)", (long long)answer.found,
			answer.found == 1 ? "" : "s", STR_ARG(rules_of(&answer, &arena)));
	else if (answer.faults.count)
		job_fail(job, END_EXIT, "policy: not everything could be checked: %.*s",
			STR_ARG(answer.faults.items[0]));
	else if (exit_code)
		job_fail(job, END_EXIT, "step \"%s\": the policy program exited with code %d", step, exit_code);
	else
		return true;
	if (is_first)
		job->result.exit_code = exit_code ? exit_code : 1;
	return false;
}

/* ---- reports ---- */

enum { REPORTS_MS = 120000 };

bool job_reports_are_read(const struct job *job)
{
	const struct pair_list *reports = &job->options.spec->reports;
	for (size_t i = 0; i < reports->count; i++)
		if (str_is(reports->items[i].name, "junit") || str_is(reports->items[i].name, "sarif"))
			return job->started_us > 0;
	return false;
}

static void on_reports_late(uv_timer_t *timer)
{
	struct job *job = timer->data;
	if (job->phase == JOB_REPORTS && job->operation)
		sandbox_signal(boxes_sandbox(job->options.boxes), box_job(job->box), job->operation, SIGKILL, NULL);
}

/* A line in the job's log, counted like those of its steps. */
static void say(struct job *job, const char *why)
{
	auto_arena arena = {0};
	auto_buf out = BUF_INIT(8 << 20);
	log_filter_write(&job->filter, arena_printf(&arena, "reports: not read: %s\n", why), &out);
	job->options.port->log(job->options.port_arg, job, buf_str(&out));
}

static void end_reports(struct job *job, const struct err *err)
{
	uv_timer_stop(&job->timer);
	job->is_script_coming = false;
	job_read_output(job);
	job_flush_output(job);
	if (job->is_result_told)
		return;
	if (err->kind != ERR_NONE)
		say(job, err->text);
	job_advance(job);
}

void job_reports_begin(struct job *job)
{
	struct err err = {0};
	uv_timer_start(&job->timer, on_reports_late, REPORTS_MS, 0);
	if (!job_policy_bring(job, &err))
		end_reports(job, &err);
}

void job_reports_event(struct job *job, const struct sandbox_event *event)
{
	struct policy_answer answer = {0};
	struct err err = {0};
	bool is_fine = event->kind == SANDBOX_ENDED && event->end.reason == SANDBOX_END_EXIT &&
		       (event->end.exit_code == 0 || (!job->is_script_coming && event->end.exit_code == 1));
	if (!is_fine)
		err_set(&err, ERR_SYSTEM, "%s",
			event->kind == SANDBOX_FAILED ? event->err.text
			: event->end.text[0]          ? event->end.text
						      : "the program was stopped");
	else if (job->is_script_coming) {
		job->is_script_coming = false;
		if (job_policy_run(job, &err))
			return;
	} else if (read_answer(job, &answer, &err))
		add_findings(job, &answer);
	end_reports(job, &err);
}

void job_policy_done(struct job *job)
{
	if (job->answer_fd >= 0)
		close(job->answer_fd);
	job->answer_fd = -1;
}
