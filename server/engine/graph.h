#ifndef SERVER_ENGINE_GRAPH_H
#define SERVER_ENGINE_GRAPH_H

/*
 * One run as the engine sees it: the run, its stages, gates and jobs, the plan, and its place in a concurrency group.
 * The store loads it, engine_apply() changes it and marks what it changed, the store writes the marked rows under a
 * guard. `was` is the state that was loaded: a write is refused when the row has another by then. Pure data.
 */

#include "common/fields.h"
#include "common/proto/worker_proto.h"
#include "server/engine/plan.h"
#include "server/engine/states.h"

struct graph_decision {
	int64_t account;
	struct str account_name;
	bool is_approval;
	struct str comment;
	struct str_list groups; /* of the person, when deciding */
	int64_t decided_at;
	int64_t not_before; /* of an approval: no earlier than this; 0: at once */
	bool is_new;
};

struct graph_gate {
	int64_t id; /* 0: opened now */
	size_t stage;
	enum gate_state state, was;
	struct str stage_hash;
	struct str reason;
	int64_t opened_at, expires_at, decided_at;
	struct graph_decision *decisions;
	size_t decision_count;
	int64_t undecided; /* account whose decision goes; 0: none does */
	bool is_dirty;
};

struct graph_job {
	int64_t id;
	size_t stage;
	struct str key;
	const struct plan_job *plan;
	const size_t *needs; /* indices of graph.jobs, see graph_link() */
	size_t need_count;
	enum job_state state, was;
	int32_t attempt;
	int32_t retries;
	bool allow_failure;
	enum end_reason reason;
	int32_t exit_code;
	bool has_exit_code;
	struct str message;
	struct pair_list outputs;
	struct str cancel_reason; /* p != NULL: its attempt is asked to end */
	int64_t queued_at, started_at, ended_at;
	bool is_dirty;
	int32_t given_up_attempt; /* > 0: its worker went silent, and nobody waits for it any more */
	int32_t applied_attempt;  /* > 0: this attempt's end was taken in; its row is marked as applied */
};

struct graph_lane {      /* of the concurrency group, or of an environment stage */
	int64_t request; /* 0: none asked for */
	int64_t lane;
	enum lane_request_state state;
	int64_t version;          /* of the lane; 0: nobody has asked for it yet */
	int64_t epoch;            /* of the grant */
	struct str holder;        /* "web#41": who is inside, when we wait */
	struct str superseded_by; /* "web#43" */
};

struct graph_stage {
	int64_t id;
	const struct plan_stage *plan;
	enum stage_state state, was;
	struct str reason;
	struct str version;   /* of an environment stage, once it is fixed */
	struct str replanned; /* not "": its plan was replaced, and this is what is different */
	struct str refused;   /* why it may not be entered any more; "" */
	int64_t started_at, ended_at;
	size_t first_job, job_count;   /* of graph.jobs */
	size_t first_wave, wave_count; /* of graph.waves */
	struct graph_lane lane;
	bool is_dirty;
};

struct graph_wave {
	int64_t id;
	size_t stage;
	int32_t number; /* from 1 */
	enum wave_state state, was;
	struct str held; /* why it does not go on; "" */
	int64_t started_at, baking_since, bake_until, ended_at;
	int64_t asked_at;    /* since when it waits for a person to say that it is good; 0: it does not */
	struct str accepted; /* "ann: it is the monitor": who said so */
	bool is_dirty;
};

/* One version on its way to one target. A job that is tried again has another. */
struct graph_deployment {
	int64_t id; /* 0: made now */
	size_t job;
	size_t wave; /* of graph.waves */
	struct str target;
	struct str version;
	struct str previous; /* what the target ran before; as loaded */
	enum deployment_state state, was;
	int64_t started_at, ended_at;
	int64_t baked_at; /* 0: its wave has not baked clean */
	bool is_silent;   /* nobody has heard of its worker for longer than the lease; it may be at it all the same */
	bool is_dirty;
};

struct graph_alarm {
	struct str name;
	struct str state; /* "ok", "firing", "unknown" */
	struct str message;
	int64_t fired_at; /* the last time that it began to fire, also when it is ok again; 0: never */
	int64_t points;   /* since the wave that bakes began to */
	int64_t turn;     /* counts how often it became another; 0: it was never sampled */
};

/* Whether one commit contains another, where that decides over the stage. */
enum graph_relation_kind {
	GRAPH_RELATION_NEWER,     /* what is live there, or holds the lane, contains the run's commit */
	GRAPH_RELATION_HOTFIX,    /* the run's commit contains the hotfix that is live there */
	GRAPH_RELATION_CONDEMNED, /* the run's commit contains that of a version in quarantine there */
	GRAPH_RELATION_FIXED,     /* and the one that is said to mend it */
	GRAPH_RELATION_LANE, /* the run and one that waits for the lane or has entered it; the lane decides by it */
	GRAPH_RELATION_KIND_COUNT,
};
extern const char *const graph_relation_kind_names[];

