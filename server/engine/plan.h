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

extern const char *const plan_stage_kind_names[];
extern const char *const plan_step_kind_names[];
extern const char *const plan_network_names[];
extern const char *const plan_author_names[];

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
	struct pair_list env; /* pipeline, stage and job level merged; values may hold ${{ }} */
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

struct plan_stage {
	struct str name;
	enum plan_stage_kind kind;
	struct str condition; /* bare expression, "" is success() */
	bool is_skipped;
	struct str skip_reason;
	struct plan_gate *gate; /* NULL: none */
	struct plan_job *jobs;  /* of a job stage; tests of an environment stage stand in `delivery` */
	size_t job_count;
	struct str environment;
	struct str window;
	json_t *delivery; /* of an environment stage: waves, alarms, on_alarm, tests, expires ..., as written */
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
	json_t *deploy; /* the `deploy` block as written, with what could be resolved */
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
