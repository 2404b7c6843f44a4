#ifndef SERVER_ENGINE_PLAN_H
#define SERVER_ENGINE_PLAN_H

/*
 * The plan of a run: a pipeline file at a commit, fully resolved and stored. Every stage, job and step that may run
 * stands in it; nothing is read from the repository again, so a retry runs what was planned. It is made by the planner,
 * never changed afterwards, and named by its hash.
 *
 * Texts that could be resolved at planning hold their value. What needs a value of the run itself (outputs of jobs,
 * success()) is kept: conditions as bare expressions, other texts with their ${{ }} in place; plan_needs_run() tells.
 * In both, what the planner knew stands as a literal, so a run needs nothing else to finish them (plan_render.h). A
 * kept condition says success() itself where it means it; only the empty one implies it.
 *
 * A plan holds nothing of a single run, its number included: the same commit, trigger and inputs give the same plan,
 * and the store keeps it once.
 */

#include "common/fields.h"

/* The stage before all others of a pull request from a fork: its gate is the maintainer's consent. */
#define PLAN_CONSENT_STAGE "consent"

enum plan_stage_kind { PLAN_STAGE_JOBS, PLAN_STAGE_ENVIRONMENT, PLAN_STAGE_GATE };
enum plan_step_kind { PLAN_STEP_RUN, PLAN_STEP_POLICY, PLAN_STEP_GITOPS };
enum plan_network { PLAN_NETWORK_NONE, PLAN_NETWORK_EGRESS };
enum plan_author { PLAN_AUTHOR_ALLOW, PLAN_AUTHOR_DENY };
enum plan_reaction { PLAN_REACTION_STOP, PLAN_REACTION_ROLLBACK };
/* What a job is there for. All but the first belong to environment stages. */
enum plan_part {
	PLAN_PART_WORK,
	PLAN_PART_PREVIEW,  /* before the gate: its output is shown to whoever decides */
	PLAN_PART_DEPLOY,   /* one version to one target */
	PLAN_PART_VERIFY,   /* that target, right after */
	PLAN_PART_TEST,     /* while the wave bakes: the stage's tests and the environment's mandatory checks */
	PLAN_PART_DIAGNOSE, /* that target, when its wave has failed: what it says helps whoever looks */
};

extern const char *const plan_stage_kind_names[];
extern const char *const plan_step_kind_names[];
extern const char *const plan_network_names[];
extern const char *const plan_author_names[];
extern const char *const plan_reaction_names[];
extern const char *const plan_part_names[];

struct plan_step {
	struct str name; /* never empty: the first line of the script when the file gives none */
	enum plan_step_kind kind;
	struct str run;   /* the script as written; it holds no ${{ }} */
	struct str shell; /* "sh" or "bash" or another program of the sandbox */
	struct pair_list env;
	struct str condition; /* bare expression, "" is success() */
	bool is_always;       /* runs after a failed step and on cancellation too */
	int64_t timeout_ms;   /* 0: only the job's */
	struct str_list policies;
	json_t *gitops;
};

struct plan_retry {
	int32_t max; /* extra attempts */
	bool on_worker_lost;
	bool on_timeout;
	bool on_exit;
};

struct plan_resources { /* 0: the worker's default */
	int64_t memory_bytes;
	int64_t disk_bytes;
	int32_t cpu_milli;
	int32_t processes;
};

struct plan_artifacts {
	struct str_list paths; /* globs below the workspace */
	int64_t keep_ms;       /* 0: the default of the retention rules */
};

struct plan_job {
	struct str key;  /* unique in the run: "test/unit[shard=1]" */
	struct str name; /* the name in the file: "unit" */
	struct pair_list matrix;
	struct str_list needs; /* keys of jobs of this or an earlier stage, matrix needs expanded */
	struct str condition;  /* bare expression, "" is success() of what it needs */
	bool is_skipped;       /* its condition was false at planning */
	struct str skip_reason;
	struct pair_list env;       /* pipeline, stage and job level merged; values may hold ${{ }} */
	struct str_list configured; /* names in env whose values are the configuration's: a way back takes today's */
	struct str_list labels;
	enum plan_network network;
	struct str profile; /* "full" when demanded, else "" */
	struct str image;
	int64_t timeout_ms;
	struct plan_retry retry;
	struct plan_resources resources;
	bool allow_failure;
	struct str_list outputs;
	struct plan_artifacts artifacts;
	struct pair_list reports;
	struct str_list secrets;
	struct str environment; /* for its variables only */
	int32_t fetch_depth;    /* 1: the commit alone; 0: all history */
	json_t *cache;
	json_t *services;
	json_t *id_token;
	enum plan_part part;
	int32_t wave;       /* of an environment stage, from 1; 0: none */
	struct str target;  /* that it is about; "" */
	struct str version; /* PLAN_PART_DEPLOY: what it deploys; may hold ${{ }} */
	struct str commit;  /* a rollback's: the commit whose scripts it runs; "": the run's */
	int64_t origin;     /* of a version that is deployed again: the run that its artifacts are of; 0: its own */
	struct str_list origin_jobs; /* keys in that run */
	struct plan_step *steps;
	size_t step_count;
};

