#ifndef SERVER_ENGINE_PLAN_ENV_H
#define SERVER_ENGINE_PLAN_ENV_H

/*
 * The variables that every step sees, in one table: the planner sets those of the run and of the job, the worker those
 * of the attempt, and docs/language.md is printed from it. Names are those that users of GitLab CI and Woodpecker know.
 */

#include "server/engine/planner.h"

enum plan_env_by {
	PLAN_ENV_RUN,     /* the same for all jobs of a run: plan.env */
	PLAN_ENV_JOB,     /* plan_job.env */
	PLAN_ENV_ATTEMPT, /* set by the worker, over everything else */
	PLAN_ENV_DEPLOY,  /* of a deployment and its tests */
};

struct plan_env_variable {
	const char *name;
	enum plan_env_by by;
	/* NULL: not a text of the event, set by whoever `by` says. ret stays "" where it does not apply. */
	struct str (*value)(const struct plan_context *context, struct arena *arena);
	const char *help;
};

/* Ends with a NULL name. */
extern const struct plan_env_variable plan_env_variables[];

/* Those of the run, empty ones left out. Values are templates. */
struct pair_list plan_env_of_run(const struct plan_context *context, struct str pipeline, struct arena *arena);
/* Those of a job: CI_JOB_NAME, CI_STAGE_NAME, MATRIX_*. */
void plan_env_of_job(
	struct pair_list *env, struct str stage, struct str name, const struct pair_list *matrix, struct arena *arena);
/* PREFIX and the name in capitals, everything else than letters and digits as "_": "MATRIX_OS_NAME". */
struct str plan_env_name(const char *prefix, struct str name, struct arena *arena);

/* The table of docs/language.md, in Markdown. The caller frees. */
char *plan_env_markdown(void);

#endif
