#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

/*
 * One history: several coordinators, workers and people around the rows, moved on event by event. What an event does
 * follows from its numbers and the state alone, so a history is its list of events, and still makes sense when some of
 * them are taken out.
 */

#include "server/engine/redeploy.h"
#include "tests/sim/rows.h"

struct sim;

enum { COORDINATORS = 2, WORKERS = 3, VISITS = 4, WAKES_MAX = 64, KEPT = 3, PEOPLE = 6, EVENTS_MAX = 400 };

/* name, how often, what it is */
#define SIM_EVENTS(X)                                                                                                  \
	X(WORK, 30, "a coordinator goes on with what it has to do, to its end")                                        \
	X(STEP, 14, "a coordinator takes one step of a visit")                                                         \
	X(TICK, 7, "the slow tick of a coordinator")                                                                   \
	X(CRASH, 1, "a coordinator dies, and another one begins in its place")                                         \
	X(FORGET, 1, "a coordinator loses its wake-ups")                                                               \
	X(CLAIM, 12, "a worker takes jobs")                                                                            \
	X(START, 5, "a worker says that it began")                                                                     \
	X(REPORT, 26, "a worker ends an attempt and says so")                                                          \
	X(REPEAT, 2, "a worker says again, or late, how an attempt ended")                                             \
	X(RENEW, 6, "a worker renews its leases")                                                                      \
	X(PASS_OVER, 1, "a worker was gone before it heard of its claim")                                              \
	X(SILENCE, 2, "a worker dies with all it holds")                                                               \
	X(PUSH, 5, "somebody pushes")                                                                                  \
	X(APPROVE, 9, "somebody approves")                                                                             \
	X(REFUSE, 1, "somebody refuses")                                                                               \
	X(UNDECIDE, 1, "somebody takes a decision back")                                                               \
	X(CANCEL, 1, "somebody cancels")                                                                               \
	X(RETRY, 3, "somebody asks for new attempts")                                                                  \
	X(RESOLVE, 4, "somebody says how an unknown deployment ended, or that a wave is good")                         \
	X(ROLL_BACK, 1, "somebody rolls back")                                                                         \
	X(DEPLOY, 1, "somebody deploys a version again")                                                               \
	X(RELEASE, 1, "somebody releases a version from quarantine")                                                   \
	X(FIX, 2, "somebody says which run mends what is in quarantine")                                               \
	X(EXPIRE, 2, "somebody says when what is deployed is taken down")                                              \
	X(OVERRIDE, 1, "somebody lets a stage pass what is frozen")                                                    \
	X(ABANDON, 1, "its pull request is closed")                                                                    \
	X(FREEZE, 3, "the line is stopped, or no longer")                                                              \
	X(CLOSE, 2, "windows, freezes and pins change")                                                                \
	X(HEAR, 2, "a coordinator hears what is closed")                                                               \
	X(ALARM, 8, "an alarm changes")                                                                                \
	X(SAMPLE, 8, "an alarm takes a data point")                                                                    \
	X(CONFIGURE, 1, "the configuration changes")                                                                   \
	X(GOOD_TIME, 1, "all goes well for a while")                                                                   \
	X(WAIT, 12, "time passes")                                                                                     \
	X(JUMP, 1, "the clock of a coordinator jumps")

#define X(name, weight, what) SIM_##name,
enum sim_event_kind { SIM_EVENTS(X) SIM_EVENT_KINDS };
#undef X

struct sim_event {
	enum sim_event_kind kind;
	uint32_t a, b, c;
};

struct wake {
	enum wake_kind { WAKE_RUN, WAKE_LANE, WAKE_TRIGGER } kind;
	int64_t id;
};

enum visit_step { VISIT_LOAD, VISIT_DECIDE, VISIT_TELL, VISIT_REPLAN };

struct visit {
	bool is_busy, is_wanted_again, is_kept;
	struct wake of;
	enum visit_step step;
	unsigned tries;
	struct engine_event request; /* of a person; kind LOOK: none */
	bool is_requested_now;       /* the round under way is about it */
	struct desk desk;
	struct lane lane;
	struct effects effects;
	bool was_saved;
	const struct plan *plan; /* of a trigger, or by which the stage below is planned again */
	size_t places;           /* by which it was made */
	int64_t configuration;
	size_t stage;
	int64_t version; /* of the run */
};