struct plan_gate {
	int32_t approvals;        /* distinct people, >= 1 */
	struct str_list groups;   /* whoever is in one of them may decide; empty: everybody with the approver's right */
	struct pair_list require; /* group: minimum number, as text */
	struct str role;          /* the least that decides: "operator"; "": developer */
	enum plan_author author;
	bool is_comment_required;
	int64_t timeout_ms; /* 0: never expires */
	int64_t not_before; /* microseconds; 0: at once */
};

struct plan_wave {
	struct str name;         /* "" when the file gives none */
	struct str_list targets; /* names; where nobody knows the environment, the globs of the file */
	int32_t parallel;        /* deployments at a time */
	int64_t bake_ms;
	int32_t min_points; /* data points of each alarm that the bake waits for */
};

/* How an environment stage deploys. */
struct plan_delivery {
	struct str service;
	struct plan_wave *waves; /* none: the environment is not known here */
	size_t wave_count;
	struct str_list alarms;
	struct pair_list rules; /* how each alarm is defined, where that is known: the gate is for these */
	enum plan_reaction on_alarm, on_failure;
	bool is_fifo;              /* of the lane: first come, first served; else the newest wins */
	bool is_idempotent;        /* an unknown outcome may be tried again once */
	bool is_final;             /* there is nothing to go back to: `rollback: none` */
	bool overrides_alarms;     /* by a grant: one that is not ok before a wave does not hold it */
	struct str floor_window;   /* that the environment demands, beside the stage's own; "" */
	bool may_go_back;          /* somebody chose the version: it may be older than what is live */
	int32_t priority;          /* in the lane: PLAN_PRIORITY_* */
	int64_t expires_ms;        /* 0: never */
	struct plan_job *teardown; /* of each target, for the day it expires; no jobs of this run */
	size_t teardown_count;
};

/* A teardown lets everybody go before it, and ends when somebody did: what they deploy has a time of its own. */
enum {
	PLAN_PRIORITY_TEARDOWN = -1,
	PLAN_PRIORITY_NORMAL = 0,
	PLAN_PRIORITY_HOTFIX = 100,
	PLAN_PRIORITY_ROLLBACK = 200
};

struct plan_stage {
	struct str name;
	enum plan_stage_kind kind;
	struct str condition; /* bare expression, "" is success() */
	bool is_skipped;
	struct str skip_reason;
	struct plan_gate *gate; /* NULL: none */
	struct plan_job
		*jobs; /* of an environment stage: previews, then wave by wave deployments, verifications, tests */
	size_t job_count;
	struct str environment;
	struct str window;
	struct plan_delivery *delivery; /* of an environment stage, else NULL */
};

struct plan_concurrency {
	struct str group; /* "": none */
	bool cancel;
};

struct plan {
	struct str pipeline;
	struct str file; /* ".penstock/ci.yaml" */
	struct pair_list inputs;
	struct pair_list
		env; /* of every job, below the job's own: the CI_* of the run, INPUT_*; values may hold ${{ }} */
	struct plan_concurrency concurrency;
	bool is_fork; /* strangers wrote what it runs: it waits at PLAN_CONSENT_STAGE, and has no secrets */
	struct plan_stage *stages;
	size_t stage_count;
	struct str version; /* what environment stages deploy; may hold ${{ }} */
	struct str_list
		refusals; /* sentences: what this plan asks for that this version does not run; empty: it runs */
	struct str_list warnings;
	json_t *owned; /* an array that keeps the JSON of a plan just made; NULL in one that was read. See plan_done()
			*/
};

extern const struct field plan_fields[];
extern const struct field plan_job_fields[];
extern const struct field plan_step_fields[];
extern const struct field plan_gate_fields[];

/* The canonical form, names sorted and no blanks: the same for equal plans, whatever made them. */
struct plan_text {
	struct str json;
	struct str hash; /* SHA-256 of it, hex, 64 */
};
struct plan_text plan_text(const struct plan *plan, struct arena *arena);
/* The hash of one stage in the same form: what a gate is bound to. */
struct str plan_stage_hash(const struct plan_stage *stage, struct arena *arena);
bool plan_read(const json_t *json, struct plan *ret, struct arena *arena, struct err *err);
json_t *plan_write(const struct plan *plan); /* a new reference */
/* Lets go of the JSON that a made plan owns; a plan that was read borrows from its document. */
void plan_done(struct plan *plan);

/* NULL when there is none. ret_stage may be NULL. */
const struct plan_job *plan_find_job(const struct plan *plan, struct str key, size_t *ret_stage);
/* Whether a kept text still holds ${{ }}. */
bool plan_needs_run(struct str text);

#endif
