#include "common/clock.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "worker/job_state.h"
#include "worker/sandbox/stream.h"
#include "worker/files.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	AFTER_MS = 60000, /* for the steps that still run once the job was stopped */
	GRACE_DEFAULT_MS = 10000,
	SCRIPT_ARGUMENT_MAX = 60 << 10, /* larger ones go in as a file: arguments and environment share 140 KiB */
	READ_BYTES = 64 << 10,
	READS_AT_ONCE = 16,
	OUT_MAX = 8 << 20, /* a piece, and the most that the mask may have held back */
};

static void next_step(struct job *job);

/* ---- output ---- */

static void pass_on(struct job *job, struct buf *out)
{
	/* Telling may have ended the job. */
	if (out->n && !job->is_result_told)
		job->options.port->log(job->options.port_arg, job, buf_str(out));
}

void job_read_output(struct job *job)
{
	static char piece[READ_BYTES]; /* the loop's thread alone reads */
	auto_buf out = BUF_INIT(OUT_MAX);
	for (int i = 0; i < READS_AT_ONCE; i++) {
		size_t n = box_read(job->box, piece, sizeof piece);
		if (!n)
			break;
		buf_clear(&out);
		bool was_over = job->filter.is_over;
		log_filter_write(&job->filter, (struct str){piece, n}, &out);
		pass_on(job, &out);
		if (job->filter.is_over && !was_over && job->phase == JOB_STEPS)
			job_steps_stop(job, END_LOG_LIMIT);
	}
}

void job_say(struct job *job, struct str lines)
{
	auto_buf out = BUF_INIT(OUT_MAX);
	log_filter_write(&job->filter, lines, &out);
	pass_on(job, &out);
}

void job_flush_output(struct job *job)
{
	auto_buf out = BUF_INIT(OUT_MAX);
	log_filter_flush(&job->filter, &out);
	pass_on(job, &out);
}

/* ---- environment ---- */

static void add_pairs(struct pair_list *all, const struct pair_list *more, struct arena *arena)
{
	for (size_t i = 0; i < more->count; i++) {
		struct str name = more->items[i].name;
		size_t at;
		if (name.n && !str_find_char(name, '=', &at) && strlen(name.p) == name.n)
			pair_set(all, arena, name, more->items[i].value);
	}
}