struct graph_relation {
	enum graph_relation_kind kind;
	struct str newer, older; /* commits */
	bool by_patch;           /* its changes under other names count too */
	struct str run;          /* "web#43", that the other commit is of; CONDEMNED: the version */
	struct str text;         /* CONDEMNED: why */
	int64_t quarantine;      /* CONDEMNED, FIXED: its id */
	struct str holds;        /* "yes", "no"; "": nobody has looked yet */
};

/* What the run brings to a target of the stage: the commits that it has and what is live there has not. */
struct graph_change {
	struct str base;         /* the commit that is live */
	struct str_list authors; /* mail addresses of who wrote them */
	bool is_known;           /* false: nobody has looked yet */
};

/* Another service is being deployed to a target that takes one deployment at a time. */
struct graph_occupant {
	struct str target, service, run;
};

/* What stands outside of the run and decides over its environment stage that is next or under way. */
struct graph_facts {
	size_t stage;       /* index + 1 of that stage: no other may be decided over by them; 0: none */
	struct str version; /* of it, as it was then: what is in quarantine or pinned is asked of a version */
	/* When they were read: of what is closed and pinned there, and of what is in quarantine. 0: there is no such
	 * row. */
	int64_t environment_version, service_version;
	bool overrides_freeze;  /* somebody lets this stage pass what is closed */
	struct str frozen;      /* why no wave may start; "": one may */
	struct str page;        /* where people are called to it; "": nowhere */
	struct str quarantined; /* why its version must not be deployed; "" */
	/* "qa: it is slow": where its version has been condemned since the run was made, and why; "": nowhere else */
	struct str condemned_elsewhere;
	struct str newer; /* "web#43", which is newer as lane.h has it, entered the lane since this run was made; "" */
	/* "web#43" has begun to deploy to that target behind this stage, which is done there: "": nobody has */
	struct str overtaken_by, overtaken_at;
	int64_t expires_at;    /* when what is deployed there is taken down; 0: never */
	int64_t configuration; /* the version that holds */
	struct graph_alarm *alarms;
	size_t alarm_count;
	struct graph_relation *relations;
	size_t relation_count;
	struct graph_change *changes;
	size_t change_count;
	struct graph_occupant *occupied;
	size_t occupied_count;
};

/* A stage that was planned again has newer jobs than those behind it, so ids do not rise with the order. */
struct graph_id {
	int64_t id;
	size_t job; /* of graph.jobs */
};

struct run_graph {
	int64_t id;
	int64_t version; /* as loaded */
	struct str name; /* "web#42" */
	int64_t repository;
	int64_t account; /* who triggered it by hand; 0 */
	struct str actor;
	struct str_list authors; /* mail addresses of who wrote the change that it was made for */
	struct str commit;
	struct str concurrency_group;
	enum run_state state, was;
	enum run_state ending; /* RUN_CANCELLED, RUN_SUPERSEDED or RUN_ROLLED_BACK once asked for, else RUN_PENDING */
	struct str reason;
	struct str waiting_for;
	struct str abandoned; /* why it ends as soon as it would wait; "": it may wait */
	bool has_warnings;
	int64_t started_at, ended_at;
	bool is_dirty;

	int64_t configuration; /* the version that its plan knows */
	const struct plan *plan;
	struct graph_stage *stages;
	size_t stage_count;
	struct graph_job *jobs; /* in the plan's order */
	size_t job_count;
	struct graph_id *ids;     /* of the jobs, rising; see graph_index() */
	struct graph_gate *gates; /* by id; the last of a stage is the one that counts */
	size_t gate_count;
	struct graph_lane lane;
	struct graph_wave *waves; /* in the plan's order */
	size_t wave_count;
	struct graph_deployment *deployments; /* by id */
	size_t deployment_count;
	struct graph_facts facts;

	int64_t now_us;
	struct arena *arena;
};

/* Called once by whoever filled the jobs, before one is looked for by its id. */
void graph_index(struct run_graph *graph);
/* Ties jobs to the plan, to their stages and to what they need. Called once by whoever filled the rows. */
bool graph_link(struct run_graph *graph, struct err *err);

/* The marked rows were written: what is becomes what was. Gates that were opened have no id yet, see graph_is_whole().
 */
void graph_written(struct run_graph *graph);
/* Whether a graph whose changes were written is what loading it again would give. */
bool graph_is_whole(const struct run_graph *graph);

struct graph_gate *graph_gate_of(const struct run_graph *graph, size_t stage); /* NULL: none opened yet */
struct graph_job *graph_job_by_id(const struct run_graph *graph, int64_t id);
struct graph_job *graph_job_by_key(const struct run_graph *graph, struct str key);

/* The only functions that change a state: they check the move, mark the row, and keep the times. */
void graph_move_run(struct run_graph *graph, enum run_event event, struct str reason);
void graph_move_stage(struct run_graph *graph, size_t stage, enum stage_event event, struct str reason);
void graph_move_job(struct run_graph *graph, struct graph_job *job, enum job_event event, struct str message);
void graph_move_gate(struct run_graph *graph, struct graph_gate *gate, enum gate_event event, struct str reason);
void graph_move_wave(struct run_graph *graph, struct graph_wave *wave, enum wave_event event);
void graph_move_deployment(struct run_graph *graph, struct graph_deployment *deployment, enum deployment_event event);

#endif
