#ifndef SERVER_ENGINE_ENGINE_H
#define SERVER_ENGINE_ENGINE_H

/*
 * The heart: engine_apply() takes a run's graph and one event and brings the run as far as it can go. Pure: time comes
 * with the graph, nothing is read or written outside of it. What the shell must do besides writing the marked rows
 * stands in the effects. Applying "look" to a settled graph changes nothing.
 */

#include "server/engine/gate.h"
#include "server/engine/graph.h"

enum engine_event_kind {
	ENGINE_LOOK,      /* something may be due: created, lane granted, timer passed */
	ENGINE_ENDED,     /* attempts ended */
	ENGINE_DECIDED,   /* somebody approves or refuses */
	ENGINE_UNDECIDED, /* somebody takes an approval back, while the gate is open */
	ENGINE_CANCEL,
	ENGINE_RETRY,
	ENGINE_RESOLVE, /* somebody says how an unknown deployment ended */
	ENGINE_ACCEPT,  /* somebody says that a wave is good which asks for a person */
};

struct attempt_end {
	int64_t job;
	int32_t attempt;
	enum end_reason reason;
	int32_t exit_code;
	struct str message;
	struct pair_list outputs;
	int64_t started_at, ended_at;
};

struct engine_event {
	enum engine_event_kind kind;
	const struct attempt_end *ends; /* ENDED */
	size_t end_count;
	const struct person *person; /* DECIDED, CANCEL, RETRY */
	int64_t gate;                /* DECIDED */
	bool is_approval;
	int64_t not_before; /* DECIDED, of an approval: no earlier than this; 0: at once */
	/* DECIDED: comment; CANCEL: reason; RETRY: key or id of one job, empty: all that failed; RESOLVE: the target;
	 * ACCEPT: the reason */
	struct str text;
	struct str verdict; /* RESOLVE: "live", "failed", "retry" */
};

struct engine_note {      /* a row of the table event */
	const char *kind; /* "run.state", "gate.opened", ... */
	json_t *body;     /* owned by the effects */
};

struct engine_call { /* people are told at once, where the environment says how */
	size_t stage;
	struct str text;
};

struct effects {
	struct engine_call *calls;
	size_t call_count;
	struct engine_note *notes;
	size_t note_count;
	bool has_queued;                           /* jobs became ready for workers */
	bool has_cancelled;                        /* attempts are asked to end */
	bool releases_lane;                        /* the concurrency group's */
	bool requests_lane;                        /* a retry asks again */
	size_t requests_lane_of, releases_lane_of; /* the environment stage with this index + 1; 0: none */
	bool looks_again; /* once this is written: a stage has come up whose facts were not loaded */
	bool compares;    /* what facts.relations and facts.changes ask of commits and nobody knows */
	size_t replans;   /* index + 1 of the stage to plan again by the configuration that holds; 0: none */
	size_t relies_on; /* index + 1 of the stage whose facts decided, and must still be the same when it is written;
			     0: none */
	size_t condemns;  /* index + 1 of the stage whose version goes into quarantine, and is rolled back; 0: none */
	struct str condemned_by; /* the alarm; "": a failure */
};

/* False: the event is refused (a gate that is decided, a person who may not, a run that is over); nothing was changed.
 * The graph may be dirty only when it returned true. */
bool engine_apply(struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err);
bool engine_is_dirty(const struct run_graph *graph, const struct effects *effects);
void effects_done(struct effects *effects);

/* The earliest time at which a LOOK could change something; 0: none. */
int64_t engine_due_at(const struct run_graph *graph);

/* What the gate asks for, by the plan of today; approvals is 0 where the plan has no gate there any more. */
const struct plan_gate *engine_gate_rule(const struct run_graph *graph, const struct graph_gate *gate);
/* Whether this person may decide this gate now; *ret_why is a sentence when not. */
bool engine_may_decide(
	const struct run_graph *graph, const struct graph_gate *gate, const struct person *person, struct str *ret_why);
/* Mail addresses of who wrote what the gate lets in: where it keeps authors out, none of them decides. */
struct str_list engine_authors(const struct run_graph *graph, const struct graph_gate *gate);
/* "two people of the groups qa or release, none of its authors" */
struct str engine_who_may(const struct run_graph *graph, const struct graph_gate *gate);
/* Distinct people who approved so far. */
size_t engine_approved(const struct graph_gate *gate);
/* The latest time before which the file, or somebody who approved, does not want the stage to begin; 0: none is named.
 */
int64_t engine_not_before(const struct run_graph *graph, const struct graph_gate *gate);

#endif
