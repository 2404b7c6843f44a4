#include "worker/runner.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/artifacts.h"
#include "worker/boxes.h"
#include "worker/cache.h"
#include "worker/change_get.h"
#include "worker/checkout.h"
#include "worker/gitops_call.h"
#include "worker/inputs.h"
#include "worker/job.h"
#include "worker/keeper.h"
#include "worker/source.h"
#include "worker/tags_get.h"

#include <stdlib.h>
#include <string.h>

/* A lease and its job. It outlives the lease by the time that its sandbox takes to be emptied. */
struct held_job {
	struct runner *runner;
	struct held_job *next;
	struct lease *lease; /* NULL once the end was reported */
	struct job *job;
	struct tags *tags;
	struct source_wait *source;
	struct inputs *inputs;
	struct change *change;
	struct artifacts *artifacts;
	struct gitops_call *gitops;
};

struct runner {
	struct runner_options options;
	struct keeper *keeper;
	struct boxes *boxes;
	struct cache *cache;
	struct source_store *sources;
	struct held_job *jobs;
	const char **denied; /* NULL-terminated */
	struct arena denied_arena;
	bool is_finished;
	struct err failure;
	bool is_closing, is_keeper_closed, is_boxes_closed;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void closing_step(struct runner *runner);

static void finish(struct runner *runner, const struct err *err)
{
	if (runner->is_finished || runner->is_closing)
		return;
	runner->is_finished = true;
	runner->options.finished(runner->options.arg, err);
}

/* ---- what a job gets and tells ---- */

static void on_source(void *arg, int fd, const struct err *err)
{
	struct held_job *held = arg;
	held->source = NULL;
	job_got(held->job, fd, err && err->kind == ERR_TOO_LARGE ? END_DISK_FULL : END_SOURCE_UNAVAILABLE, err);
}

static void get_checkout(struct held_job *held, struct str tags)
{
	struct runner *runner = held->runner;
	const struct job_spec *spec = job_spec_of(held->job);
	auto_arena arena = {0};
	struct source_request request = {
		.repository = spec->repository,
		.commit = spec->commit,
		.tag = pair_get(&spec->env, STR("CI_COMMIT_TAG")),
		.tags = tags,
		.fetch_depth = spec->fetch_depth,
		.disk_bytes = job_disk_bytes(spec),
		.url = keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "source"),
		.headers = keeper_headers(runner->keeper),
	};
	int fd = source_try(runner->sources, &request);
	if (fd >= 0)
		job_got(held->job, fd, END_NONE, NULL);
	else
		source_get(runner->sources, &request, on_source, held, &held->source);
}

static void on_tags(void *arg, struct str text, const struct err *err)
{
	struct held_job *held = arg;
	held->tags = NULL;
	if (err)
		job_got(held->job, -1, END_SOURCE_UNAVAILABLE, err);
	else
		get_checkout(held, text);
}

/* With all history come the tags in it; a tag's run needs its own, as it was made. */
static void get_source(void *arg, struct job *job)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	const struct job_spec *spec = job_spec_of(job);
	auto_arena arena = {0};
	if (!spec->commit.n)
		job_got(job, -1, END_NONE, NULL);
	else if (spec->fetch_depth == 0 || pair_get(&spec->env, STR("CI_COMMIT_TAG")).n)
		tags_get(runner->options.http, keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "tags"),
			keeper_headers(runner->keeper), on_tags, held, &held->tags);
	else
		get_checkout(held, STR(""));
}

static void on_inputs(void *arg, int fd, const struct err *err)
{
	struct held_job *held = arg;
	held->inputs = NULL;
	job_got(held->job, fd, END_SOURCE_UNAVAILABLE, err);
}

static void get_inputs(void *arg, struct job *job)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	const struct job_spec *spec = job_spec_of(job);
	auto_arena arena = {0};
	struct inputs_request request = {
		.loop = runner->options.loop,
		.http = runner->options.http,
		.cache = runner->cache,
		.items = spec->inputs,
		.count = spec->input_count,
		.url = keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "blobs"),
		.headers = keeper_headers(runner->keeper),
	};
	inputs_get(&request, on_inputs, held, &held->inputs);
}

static void on_change(void *arg, int fd, const struct err *err)
{
	struct held_job *held = arg;
	held->change = NULL;
	job_got(held->job, fd, END_SOURCE_UNAVAILABLE, err);
}

static void get_change(void *arg, struct job *job)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	(void)job;
	auto_arena arena = {0};
	struct change_request request = {
		.http = runner->options.http,
		.scratch_dir = cache_tmp(runner->cache),
		.url = keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "change"),
		.headers = keeper_headers(runner->keeper),
	};
	change_get(&request, on_change, held, &held->change);
}

