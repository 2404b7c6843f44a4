#ifndef SERVER_ENGINE_REDEPLOY_H
#define SERVER_ENGINE_REDEPLOY_H

/*
 * Plans that deploy a version again, made of the stored plans that deployed it before: steps, images and artifacts as
 * they were then, whatever the pipeline file says today, with the variables that the environment and its targets have
 * now. Pure.
 */

#include "server/engine/plan_render.h"
#include "server/engine/planner.h"

/* How one target gets its version: the deployment that once brought it there. */
struct redeploy_target {
	struct str target;
	struct str version;
	int32_t wave;            /* of the deployment that is undone; the last one goes first */
	const struct plan *plan; /* that deployed the version */
	struct str job;          /* key of its deploying job */
	int64_t run;             /* that had this plan: its outputs and artifacts are meant */
	int64_t run_number;
	struct str commit;
};

struct redeploy {
	struct str service, environment;
	struct str pipeline;
	const struct plan_environment *now; /* its variables are taken; NULL: it is not there any more */
	const struct redeploy_target *targets;
	size_t target_count;
	/* Outputs of a job of a run, as plan_facts.outputs. */
	bool (*outputs)(void *arg, int64_t run, struct str key, struct pair_list *ret);
	void *arg;
};

/* The way back: every target to its last good version, in reverse order of the waves, without gate, bake and tests. */
bool redeploy_back(const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err);

/* Away: what the deploying plans say of taking it down, on all targets at once. */
bool redeploy_down(const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err);

/* The way forward: the stage of `plan` that deploys to `environment`, gate, waves, alarms and tests included, for the
 * version that the run of that plan made. */
bool redeploy_forward(const struct plan *plan, int64_t run, int64_t run_number, struct str commit, struct str version,
	const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err);

#endif
