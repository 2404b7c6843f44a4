#include "worker/job.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "worker/job_state.h"

#include <stdlib.h>
#include <unistd.h>

static void enter(struct job *job, enum job_phase phase);

static void tell_result(struct job *job)
{
	job->is_result_told = true;
	job->result.job = job->options.spec->job;
	job->result.attempt = job->options.spec->attempt;
	job->result.ended_at = clock_wall_us();
	job->result.log_bytes = job->filter.bytes;
	job->result.log_lines = job->filter.lines;
	if (!job->has_failed)
		job->result.reason = END_EXIT;
	if (job->has_failed)
		job->result.outputs = (struct pair_list){0};
	job->options.port->ended(job->options.port_arg, job, &job->result);
	/* The description died with the lease. */
	job->options.spec = NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct job *job = handle->data;
	job->options.port->closed(job->options.port_arg, job);
	job_policy_done(job);
	if (job->change_fd >= 0)
		close(job->change_fd);
	log_filter_done(&job->filter);
	mask_set_free(job->masks);
	arena_done(&job->files_arena);
	free(job);
}

/* Ending needs: nobody owes us an answer, and what was printed is told. The sandbox is emptied while the result is on
 * its way. */
static void close_job(struct job *job)
{
	if (job->is_getting || job->is_reading)
		return;
	/* Telling the last of the log may end the job from within. */
	if (!job->is_result_told)
		job_flush_output(job);
	if (job->is_result_told)
		return;
	tell_result(job);
	uv_timer_stop(&job->timer);
	box_close(job->box);
}

static bool should_collect_outputs(const struct job *job)
{
	return !job->has_failed && job->options.spec->outputs.count > 0;
}

/* Reports and artifacts of a failed job are what people look at; of a cancelled one nobody asked for any. */
static bool should_collect_files(const struct job *job)
{
	const struct job_spec *spec = job->options.spec;
	return !job->is_killed && !job->is_cancelled && job->started_us &&
	       (spec->artifacts.count > 0 || spec->reports.count > 0);
}

static bool is_stopped(const struct job *job)
{
	return job->is_killed || (job->has_failed && job->phase < JOB_STEPS);
}

void job_advance(struct job *job)
{
	job->operation = 0;
	if (is_stopped(job)) {
		enter(job, JOB_CLOSING);
		return;
	}
	enter(job, (enum job_phase)(job->phase + 1));
}

static void enter(struct job *job, enum job_phase phase)
{
	const struct job_options *options = &job->options;
	job->phase = phase;
	switch (phase) {
	case JOB_OPENING:
		break;
	case JOB_SOURCE:
		job->is_getting = true;
		options->port->get_source(options->port_arg, job);
		return;
	case JOB_INPUTS:
		if (!options->spec->input_count)
			break;
		job->is_getting = true;
		options->port->get_inputs(options->port_arg, job);
		return;
	case JOB_CHANGE:
		if (!job_policy_wants_change(options->spec))
			break;
		job->is_getting = true;
		options->port->get_change(options->port_arg, job);
		return;
	case JOB_STEPS:
		job_steps_begin(job);
		return;
	case JOB_REPORTS:
		if (job->is_cancelled || !job_reports_are_read(job))
			break;
		job_reports_begin(job);
		return;
	case JOB_OUTPUTS:
		if (!should_collect_outputs(job))
			break;
		job_collect_outputs(job);
		return;
	case JOB_FILES:
		if (!should_collect_files(job))
			break;
		job_collect_files(job);
		return;
	case JOB_KEEPING:
		if (!job->files.count)
			break;
		job_keep_files(job);
		return;
	case JOB_CLOSING:
		close_job(job);
		return;
	}
	job_advance(job);
}

static void on_import_ended(struct job *job, const struct sandbox_event *event)
{
	const char *text = event->kind == SANDBOX_FAILED ? event->err.text : event->end.text;
	if (event->kind == SANDBOX_ENDED && event->end.reason == SANDBOX_END_EXIT && event->end.exit_code == 0) {
		FAILPOINT("files.brought_in");
		job_advance(job);
	} else {
		if (event->kind == SANDBOX_ENDED && event->end.reason == SANDBOX_END_DISK_FULL)
			job_fail(job, END_DISK_FULL,
				"the %s did not fit on the job's disk; give the job a larger `disk`",
				job->phase == JOB_SOURCE ? "source" : "artifacts it needs");
		else
			job_fail(job, END_SANDBOX_UNAVAILABLE, "the %s could not be brought in: %s",
				job->phase == JOB_SOURCE ? "source" : "artifacts it needs", text);
		job_advance(job);
	}
}

static void on_operation(struct job *job, const struct sandbox_event *event)
{
	job->operation = 0;
	switch (job->phase) {
	case JOB_SOURCE:
	case JOB_INPUTS:
		on_import_ended(job, event);
		return;
	case JOB_STEPS:
		job_steps_event(job, event);
		return;
	case JOB_REPORTS:
		job_reports_event(job, event);
		return;
	case JOB_OUTPUTS:
		job_take_outputs(job, event);
		return;
	case JOB_FILES:
		job_read_files(job, event);
		return;
	case JOB_OPENING:
	case JOB_CHANGE:
	case JOB_KEEPING:
	case JOB_CLOSING:
		return;
	}
}