static void on_kept(void *arg, const struct err *err)
{
	struct held_job *held = arg;
	held->artifacts = NULL;
	job_kept(held->job, err);
}

static void keep(void *arg, struct job *job, int fd, const struct artifact_list *list)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	(void)job;
	auto_arena arena = {0};
	struct artifacts_upload upload = {
		.http = runner->options.http,
		.loop = runner->options.loop,
		.fd = fd,
		.items = list->items,
		.count = list->count,
		.url = keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "uploads"),
		.headers = keeper_headers(runner->keeper),
	};
	artifacts_send(&upload, on_kept, held, &held->artifacts);
}

static void on_applied(void *arg, const struct gitops_answer *answer, const struct err *err)
{
	struct held_job *held = arg;
	held->gitops = NULL;
	job_changed(held->job, answer, err);
}

static void apply_gitops(void *arg, struct job *job, size_t step)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	(void)job;
	auto_arena arena = {0};
	struct gitops_request request = {
		.loop = runner->options.loop,
		.http = runner->options.http,
		.url = keeper_attempt_url(runner->keeper, held->lease->ref, &arena, "gitops"),
		.headers = keeper_headers(runner->keeper),
		.step = step,
	};
	gitops_call(&request, on_applied, held, &held->gitops);
}

static void cancel_transfer(void *arg, struct job *job)
{
	struct held_job *held = arg;
	if (held->source) {
		struct err err;
		err_set(&err, ERR_BUSY, "cancelled");
		source_forget(take(held->source));
		job_got(job, -1, END_CANCELLED, &err);
	} else if (held->tags) {
		tags_cancel(held->tags);
	} else if (held->inputs) {
		inputs_cancel(held->inputs);
	} else if (held->change) {
		change_cancel(held->change);
	} else if (held->artifacts) {
		artifacts_cancel(held->artifacts);
	} else if (held->gitops) {
		gitops_cancel(held->gitops);
	}
}

static void tell_started(void *arg, struct job *job, int64_t at_us)
{
	struct held_job *held = arg;
	(void)job;
	lease_started(held->lease, at_us, held->runner->options.self.profile.p);
}

static void tell_step(void *arg, struct job *job, const struct step_report *report)
{
	struct held_job *held = arg;
	(void)job;
	lease_step(held->lease, report);
}

static void tell_log(void *arg, struct job *job, struct str bytes)
{
	struct held_job *held = arg;
	(void)job;
	lease_log(held->lease, bytes);
}

static void tell_end(void *arg, struct job *job, const struct attempt_result *result)
{
	struct held_job *held = arg;
	log_debug("job.ended", F("job", held->lease->ref.job), F("attempt", held->lease->ref.attempt),
		F("reason", end_reason_names[result->reason]), F("message", result->message));
	if (job_found_no_room(job))
		lease_found_no_room(held->lease);
	lease_end(take(held->lease), result);
}

static void on_job_closed(void *arg, struct job *job)
{
	struct held_job *held = arg;
	struct runner *runner = held->runner;
	(void)job;
	for (struct held_job **at = &runner->jobs; *at; at = &(*at)->next) {
		if (*at == held) {
			*at = held->next;
			break;
		}
	}
	free(held);
	closing_step(runner);
}

static const struct job_port port = {
	.get_source = get_source,
	.get_inputs = get_inputs,
	.get_change = get_change,
	.keep = keep,
	.gitops = apply_gitops,
	.cancel = cancel_transfer,
	.started = tell_started,
	.step = tell_step,
	.log = tell_log,
	.ended = tell_end,
	.closed = on_job_closed,
};

/* ---- what the keeper says ---- */

static void on_job(void *arg, struct lease *lease, const struct job_spec *spec)
{
	struct runner *runner = arg;
	struct held_job *held = mem_alloc(sizeof *held);
	held->runner = runner;
	held->lease = lease;
	held->next = runner->jobs;
	runner->jobs = held;
	lease->runner = held;
	struct job_options options = {
		.loop = runner->options.loop,
		.boxes = runner->boxes,
		.spec = spec,
		.arena = &lease->arena,
		.port = &port,
		.port_arg = held,
		.scratch_dir = cache_tmp(runner->cache),
		.denied_addresses = runner->denied,
	};
	held->job = job_start(&options);
}

