#ifndef WORKER_JOB_H
#define WORKER_JOB_H

/*
 * One attempt at a job, from its description to its result: opens a sandbox, brings source and inputs in, runs the
 * steps, takes outputs and artifacts out, closes. It decides which step runs, applies the limits, and finds the one
 * reason and sentence for the end. Where things come from and who is told is the port's business, so the worker and
 * `penstock run --local` run the very same code.
 *
 * Everything is on the loop's thread but reading collected files.
 */

#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct boxes;
struct job;
struct artifact_list;

struct job_port {
	/* Begin the change of a gitops step: job_changed() follows exactly once, later. */
	void (*gitops)(void *arg, struct job *job, size_t step);
	/* Begin to get the source, the inputs, or what its policies look at (the change, as policy_proto.h has it):
	 * job_got() follows exactly once, now or later. */
	void (*get_source)(void *arg, struct job *job);
	void (*get_inputs)(void *arg, struct job *job);
	void (*get_change)(void *arg, struct job *job);
	/* Keep the artifacts, which lie in the file: job_kept() follows exactly once, later. */
	void (*keep)(void *arg, struct job *job, int fd, const struct artifact_list *artifacts);
	/* What is under way is to end soon; its answer still comes. */
	void (*cancel)(void *arg, struct job *job);
	void (*started)(void *arg, struct job *job, int64_t at_us);
	void (*step)(void *arg, struct job *job, const struct step_report *report);
	void (*log)(void *arg, struct job *job, struct str bytes);
	/* The result; what it points to lives in the arena given to job_start(). Only the sandbox is still being
	 * emptied. */
	void (*ended)(void *arg, struct job *job, const struct attempt_result *result);
	/* Nothing is left; the job is freed. */
	void (*closed)(void *arg, struct job *job);
};

struct job_options {
	struct uv_loop_s *loop;
	struct boxes *boxes;
	const struct job_spec *spec; /* lives until `ended` */
	struct arena *arena;         /* until `ended` */
	const struct job_port *port;
	void *port_arg;
	const char *scratch_dir;             /* for collected files */
	const char *const *denied_addresses; /* NULL-terminated, or NULL */
};

struct job *job_start(const struct job_options *options);

/* Answers to the port's calls. The descriptor becomes the job's; -1 without err: there is nothing to bring in. `reason`
 * is how the attempt ends when err is given. */
void job_got(struct job *job, int fd, enum end_reason reason, const struct err *err);
void job_kept(struct job *job, const struct err *err);
/* `answer` lives until this returns; NULL when err is given. */
void job_changed(struct job *job, const struct gitops_answer *answer, const struct err *err);

/* Stop with grace; steps that say `always` still run, for a minute at most. */
void job_cancel(struct job *job, struct str reason);
/* Within ended(): the worker's own disk had no room for what the job needs or left. */
bool job_found_no_room(const struct job *job);
/* Kill now, run nothing any more. END_WORKER_LOST or END_CANCELLED, with a sentence. */
void job_kill(struct job *job, enum end_reason reason, struct str message);

/* The limit of its disk, also where it asked for none. */
uint64_t job_disk_bytes(const struct job_spec *spec);
const struct job_spec *job_spec_of(const struct job *job);
void *job_port_arg(const struct job *job);

#endif