static void on_failed(struct job *job, const struct sandbox_event *event)
{
	if (!job->is_open)
		job_fail(job, END_SANDBOX_UNAVAILABLE, "no sandbox: %s", event->err.text);
	else
		job_fail(job, END_SANDBOX_UNAVAILABLE, "the sandbox was lost: %s", event->err.text);
	job->is_killed = true;
	if (job->is_getting)
		job->options.port->cancel(job->options.port_arg, job);
	enter(job, JOB_CLOSING);
}

static void on_event(void *arg, const struct sandbox_event *event)
{
	struct job *job = arg;
	switch (event->kind) {
	case SANDBOX_OPENED:
		FAILPOINT("sandbox.opened");
		job->is_open = true;
		if (job->phase == JOB_OPENING)
			job_advance(job);
		return;
	case SANDBOX_CLOSED:
		FAILPOINT("sandbox.closed");
		uv_close((uv_handle_t *)&job->timer, on_timer_closed);
		return;
	case SANDBOX_ENDED:
		if (job->operation && event->step == job->operation)
			on_operation(job, event);
		return;
	case SANDBOX_FAILED:
		if (!event->step)
			on_failed(job, event);
		else if (event->step == job->operation)
			on_operation(job, event);
		return;
	}
}

static void on_readable(void *arg)
{
	job_read_output(arg);
}

static struct sandbox_job_options box_options(const struct job_options *options)
{
	const struct job_spec *spec = options->spec;
	return (struct sandbox_job_options){
		.network = str_is(spec->network, "egress") ? SANDBOX_NETWORK_EGRESS : SANDBOX_NETWORK_NONE,
		.profile = str_is(spec->profile, "full") ? SANDBOX_PROFILE_FULL : SANDBOX_PROFILE_USER,
		.limits =
			{
				.memory_bytes = (uint64_t)spec->memory_bytes,
				.disk_bytes = (uint64_t)spec->disk_bytes,
				.processes = (uint32_t)spec->processes,
				.cpu_milli = (uint32_t)spec->cpu_milli,
			},
		.denied = options->denied_addresses,
	};
}

struct job *job_start(const struct job_options *options)
{
	struct job *job = mem_alloc(sizeof *job);
	job->options = *options;
	job->files_fd = job->change_fd = job->answer_fd = -1;
	job->masks = mask_set_new(&options->spec->mask);
	log_filter_init(&job->filter, job->masks, options->spec->log_max_bytes);
	uv_timer_init(options->loop, &job->timer);
	job->timer.data = job;
	struct sandbox_job_options box = box_options(options);
	job->box = box_take(options->boxes, &box, &(struct box_user){on_event, on_readable, job});
	return job;
}

void job_got(struct job *job, int fd, enum end_reason reason, const struct err *err)
{
	auto_fd int source = fd;
	job->is_getting = false;
	if (err)
		job_fail_here(job, reason, err);
	if (job->phase == JOB_CLOSING)
		close_job(job);
	else if (err || source < 0 || is_stopped(job))
		job_advance(job);
	else if (job->phase == JOB_CHANGE) {
		job->change_fd = take_fd(&source);
		job_advance(job);
	} else
		job_import(job, source, SANDBOX_AREA_WORKSPACE);
}

void job_kept(struct job *job, const struct err *err)
{
	job->is_getting = false;
	FAILPOINT("artifacts.kept");
	if (err) {
		job->result.artifacts = NULL;
		job->result.artifact_count = 0;
		job_fail(job, END_ARTIFACT_FAILED, "%s", err->text);
	}
	if (job->files_fd >= 0)
		close(job->files_fd);
	job->files_fd = -1;
	if (job->phase == JOB_CLOSING)
		close_job(job);
	else
		job_advance(job);
}

void job_changed(struct job *job, const struct gitops_answer *answer, const struct err *err)
{
	job->is_getting = false;
	if (job->phase == JOB_CLOSING)
		close_job(job);
	else
		job_gitops_changed(job, answer, err);
}

void job_cancel(struct job *job, struct str reason)
{
	if (job->is_result_told || job->is_cancelled || job->is_killed)
		return;
	FAILPOINT("job.cancelled");
	job->is_cancelled = true;
	if (reason.n)
		job_fail(job, END_CANCELLED, "cancelled: %.*s", STR_ARG(str_brief(reason, 300)));
	else
		job_fail(job, END_CANCELLED, "cancelled");
	if (job->phase == JOB_STEPS)
		job_steps_stop(job, END_CANCELLED);
	else if (job->is_getting)
		job->options.port->cancel(job->options.port_arg, job);
}

void job_kill(struct job *job, enum end_reason reason, struct str message)
{
	if (job->is_result_told)
		return;
	/* Whatever else went wrong before: this is why nobody will hear of it. */
	job->has_failed = false;
	job_fail(job, reason, "%.*s", STR_ARG(message));
	job->is_killed = true;
	if (job->is_getting)
		job->options.port->cancel(job->options.port_arg, job);
	enter(job, JOB_CLOSING);
}

uint64_t job_disk_bytes(const struct job_spec *spec)
{
	return spec->disk_bytes > 0 ? (uint64_t)spec->disk_bytes : SANDBOX_DISK_DEFAULT;
}

const struct job_spec *job_spec_of(const struct job *job)
{
	return job->options.spec;
}

void *job_port_arg(const struct job *job)
{
	return job->options.port_arg;
}