static void on_end(void *arg, struct lease *lease, enum lease_end why, struct str reason)
{
	struct held_job *held = lease->runner;
	(void)arg;
	switch (why) {
	case LEASE_END_CANCELLED:
		job_cancel(held->job, reason);
		return;
	case LEASE_END_EXPIRED:
		log_warn("job.lease_expired", F("job", lease->ref.job), F("attempt", lease->ref.attempt));
		job_kill(held->job, END_WORKER_LOST,
			STR("the worker could not reach the server for as long as its lease lasted, and stopped the job; "
			    "look at the network between them"));
		return;
	case LEASE_END_UNKEPT:
		job_kill(held->job, END_WORKER_LOST, reason);
		return;
	case LEASE_END_STALE:
		log_info("job.stale", F("job", lease->ref.job), F("attempt", lease->ref.attempt));
		job_kill(held->job, END_WORKER_LOST, STR("the job was given to another worker"));
		return;
	}
}

static void on_registered(void *arg, const struct worker_registered *answer)
{
	struct runner *runner = arg;
	log_info("worker.registered", F("worker", answer->worker), F("server", answer->server_version),
		F("url", runner->options.url));
	/* Jobs that wait for a slot still point to the list before: it stays until the end. */
	size_t count = answer->denied_addresses.count;
	runner->denied = arena_array(&runner->denied_arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		runner->denied[i] = arena_str(&runner->denied_arena, answer->denied_addresses.items[i]).p;
}

static void on_drained(void *arg)
{
	finish(arg, NULL);
}

static void on_refused(void *arg, const struct err *err)
{
	finish(arg, err);
}

static const struct keeper_events keeper_events = {
	.job = on_job,
	.end = on_end,
	.registered = on_registered,
	.drained = on_drained,
	.refused = on_refused,
};

/* The results are still reported, then there is nothing left to live for: whoever started us starts us again. */
static void on_launcher_lost(void *arg, const struct err *err)
{
	struct runner *runner = arg;
	log_error("sandbox.lost", F("error", err));
	runner->failure = *err;
	finish(runner, &runner->failure);
}

/* ---- life ---- */

bool runner_open(const struct runner_options *options, struct runner **ret, struct err *err)
{
	struct runner *runner = mem_alloc(sizeof *runner);
	auto_arena arena = {0};
	runner->options = *options;
	checkout_init();
	bool ok = cache_open(options->loop, options->work_dir, options->cache_bytes, &runner->cache, err);
	if (ok) {
		runner->boxes = boxes_open(options->loop, options->sandbox, on_launcher_lost, runner);
		runner->sources = source_store_new(options->loop, options->http, runner->cache);
		struct keeper_options keeper = {
			.loop = options->loop,
			.http = options->http,
			.url = options->url,
			.token = options->token,
			.spool_directory = arena_printf(&arena, "%s/spool", options->work_dir).p,
			.self = options->self,
			.events = &keeper_events,
			.arg = runner,
		};
		ok = keeper_open(&keeper, &runner->keeper, err);
	}
	if (!ok) {
		runner_close(runner, NULL, NULL);
		return false;
	}
	*ret = runner;
	return true;
}

void runner_drain(struct runner *runner)
{
	keeper_drain(runner->keeper);
}

void runner_stop(struct runner *runner)
{
	keeper_drain(runner->keeper);
	for (struct held_job *held = runner->jobs, *next; held; held = next) {
		next = held->next;
		if (held->lease)
			job_cancel(held->job, STR("the worker was stopped"));
	}
}

static void on_keeper_closed(void *arg)
{
	struct runner *runner = arg;
	runner->is_keeper_closed = true;
	closing_step(runner);
}

static void on_boxes_closed(void *arg)
{
	struct runner *runner = arg;
	runner->is_boxes_closed = true;
	closing_step(runner);
}

/* Jobs first, since they use all the others; then the keeper and the boxes. */
static void closing_step(struct runner *runner)
{
	if (!runner->is_closing || runner->jobs)
		return;
	if (runner->keeper) {
		keeper_close(take(runner->keeper), on_keeper_closed, runner);
		return;
	}
	if (runner->boxes) {
		boxes_close(take(runner->boxes), on_boxes_closed, runner);
		return;
	}
	if (!runner->is_keeper_closed || !runner->is_boxes_closed)
		return;
	source_store_free(runner->sources);
	cache_close(runner->cache);
	arena_done(&runner->denied_arena);
	void (*closed)(void *arg) = runner->closed;
	void *arg = runner->closed_arg;
	free(runner);
	if (closed)
		closed(arg);
}

void runner_close(struct runner *runner, void (*closed)(void *arg), void *arg)
{
	runner->is_closing = true;
	runner->closed = closed;
	runner->closed_arg = arg;
	runner->is_keeper_closed = !runner->keeper;
	runner->is_boxes_closed = !runner->boxes;
	for (struct held_job *held = runner->jobs, *next; held; held = next) {
		next = held->next;
		job_kill(held->job, END_WORKER_LOST, STR("the worker was stopped while this job ran"));
	}
	closing_step(runner);
}