static const char *const *make_environment(const struct job *job, const struct job_step *step, struct arena *arena)
{
	const struct job_spec *spec = job->options.spec;
	struct pair_list all = {0};
	pair_set(&all, arena, STR("PATH"), STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	pair_set(&all, arena, STR("LANG"), STR("C.UTF-8"));
	pair_set(&all, arena, STR("HOME"), STR(SANDBOX_HOME_PATH));
	pair_set(&all, arena, STR("USER"), STR("build"));
	pair_set(&all, arena, STR("LOGNAME"), STR("build"));
	add_pairs(&all, &spec->env, arena);
	add_pairs(&all, &step->env, arena);
	/* Nobody's to change. */
	pair_set(&all, arena, STR("CI"), STR("true"));
	pair_set(&all, arena, STR("CI_WORKSPACE"), STR(SANDBOX_WORKSPACE_PATH));
	pair_set(&all, arena, STR("CI_OUTPUT"), STR(SANDBOX_HOME_PATH "/.ci-output"));
	pair_set(&all, arena, STR("CI_JOB_ID"), arena_printf(arena, "%" PRId64, spec->job));
	pair_set(&all, arena, STR("CI_ATTEMPT"), arena_printf(arena, "%d", spec->attempt));
	if (job->gitops != GITOPS_NONE)
		pair_set(&all, arena, STR("CI_GITOPS_COMMIT"), job->gitops_commit);
	const char **texts = arena_array(arena, const char *, all.count + 1);
	for (size_t i = 0; i < all.count; i++)
		texts[i] = arena_printf(arena, "%.*s=%.*s", STR_ARG(all.items[i].name), STR_ARG(all.items[i].value)).p;
	return texts;
}

/* ---- one step ---- */

static bool is_posix_shell(struct str shell)
{
	return !shell.n || str_is(shell, "sh") || str_is(shell, "bash");
}

static bool needs_script_file(const struct job_step *step)
{
	return !is_posix_shell(step->shell) || step->run.n > SCRIPT_ARGUMENT_MAX;
}

static const char *script_name(const struct job *job, struct arena *arena)
{
	return arena_printf(arena, ".ci-step-%zu", job->step + 1).p;
}

/* `shell: python3 -u` is a program and its arguments; the script's file is the last one. */
static const char *const *make_arguments(const struct job *job, const struct job_step *step, struct arena *arena)
{
	const char **list = arena_array(arena, const char *, step->shell.n + 8);
	const char *script = arena_str(arena, step->run).p;
	bool is_bash = str_is(step->shell, "bash");
	size_t n = 0;
	if (needs_script_file(step))
		script = arena_printf(arena, SANDBOX_HOME_PATH "/%s", script_name(job, arena)).p;
	if (is_posix_shell(step->shell)) {
		list[n++] = is_bash ? "/bin/bash" : "/bin/sh";
		list[n++] = "-e";
		if (is_bash) {
			list[n++] = "-o";
			list[n++] = "pipefail";
		}
		if (!needs_script_file(step))
			list[n++] = "-c";
	} else {
		struct str rest = step->shell, word;
		if (step->shell.p[0] != '/')
			list[n++] = "/usr/bin/env";
		while (str_cut(&rest, ' ', &word))
			if (word.n)
				list[n++] = arena_str(arena, word).p;
	}
	list[n++] = script;
	return list;
}

static void report(struct job *job, enum step_state state, int exit_code)
{
	struct step_report told = {
		.index = (int32_t)job->step,
		.state = state,
		.exit_code = exit_code,
		.started_at = job->step_started_wall_us,
		.ended_at = state == STEP_RUNNING ? 0 : clock_wall_us(),
		.line = job->step_line,
	};
	job->options.port->step(job->options.port_arg, job, &told);
}

static void on_timer(uv_timer_t *timer);

/* When the step is to be stopped or killed next; INT64_MAX: never. */
static int64_t timer_due_us(const struct job *job)
{
	const struct job_spec *spec = job->options.spec;
	int64_t own_ms = spec->steps[job->step].timeout_ms;
	if (job->kill_at_us)
		return job->kill_at_us;
	int64_t own = own_ms > 0 ? job->step_started_us + own_ms * US_PER_MS : INT64_MAX;
	int64_t all = job->after_until_us    ? job->after_until_us
		      : spec->timeout_ms > 0 ? job->started_us + spec->timeout_ms * US_PER_MS
					     : INT64_MAX;
	int64_t gitops = job_gitops_due(job), first = own < all ? own : all;
	return gitops < first ? gitops : first;
}

void job_steps_set_timer(struct job *job)
{
	int64_t at = timer_due_us(job), now_us = clock_mono_us();
	if (at == INT64_MAX)
		uv_timer_stop(&job->timer);
	else
		uv_timer_start(&job->timer, on_timer,
			at > now_us ? (uint64_t)((at - now_us + US_PER_MS - 1) / US_PER_MS) : 0, 0);
}

static void send_signal(struct job *job, int signal)
{
	if (job->operation)
		sandbox_signal(boxes_sandbox(job->options.boxes), box_job(job->box), job->operation, signal, NULL);
}

void job_steps_end_script(struct job *job)
{
	const struct job_spec *spec = job->options.spec;
	int64_t grace_ms = spec->grace_ms > 0 ? spec->grace_ms : GRACE_DEFAULT_MS;
	job->kill_at_us = clock_mono_us() + grace_ms * US_PER_MS;
	send_signal(job, SIGTERM);
	job_steps_set_timer(job);
}

void job_steps_stop(struct job *job, enum end_reason why)
{
	if (!job->is_step_running || job->step_stop != END_NONE)
		return;
	job->step_stop = why;
	if (!job_gitops_stop(job) && !job->kill_at_us)
		job_steps_end_script(job);
}

static void on_timer(uv_timer_t *timer)
{
	struct job *job = timer->data;
	if (job->phase != JOB_STEPS || !job->is_step_running)
		return;
	/* A busy loop counts from when it last looked at the clock: too early, by as much as it is late. */
	if (timer_due_us(job) > clock_mono_us()) {
		job_steps_set_timer(job);
		return;
	}
	if (job->kill_at_us) {
		send_signal(job, SIGKILL);
		return;
	}
	if (job_gitops_timer(job))
		return;
	job_steps_stop(job, END_TIMEOUT);
}

bool job_run_script(struct job *job, const struct job_step *step, struct err *err)
{
	auto_arena arena = {0};
	struct sandbox_step_options options = {
		.arguments = make_arguments(job, step, &arena),
		.environment = make_environment(job, step, &arena),
		.out = box_out(job->box),
		.err = box_out(job->box),
	};
	return sandbox_run(boxes_sandbox(job->options.boxes), box_job(job->box), &options, &job->operation, err);
}

static bool run_step(struct job *job, struct err *err)
{
	const struct job_step *step = &job->options.spec->steps[job->step];
	return step->policies.count ? job_policy_run(job, err) : job_run_script(job, step, err);
}

static bool bring_script(struct job *job, struct err *err)
{
	const struct job_step *step = &job->options.spec->steps[job->step];
	auto_arena arena = {0};
	auto_fd int fd = files_temporary(job->options.scratch_dir, err);
	if (fd < 0)
		return false;
	struct stream_writer writer;
	stream_writer_init(&writer, fd);
	bool ok = stream_write_file(&writer, str_of(script_name(job, &arena)), 0755, step->run.n, err) &&
		  stream_write_data(&writer, step->run, err) && stream_write_end(&writer, err);
	stream_writer_done(&writer);
	if (!ok || lseek(fd, 0, SEEK_SET) < 0)
		return false;
	job->is_script_coming = true;
	job_import(job, fd, SANDBOX_AREA_HOME);
	return true;
}

static void start_step(struct job *job)
{
	struct err err = {0};
	const struct job_step *step = &job->options.spec->steps[job->step];
	job->is_step_running = true;
	job->step_stop = END_NONE;
	job->kill_at_us = 0;
	job->step_started_us = clock_mono_us();
	job->step_started_wall_us = clock_wall_us();
	job->step_line = job->filter.lines + 1;
	/* Told before it is asked for, so that no step's log comes before the step. */
	report(job, STEP_RUNNING, 0);
	FAILPOINT("step.announced");
	if (job_step_is_gitops(step)) {
		job_steps_set_timer(job);
		job_gitops_start(job);
		return;
	}
	bool ok = step->policies.count      ? job_policy_bring(job, &err)
		  : needs_script_file(step) ? bring_script(job, &err)
					    : run_step(job, &err);
	if (ok) {
		FAILPOINT("step.started");
		job_steps_set_timer(job);
		return;
	}
	struct sandbox_event event = {.kind = SANDBOX_FAILED, .err = err};
	job_steps_event(job, &event);
}

static void end_step(struct job *job, const struct sandbox_event *event)
{
	int exit_code = 0;
	bool ok = false;
	job_read_output(job);
	job_flush_output(job);
	if (job->is_result_told)
		return;
	FAILPOINT("step.ended");
	job->is_script_coming = false;
	if (event->kind == SANDBOX_ENDED) {
		ok = job_judge_step(job, &event->end);
		exit_code = event->end.exit_code;
	} else {
		job_fail(job, END_SANDBOX_UNAVAILABLE, "step \"%.*s\" could not be run: %s",
			STR_ARG(str_brief(job->options.spec->steps[job->step].name, 100)), event->err.text);
	}
	job_step_over(job, ok, exit_code);
}

void job_step_over(struct job *job, bool ok, int exit_code)
{
	job_flush_output(job);
	if (job->is_result_told)
		return;
	job->is_step_running = false;
	job->operation = 0;
	uv_timer_stop(&job->timer);
	report(job, ok ? STEP_SUCCEEDED : job->step_stop == END_CANCELLED ? STEP_CANCELLED : STEP_FAILED, exit_code);
	/* What runs from here on runs on borrowed time. */
	if ((job->is_cancelled || job->result.reason == END_TIMEOUT) && !job->after_until_us)
		job->after_until_us = clock_mono_us() + AFTER_MS * US_PER_MS;
	job->step++;
	next_step(job);
}

void job_steps_event(struct job *job, const struct sandbox_event *event)
{
	struct err err = {0};
	if (job->gitops == GITOPS_TRYING) {
		job_gitops_tried(job, event);
		return;
	}
	bool is_in = job->is_script_coming && event->kind == SANDBOX_ENDED && event->end.reason == SANDBOX_END_EXIT &&
		     event->end.exit_code == 0;
	if (!is_in || job->step_stop != END_NONE) {
		end_step(job, event);
		return;
	}
	job->is_script_coming = false;
	if (!run_step(job, &err))
		end_step(job, &(struct sandbox_event){.kind = SANDBOX_FAILED, .err = err});
}

/* ---- their order ---- */

static bool should_run(const struct job *job, const struct job_step *step)
{
	if (job->is_killed || str_is(step->condition, "never"))
		return false;
	if (str_is(step->condition, "always"))
		return true;
	if (str_is(step->condition, "failure"))
		return job->has_failed && !job->is_cancelled;
	return !job->has_failed;
}

static void next_step(struct job *job)
{
	const struct job_spec *spec = job->options.spec;
	for (; job->step < spec->step_count; job->step++) {
		if (should_run(job, &spec->steps[job->step])) {
			start_step(job);
			return;
		}
		job->step_started_wall_us = 0;
		job->step_line = job->filter.lines + 1;
		report(job, job->is_cancelled ? STEP_CANCELLED : STEP_SKIPPED, 0);
	}
	job_advance(job);
}

void job_steps_begin(struct job *job)
{
	job->started_us = clock_mono_us();
	job->started_wall_us = clock_wall_us();
	job->options.port->started(job->options.port_arg, job, job->started_wall_us);
	next_step(job);
}