struct coordinator {
	int64_t skew_us;
	struct visit visits[VISITS];
	struct wake wakes[WAKES_MAX];
	size_t wake_count;
	int64_t kept_runs[KEPT];
	struct desk kept[KEPT];
	size_t next_kept;
	struct row_policy known; /* as it saw it last: configurations_now() */
	bool is_behind;          /* and it knows that: it looks before it does anything else */
};

struct held_attempt { /* what a worker knows of an attempt */
	bool is_known, is_reported;
	struct attempt_end end; /* once it has ended */
};

/*
 * Another store that does the same, to be compared: each function is called behind what the model did, with what it
 * answered. sim_fail() tells of a difference.
 */
struct mirror {
	void (*load)(struct sim *sim, struct desk *desk);
	void (*refresh)(struct sim *sim, struct desk *desk, bool is_current);
	/* The engine did something with what was loaded; `may_save`: the model took it. */
	void (*decide)(
		struct sim *sim, struct desk *desk, const struct engine_event *event, bool is_dirty, bool may_save);
	void (*keep)(struct desk *desk);
	void (*compare)(struct sim *sim, const struct desk *desk); /* the commits that nobody has compared yet */
	void (*load_lane)(struct sim *sim, struct desk *desk, const struct lane *lane);
	void (*lane)(struct sim *sim, struct desk *desk, bool has_changed, bool is_saved);
	void (*trigger)(struct sim *sim, int64_t trigger); /* was made by a person or a forge */
	void (*create)(struct sim *sim, int64_t trigger, const struct visit *visit, int64_t run); /* 0: it had ended */
	void (*refuse)(struct sim *sim, int64_t trigger);
	/* plan: of the run from now on; NULL: it stays. */
	void (*replan)(struct sim *sim, const struct visit *visit, const struct plan *plan, bool is_taken);
	void (*plan_back)(struct sim *sim, const struct row_trigger *trigger, const struct redeploy *wanted);
	void (*expire_deployments)(struct sim *sim, size_t count); /* the last triggers */
	void (*plan_down)(struct sim *sim, const struct row_trigger *trigger, const struct redeploy *wanted);
	void (*claim)(struct sim *sim, size_t worker, const struct row_attempt *made); /* NULL: nothing was queued */
	void (*start)(struct sim *sim, size_t attempt);
	void (*result)(struct sim *sim, size_t attempt, const struct attempt_end *end, bool is_accepted);
	void (*renew)(struct sim *sim, size_t attempt);
	void (*pass_over)(struct sim *sim, size_t attempt);
	void (*expire)(struct sim *sim, size_t count);
	void (*ask_back)(struct sim *sim, struct str service, struct str environment, struct str to, bool is_asked);
	void (*release)(struct sim *sim, const struct row_quarantine *held);
	void (*fix)(struct sim *sim, const struct row_quarantine *held, int64_t run);
	void (*set_expiry)(struct sim *sim, struct str service, struct str environment, int64_t in_ms, bool is_operator,
		bool is_there);
	void (*override)(struct sim *sim, int64_t run);
	void (*abandon)(struct sim *sim, int64_t run);
	void (*stop)(struct sim *sim, struct str service, struct str environment);
	void (*lift)(struct sim *sim, size_t blocker); /* before it is gone */
	void (*configure)(struct sim *sim);
	void (*alarm)(struct sim *sim, size_t alarm);
	void (*sample)(struct sim *sim, size_t alarm);
	void (*due)(struct sim *sim); /* what the slow tick finds */
};

/* MIRROR(sim, start, attempt): nothing where nobody mirrors. */
#define MIRROR(sim, what, ...)                                                                                         \
	do {                                                                                                           \
		if ((sim)->mirror && !(sim)->fault[0])                                                                 \
			(sim)->mirror->what(__VA_ARGS__);                                                              \
	} while (0)

