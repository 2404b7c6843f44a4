#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

/*
 * A run in memory for tests of the engine: made from the text of a pipeline file by the real reader and planner, moved
 * on by the real engine, with a clock of its own. It plays the store (ids, `was` states, applied ends) and the workers.
 */

#include "server/engine/engine.h"
#include "server/engine/planner.h"

struct world {
	struct arena arena;
	struct plan plan;
	struct run_graph graph;
	struct effects effects; /* of the last event */
	struct err err;         /* of the last refused event */
	int64_t next_gate, next_deployment, next_request;
	const struct plan_environment *environments;
	size_t environment_count;
};

/* Fails the test when the text is no good pipeline. Created and looked at once. */
void world_init(struct world *world, const char *yaml);
/* The same where these environments are known, each with its targets; the service is "web". */
void world_init_delivery(
	struct world *world, const char *yaml, const struct plan_environment *environments, size_t count);
void world_done(struct world *world);

/* Each applies one event and "stores" the outcome; false: refused, see err. */
bool world_look(struct world *world);
bool world_decide(struct world *world, const struct person *person, bool is_approval, const char *comment);
/* Approves, for this time at the earliest. */
bool world_approve_for(struct world *world, const struct person *person, int64_t not_before_us);
bool world_cancel(struct world *world, const struct person *person, const char *reason);
bool world_retry(struct world *world, const struct person *person, const char *job);

/* A worker takes the job and starts it, when it is queued: a fact, not an event. */
bool world_lease(struct world *world, const char *job);
/* Its attempt ends. */
void world_end(struct world *world, const char *job, enum end_reason reason, int exit_code);
void world_end_with_output(struct world *world, const char *job, int exit_code, const char *name, const char *value);
/* A worker takes it and gives it back before its first step. */
void world_end_before_start(struct world *world, const char *job, enum end_reason reason);
/* Lease, start and end with 0. */
void world_pass(struct world *world, const char *job);
void world_fail(struct world *world, const char *job);

struct graph_job *world_job(struct world *world, const char *job);
const char *world_job_state(struct world *world, const char *job);
const char *world_stage_state(struct world *world, const char *stage);
const char *world_run_state(struct world *world);

/* The lane lets the stage in, if it asks; false: it does not. */
bool world_let_in(struct world *world, const char *stage);
void world_wait(struct world *world, int64_t ms); /* and looks */
struct graph_stage *world_stage(struct world *world, const char *stage);
const char *world_wave_state(struct world *world, size_t wave);          /* counted over all stages */
const char *world_target_state(struct world *world, const char *target); /* of the latest deployment; "none" */
/* What stands outside: an alarm's state, as from now. */
void world_set_alarm(struct world *world, const char *name, const char *state, int64_t points);
bool world_resolve(struct world *world, const struct person *person, const char *target, const char *verdict);
bool world_accept(struct world *world, const struct person *person, const char *reason);

extern const struct person world_ann, world_bob, world_eve; /* ann: release, author; bob: release, qa; eve: viewer */

/* The design's invariants that can be seen in one run; NULL, or what is broken. */
const char *world_check(struct world *world);

#endif
