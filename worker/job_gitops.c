/* A gitops step: the server makes the change, then a script is tried until the change is live. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "worker/job_state.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

enum { REST_MS = 2000, SAID_MAX = 4 << 10, COMMIT_DIGITS = 12, VALUE_SHOWN = 200 };

static const struct job_step *step_of(const struct job *job)
{
	return &job->options.spec->steps[job->step];
}

bool job_step_is_gitops(const struct job_step *step)
{
	return str_is(step->kind, "gitops");
}

static void say(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct job *job, const char *format, ...)
{
	auto_buf line = BUF_INIT(SAID_MAX), clean = BUF_INIT(4 * SAID_MAX);
	va_list args;
	va_start(args, format);
	buf_vaddf(&line, format, args);
	va_end(args);
	buf_add_utf8(&clean, buf_str(&line));
	buf_add_char(&clean, '\n');
	job_say(job, buf_str(&clean));
}

static void finish(struct job *job, bool ok)
{
	job->gitops = GITOPS_NONE;
	job_step_over(job, ok, ok ? 0 : 1);
}

static void fail(struct job *job, const char *why)
{
	if (!job->has_failed)
		job->result.exit_code = 1;
	job_fail(job, END_EXIT, "step \"%.*s\": %s", STR_ARG(str_head(step_of(job)->name, 100)), why);
	/* Telling the log may end the job from within; finish() sees that. */
	say(job, "%s", why);
	finish(job, false);
}

/* It was asked to stop: the reason was noted with that. */
static void finish_stopped(struct job *job)
{
	struct sandbox_end end = {.reason = SANDBOX_END_SIGNAL, .signal = SIGTERM};
	job_judge_step(job, &end);
	finish(job, false);
}

/* --- the change --- */

void job_gitops_start(struct job *job)
{
	job->gitops = GITOPS_ASKING;
	job->gitops_commit = (struct str){0};
	job->is_getting = true;
	job->options.port->gitops(job->options.port_arg, job, job->step);
}

/* The beginning of a value, and what says that there is more. */
struct shown {
	struct str text;
	const char *more;
};

static struct shown shown(struct str value)
{
	size_t at;
	struct str line = str_find_char(value, '\n', &at) ? str_head(value, at) : value;
	struct str text = str_head(line, VALUE_SHOWN);
	return (struct shown){text, text.n < value.n ? "…" : ""};
}

static void tell(struct job *job, const struct gitops_answer *answer)
{
	struct str commit = str_head(answer->commit, COMMIT_DIGITS);
	say(job, "%.*s, branch %.*s, %.*s:", STR_ARG(answer->repository), STR_ARG(answer->branch),
		STR_ARG(answer->file));
	for (size_t i = 0; i < answer->change_count; i++) {
		const struct gitops_change *change = &answer->changes[i];
		struct shown before = shown(change->before), after = shown(change->after);
		if (str_eq(change->before, change->after))
			say(job, "  %.*s: %.*s%s, as it was", STR_ARG(change->path), STR_ARG(after.text), after.more);
		else
			say(job, "  %.*s: %.*s%s -> %.*s%s", STR_ARG(change->path), STR_ARG(before.text), before.more,
				STR_ARG(after.text), after.more);
	}
	if (!commit.n)
		say(job, "nothing to commit: the values were there already");
	else if (answer->was_pushed)
		say(job, "commit %.*s is there: it was pushed by a try that was interrupted", STR_ARG(commit));
	else if (answer->pushes > 1)
		say(job, "pushed as commit %.*s after %d tries, since others pushed meanwhile", STR_ARG(commit),
			answer->pushes);
	else
		say(job, "pushed as commit %.*s", STR_ARG(commit));
}

static void begin_try(struct job *job)
{
	struct err err = {0};
	struct job_step script = *step_of(job);
	script.run = script.ready;
	script.shell = STR("sh");
	job->gitops = GITOPS_TRYING;
	job->ready_tries++;
	if (!job_run_script(job, &script, &err)) {
		fail(job, err.text);
		return;
	}
	job_steps_set_timer(job);
}

