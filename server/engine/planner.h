#ifndef SERVER_ENGINE_PLANNER_H
#define SERVER_ENGINE_PLANNER_H

/*
 * From a checked pipeline file and what started it to a plan: whether the pipeline answers to the event, inputs,
 * matrices, conditions, variables, gates, all resolved as far as they can be before the run. A function of its
 * arguments: no clock, no disk, no database. The server and `penstock plan` both come through here.
 */

#include "common/lang/errors.h"
#include "common/lang/pipeline.h"
#include "server/engine/gate.h"
#include "server/engine/plan.h"

enum plan_event {
	PLAN_EVENT_PUSH,
	PLAN_EVENT_TAG,
	PLAN_EVENT_PULL_REQUEST,
	PLAN_EVENT_MANUAL,
	PLAN_EVENT_SCHEDULE,
};
extern const char *const plan_event_names[];

struct plan_pull_request {
	int64_t number; /* 0: this is none */
	struct str title;
	struct str base; /* branches */
	struct str head;
	struct str author;
	bool is_fork;
};

struct plan_target {
	struct str name;
	struct str url;
	struct pair_list variables; /* over those of the environment */
	struct str_list labels;     /* that its workers must have */
	int32_t wave;               /* where the file has no waves; 0: the first */
};

/* What the environment demands, whatever the file says. */
struct plan_floor {
	struct str_list pipelines; /* empty: any */
	struct str_list refs;      /* globs of branches and tags; empty: any */
	struct str after;          /* the environment that must come before it; "" */
	struct plan_gate *gate;    /* the least; NULL: none */
	struct str_list alarms;
	int64_t bake_ms;
	int32_t min_points;
	struct str_list labels;
	bool needs_full;   /* sandbox: full */
	struct str window; /* "" */
};

/* Exactly what one pipeline may lower. */
struct plan_grant {
	struct str name;
	struct str_list refs;   /* globs; empty: any */
	struct str_list skip;   /* environments that need not come before */
	struct plan_gate *gate; /* the least instead of the floor's; NULL with lowers_gate: none */
	bool lowers_gate, lowers_bake, lowers_points, lowers_window;
	bool lowers_alarms; /* one that is not ok before a wave does not hold it */
	int64_t bake_ms;    /* the least instead of the floor's */
	int32_t min_points;
	struct str window;
};

struct plan_environment {
	struct str name;
	struct str tier;
	struct pair_list variables;
	bool is_fifo;
	struct plan_target *targets;
	size_t target_count;
	struct plan_floor floor;
	struct plan_grant *grant; /* for this pipeline and ref here; NULL: none */
	/* Mandatory, by the environment and by its tier. */
	const struct pipeline_job *checks[2];
	size_t check_counts[2];
	struct str_list policies[2];
};

/* What does not apply is empty. Texts may hold any bytes; the plan gets them as UTF-8 without zeros. */
struct plan_context {
	enum plan_event event;
	struct str ref;    /* "refs/heads/main" */
	struct str branch; /* of a push, or of a run by hand on a branch */
	struct str tag;
	struct str commit; /* 40 or 64 hex digits */
	struct str before; /* what the ref was; empty or zeros: new */
	struct str message;
	struct str author_name;
	struct str author_email;
	struct str actor; /* who pushed, opened or started */
	struct str repository;
	struct str default_branch;
	struct plan_pull_request pr;
	bool has_paths; /* false: nobody knows what changed, so everything counts as changed */
	struct str_list paths;
	struct pair_list inputs;
	/* The environment of this name, with the grant for this pipeline and ref, if any; false: there is none. NULL:
	 * nobody knows, as for `penstock plan` without a server. */
	bool (*environment)(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *arena,
		struct plan_environment *ret, struct err *err);
	/* Only this one is looked up, the others are as if nobody knew them; "": all. */
	struct str only_environment;
	/* How the alarm of this name is defined; "": nobody knows it. NULL: nobody knows any. */
	struct str (*alarm)(void *arg, struct str name, struct arena *arena);
	/* Whether there is such a service, beside the one of the repository's name. NULL: nobody knows. */
	bool (*knows_service)(void *arg, struct str name);
	/* Whether deployments of a service may read what those of another put out. NULL: nobody knows. */
	bool (*may_read)(void *arg, struct str service, struct str other);
	void *environment_arg;   /* of all four */
	struct str_list authors; /* mail addresses of who wrote the change, as far as anybody knows */
	/* Everybody with an account, to see whether a gate can be opened at all. NULL: nobody knows. */
	const struct people *people;
	/* The service that a deploy block without one is about; "": named like the repository. */
	struct str service;
	const char *file; /* ".penstock/ci.yaml" */
};

/* Whether the pipeline's `on` answers to this event. *ret_reason is a sentence when not: "ci runs on pushes to main;
 * this is a push to topic". */
bool plan_matches(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct str *ret_reason);

/* Only the inputs, checked, defaults filled in: for a form or a command before anything is started. */
bool plan_inputs(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct pair_list *ret, struct lang_errors *errors);

/*
 * Makes the plan; it does not ask plan_matches(). false: errors (its arena set by the caller) holds at least one, *ret
 * is untouched. A plan with refusals is a plan that this version shows but does not run. Everything lives in the arena,
 * but for JSON: plan_done() ends that. The pipeline and the context must live as long as the arena.
 */
bool plan_make(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct plan *ret, struct lang_errors *errors);

#endif
