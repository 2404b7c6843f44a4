#include "common/clock.h"
#include "common/mem.h"
#include "worker/hint.h"
#include "worker/job_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void job_fail(struct job *job, enum end_reason reason, const char *format, ...)
{
	char text[700];
	va_list args;
	if (job->has_failed)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	job->has_failed = true;
	job->result.reason = reason;
	/* A name or a message may have been cut within a character. */
	auto_buf clean = BUF_INIT(4 * sizeof text);
	buf_add_utf8(&clean, str_of(text));
	job->result.message = arena_str(job->options.arena, buf_str(&clean));
}

void job_fail_here(struct job *job, enum end_reason reason, const struct err *err)
{
	if (err->os != ENOSPC) {
		job_fail(job, reason, "%s", err->text);
		return;
	}
	job->found_no_room = true;
	job_fail(job, END_WORKER_LOST, "%s: the disk of the worker is full, make room on it", err->text);
}

bool job_found_no_room(const struct job *job)
{
	return job->found_no_room;
}

static struct str size_text(int64_t bytes, struct arena *arena)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	while (bytes >= 1024 && bytes % 1024 == 0 && unit + 1 < COUNT_OF(units)) {
		bytes /= 1024;
		unit++;
	}
	return arena_printf(arena, "%lld %s", (long long)bytes, units[unit]);
}

static void fail_by_limit(struct job *job, const struct sandbox_end *end, const char *step)
{
	const struct job_spec *spec = job->options.spec;
	auto_arena arena = {0};
	switch ((enum sandbox_end_reason)end->reason) {
	case SANDBOX_END_OUT_OF_MEMORY:
		job_fail(job, END_OUT_OF_MEMORY,
			"step \"%s\" needed more memory than the job may have (%s); give the job a larger `memory`, or run "
			"less in parallel",
			step, spec->memory_bytes ? size_text(spec->memory_bytes, &arena).p : "what the worker has");
		break;
	case SANDBOX_END_TOO_MANY_PROCESSES:
		if (spec->processes)
			job_fail(job, END_TOO_MANY_PROCESSES,
				"step \"%s\" wanted more processes at a time than the job may have (%d); does it loop, or is "
				"`processes` too small?",
				step, spec->processes);
		else
			job_fail(job, END_TOO_MANY_PROCESSES,
				"step \"%s\" wanted more processes at a time than a job may have; does it loop?", step);
		break;
	case SANDBOX_END_DISK_FULL:
		if (spec->disk_bytes)
			job_fail(job, END_DISK_FULL,
				"step \"%s\" filled the job's disk (%s); give the job a larger `disk`, or clean up on the way",
				step, size_text(spec->disk_bytes, &arena).p);
		else
			job_fail(job, END_DISK_FULL,
				"step \"%s\" filled the job's disk; give the job a larger `disk`, or clean up on the way",
				step);
		break;
	case SANDBOX_END_EXIT:
	case SANDBOX_END_SIGNAL:
	case SANDBOX_END_NOT_STARTED:
	case SANDBOX_END_LOST:
	case SANDBOX_END_COUNT:
		break;
	}
}

/* The worker stopped it: for what reason it knows better than the sandbox. */
static void fail_stopped(struct job *job, const char *step)
{
	const struct job_spec *spec = job->options.spec;
	auto_arena arena = {0};
	int64_t own_ms = spec->steps[job->step].timeout_ms;
	bool is_own = own_ms > 0 && clock_mono_us() - job->step_started_us >= own_ms * US_PER_MS;
	if (job->step_stop == END_LOG_LIMIT)
		job_fail(job, END_LOG_LIMIT,
			"step \"%s\" printed more than the log may hold (%s); print less, or write it to a file and keep "
			"that as an artifact",
			step, size_text(job->filter.max_bytes, &arena).p);
	if (job->step_stop != END_TIMEOUT)
		return;
	if (job->after_until_us)
		job_fail(job, END_TIMEOUT, "step \"%s\" ran too long after the job was stopped", step);
	else if (is_own)
		job_fail(job, END_TIMEOUT,
			"step \"%s\" ran into its timeout of %s; if it needs longer, raise the step's `timeout`", step,
			duration_format(&arena, own_ms).p);
	else
		job_fail(job, END_TIMEOUT,
			"the job ran into its timeout of %s in step \"%s\"; if it needs longer, raise the job's `timeout`",
			duration_format(&arena, spec->timeout_ms).p, step);
}

static void fail_by_code(struct job *job, int exit_code, const char *step)
{
	const struct job_spec *spec = job->options.spec;
	const struct job_step *at = &spec->steps[job->step];
	const char *hint = hint_for(at->run, at->shell, str_is(spec->network, "egress"), exit_code);
	job_fail(job, END_EXIT, "step \"%s\" exited with code %d%s%s", step, exit_code, hint ? "; " : "",
		hint ? hint : "");
}

bool job_judge_step(struct job *job, const struct sandbox_end *end)
{
	char step[100];
	struct str name = str_head(job->options.spec->steps[job->step].name, sizeof step - 1);
	snprintf(step, sizeof step, "%.*s", STR_ARG(name));
	job->result.cpu_us += end->cpu_us;
	if ((int64_t)end->memory_peak_bytes > job->result.memory_bytes)
		job->result.memory_bytes = (int64_t)end->memory_peak_bytes;
	if (job->step_stop == END_NONE && end->reason == SANDBOX_END_EXIT &&
		job->options.spec->steps[job->step].policies.count)
		return job_policy_judge(job, step, end->exit_code);
	if (job->step_stop == END_NONE && end->reason == SANDBOX_END_EXIT && end->exit_code == 0)
		return true;
	bool is_first = !job->has_failed;
	fail_stopped(job, step);
	fail_by_limit(job, end, step);
	switch ((enum sandbox_end_reason)end->reason) {
	case SANDBOX_END_NOT_STARTED:
		job_fail(job, END_EXIT, "step \"%s\" could not be started: %s", step, end->text);
		break;
	case SANDBOX_END_LOST:
		job_fail(job, END_SANDBOX_UNAVAILABLE, "the sandbox ended under step \"%s\": %s", step, end->text);
		job->is_killed = true;
		break;
	case SANDBOX_END_SIGNAL:
		job_fail(job, END_SIGNAL, "step \"%s\" was ended by signal %d (%s)", step, end->signal,
			strsignal(end->signal));
		break;
	case SANDBOX_END_EXIT:
	case SANDBOX_END_OUT_OF_MEMORY:
	case SANDBOX_END_TOO_MANY_PROCESSES:
	case SANDBOX_END_DISK_FULL:
	case SANDBOX_END_COUNT:
		fail_by_code(job, end->exit_code, step);
		break;
	}
	if (is_first) {
		job->result.exit_code = end->reason == SANDBOX_END_NOT_STARTED ? 127 : end->exit_code;
		job->result.signal = end->signal;
	}
	return false;
}