void job_gitops_changed(struct job *job, const struct gitops_answer *answer, const struct err *err)
{
	const struct job_step *step = step_of(job);
	auto_arena arena = {0};
	FAILPOINT("gitops.answered");
	if (job->step_stop != END_NONE) {
		finish_stopped(job);
		return;
	}
	if (err || answer->problem.n) {
		fail(job, err ? err->text : arena_str(&arena, answer->problem).p);
		return;
	}
	tell(job, answer);
	if (job->is_result_told) /* the log was full */
		return;
	if (!step->ready.n) {
		finish(job, true);
		return;
	}
	job->gitops_commit = arena_str(job->options.arena, answer->commit);
	job->ready_until_us = clock_mono_us() + step->wait_ms * US_PER_MS;
	job->ready_tries = 0;
	say(job, "waiting up to %.*s until it is live", STR_ARG(duration_format(&arena, step->wait_ms)));
	if (!job->is_result_told)
		begin_try(job);
}

/* --- until it is live --- */

int64_t job_gitops_due(const struct job *job)
{
	switch (job->gitops) {
	case GITOPS_NONE:
	case GITOPS_ASKING:
		return INT64_MAX;
	case GITOPS_TRYING:
		return job->ready_until_us;
	case GITOPS_RESTING:
		return job->try_at_us < job->ready_until_us ? job->try_at_us : job->ready_until_us;
	}
	return INT64_MAX;
}

static void fail_late(struct job *job)
{
	char why[160];
	auto_arena arena = {0};
	snprintf(why, sizeof why, "the change is committed, but was not live after %.*s, at %d %s of \"ready\"",
		STR_ARG(duration_format(&arena, step_of(job)->wait_ms)), job->ready_tries,
		job->ready_tries == 1 ? "try" : "tries");
	fail(job, why);
}

bool job_gitops_timer(struct job *job)
{
	if (job->gitops == GITOPS_NONE || job_gitops_due(job) > clock_mono_us())
		return false;
	if (job->gitops == GITOPS_TRYING) {
		/* Its end is what counts: it may be a good one. */
		job->ready_until_us = INT64_MAX;
		job->is_ready_late = true;
		job_steps_end_script(job);
	} else if (clock_mono_us() >= job->ready_until_us) {
		fail_late(job);
	} else {
		begin_try(job);
	}
	return true;
}

void job_gitops_tried(struct job *job, const struct sandbox_event *event)
{
	bool is_late = job->is_ready_late;
	job->is_ready_late = false;
	job->kill_at_us = 0;
	job->operation = 0;
	job_read_output(job);
	if (job->is_result_told)
		return;
	if (job->step_stop != END_NONE) {
		finish_stopped(job);
		return;
	}
	if (event->kind != SANDBOX_ENDED || event->end.reason == SANDBOX_END_LOST) {
		fail(job, event->kind == SANDBOX_FAILED ? event->err.text : event->end.text);
		return;
	}
	job->result.cpu_us += event->end.cpu_us;
	bool is_live = event->end.reason == SANDBOX_END_EXIT && event->end.exit_code == 0;
	if (is_live) {
		say(job, "live, at try %d", job->ready_tries);
		finish(job, true);
	} else if (is_late || clock_mono_us() >= job->ready_until_us) {
		fail_late(job);
	} else {
		job->gitops = GITOPS_RESTING;
		job->try_at_us = clock_mono_us() + REST_MS * US_PER_MS;
		job_steps_set_timer(job);
	}
}

bool job_gitops_stop(struct job *job)
{
	switch (job->gitops) {
	case GITOPS_NONE:
	case GITOPS_TRYING:
		return false;
	case GITOPS_ASKING:
		job->options.port->cancel(job->options.port_arg, job);
		return true;
	case GITOPS_RESTING:
		finish_stopped(job);
		return true;
	}
	return false;
}
