#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

/*
 * A run in memory for tests of the engine: made from the text of a pipeline file by the real reader and planner, moved
 * on by the real engine, with a clock of its own. It plays the store (ids, `was` states, applied ends) and the workers.
 */

#include "server/engine/engine.h"

struct world {
	struct arena arena;
	struct plan plan;
	struct run_graph graph;
	struct effects effects; /* of the last event */
	struct err err;         /* of the last refused event */
	int64_t next_gate;
};

/* Fails the test when the text is no good pipeline. Created and looked at once. */
void world_init(struct world *world, const char *yaml);
void world_done(struct world *world);

/* Each applies one event and "stores" the outcome; false: refused, see err. */
bool world_look(struct world *world);
bool world_decide(struct world *world, const struct person *person, bool is_approval, const char *comment);
bool world_cancel(struct world *world, const struct person *person, const char *reason);
bool world_retry(struct world *world, const struct person *person, const char *job);

/* A worker takes the job and starts it, when it is queued: a fact, not an event. */
bool world_lease(struct world *world, const char *job);
/* Its attempt ends. */
void world_end(struct world *world, const char *job, enum end_reason reason, int exit_code);
void world_end_with_output(struct world *world, const char *job, int exit_code, const char *name, const char *value);
/* Lease, start and end with 0. */
void world_pass(struct world *world, const char *job);
void world_fail(struct world *world, const char *job);

struct graph_job *world_job(struct world *world, const char *job);
const char *world_job_state(struct world *world, const char *job);
const char *world_stage_state(struct world *world, const char *stage);
const char *world_run_state(struct world *world);

extern const struct person world_ann, world_bob, world_eve; /* ann: release, author; bob: release, qa; eve: viewer */

/* The design's invariants that can be seen in one run; NULL, or what is broken. */
const char *world_check(struct world *world);

#endif