struct sim {
	const struct mirror *mirror; /* NULL: none */
	struct arena arena;
	struct rows rows;
	struct coordinator coordinators[COORDINATORS];
	struct held_attempt *held; /* beside rows.attempts */
	size_t held_count;
	int64_t pushes;
	struct sim_tally *tally;            /* NULL: nobody counts */
	bool is_told;                       /* each thing that happens is printed */
	bool is_calm;                       /* no more faults */
	void (*calm_down)(struct sim *sim); /* how it ends; NULL: sim_calm_down() */
	unsigned at;                        /* event under way, from 1 */
	char fault[400];                    /* the first invariant that was broken; "" */
};

/* That histories come to everything worth looking at. */
struct sim_tally {
	uint64_t histories, events, commits, conflicts, refusals, lane_commits;
	uint64_t ends[RUN_STATE_COUNT], deployments[DEPLOYMENT_STATE_COUNT], waves[WAVE_STATE_COUNT],
		gates[GATE_STATE_COUNT], jobs[JOB_STATE_COUNT];
	uint64_t rollbacks, teardowns, called_off, retries, revoked, replans;
};

extern const struct person sim_people[PEOPLE];

void sim_begin(struct sim *sim);
void sim_end(struct sim *sim);
void sim_apply(struct sim *sim, const struct sim_event *event);
/* Faults stop, people decide, time passes: every run must end. */
void sim_calm_down(struct sim *sim);

void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- coordinators --- */

void coordinator_wake(struct coordinator *coordinator, enum wake_kind kind, int64_t id);
void coordinator_tick(struct sim *sim, struct coordinator *coordinator);
/* One step of a visit, or the next visit is begun; false: it has nothing to do. */
bool coordinator_step(struct sim *sim, struct coordinator *coordinator, uint32_t which);
/* A person's event; false: it is busy with that run. */
bool coordinator_ask(struct sim *sim, struct coordinator *coordinator, int64_t run, const struct engine_event *event);
/* It hears what is closed: configurations_look(). */
void coordinator_look(struct sim *sim, struct coordinator *coordinator);
void coordinator_crash(struct sim *sim, struct coordinator *coordinator);

/* --- the rest of the world --- */

bool worker_event(struct sim *sim, const struct sim_event *event);
bool people_event(struct sim *sim, const struct sim_event *event);
bool outside_event(struct sim *sim, const struct sim_event *event);
/* Every worker takes, ends and reports what there is. */
void workers_finish(struct sim *sim);
void people_decide(struct sim *sim, unsigned round);
/* They lift what is closed. */
void people_open(struct sim *sim);
/* The plan that a trigger asks for; NULL: there is none, and it says why. */
const struct plan *triggers_plan(struct sim *sim, const struct row_trigger *trigger, size_t places);
int64_t triggers_add(struct sim *sim, struct row_trigger trigger);

/* --- invariants --- */

/* Before a visit's outcome is written: what the engine did with what was loaded. */
void check_decision(
	struct sim *sim, const struct desk *desk, const struct engine_event *event, const struct effects *effects);
/* Of a wave that baked: people are called when it is for them, and once. has_fired: an alarm, since it began. */
void check_people(struct sim *sim, const struct run_graph *graph, const struct effects *effects,
	const struct graph_wave *wave, bool has_fired);
/* And when it is written: nobody's word is left out, none comes again. */
void check_saved(struct sim *sim, const struct desk *desk);
void check_refusal(struct sim *sim, const struct desk *desk);
/* And what it relied on is still so. */
void check_facts(struct sim *sim, const struct run_graph *graph, const struct effects *effects);
/* What a job is told that somebody takes. */
void check_told(struct sim *sim, const struct row_attempt *attempt);
void check_lane(struct sim *sim, const struct lane *before, const struct lane *lane);
/* After a round in which nothing went wrong: whom the slow tick found at a gate for nothing stands there no more. */
void check_passed(struct sim *sim);
/* After every event: the rows. */
void check_rows(struct sim *sim);
/* When all is over. */
void check_rest(struct sim *sim);

#endif
