#ifndef TESTS_SIM_ROWS_H
#define TESTS_SIM_ROWS_H

/*
 * A small model of the store: the rows that the engine is loaded from, and the guards under which what it decided is
 * written. Each function is one transaction of server/store or one statement of sql/queries, named beside it; none is
 * ever half done. What raises there is false here. Ids count from 1; everything lives in the arena of the history.
 */

#include "server/engine/engine.h"
#include "server/engine/freeze.h"
#include "server/engine/lane.h"

enum { RUNS_MAX = 24, ALARMS = 2, ENVIRONMENTS = 2, SAMPLES_MAX = 512, COMMITS = 10, SERVICES = 2, STOPS = 3 };

enum attempt_state { ATTEMPT_LEASED, ATTEMPT_RUNNING, ATTEMPT_ENDED };

struct row_attempt {
	int64_t run, job;
	int32_t number;
	size_t worker;
	enum attempt_state state;
	bool is_applied;
	bool was_passed_over; /* its worker never heard of it: the number is used, nobody is blamed */
	struct attempt_end end;
	int64_t lease_until;
};

struct row_lane {
	bool is_group;
	struct str key;
	int64_t version, epoch;
	bool is_newest;
};

struct row_request {
	int64_t lane, run;
	size_t stage; /* of the run; SIZE_MAX: of its concurrency group */
	int32_t priority;
	bool cancels;
	enum lane_request_state state;
	int64_t epoch;
	int64_t superseded_by;
	bool was_granted;
	int64_t granted_at;
};

enum trigger_kind { TRIGGER_PUSH, TRIGGER_BACK, TRIGGER_FORWARD, TRIGGER_DOWN };
enum trigger_state { TRIGGER_PENDING, TRIGGER_DONE, TRIGGER_FAILED };

struct row_trigger {
	enum trigger_kind kind;
	enum trigger_state state;
	size_t pipeline; /* of a push */
	struct str commit;
	struct str service, environment, version, back_to;
	int64_t next_at; /* whoever took it has it until then */
	bool is_alarms;  /* nobody asked for it */
};

struct row_quarantine {
	struct str service, environment, version;
	struct str reason;
	bool is_released;
	struct str fixed_commit; /* "": nobody has said what mends it */
	int64_t trigger;         /* that comes next: it is older than that */
	int64_t created_at;
};

struct row_run {
	struct run_graph graph; /* without lanes and facts, which are loaded */
	int64_t trigger, created_at;
	size_t places[8]; /* by which each stage is planned */
	bool is_rollback;
	bool is_touched;          /* since the invariants were looked at */
	bool overrides_freeze[8]; /* by stage */
	bool was_stopped;         /* by a person, or its file was: a target may be left as it is */
	bool was_passed;          /* when the slow tick looked last */
	int64_t resolved_job;     /* the last one that a person settled */
};

struct row_alarm {
	struct str state;
	int64_t since;
	int64_t turn, fired_at; /* the trigger alarm_turned */
	int64_t samples[SAMPLES_MAX];
	size_t sample_count;
};

/* The configuration in force, and the stops that stand. */
struct row_policy {
	size_t configuration;
	size_t places;   /* which targets there are */
	int64_t version; /* of the configuration */
	struct freeze_blocker blockers[STOPS];
	size_t blocker_count;
	int64_t versions[ENVIRONMENTS]; /* qa, prod: the trigger policy_changed */
};

struct row_expiry {
	int64_t run; /* that deployed it; 0: it stays */
	int64_t expires_at, next_at;
	int tries;
};

struct rows {
	struct arena *arena;
	int64_t now_us; /* of the database */
	struct row_run *runs[RUNS_MAX];
	size_t run_count;
	struct row_attempt *attempts;
	struct row_lane *lanes;
	struct row_request *requests;
	struct row_trigger *triggers;
	struct row_quarantine *quarantines;
	struct row_version *versions;
	size_t attempt_count, lane_count, request_count, trigger_count, quarantine_count, version_count;
	struct row_alarm alarms[ALARMS];
	struct row_policy policy;
	struct row_expiry expiries[SERVICES][ENVIRONMENTS];
	int64_t service_versions[SERVICES]; /* web, api: the trigger quarantine_changed */
	int64_t last_gate, last_deployment, last_blocker, last_job, last_wave;
	bool is_compared[COMMITS][COMMITS][2]; /* newer, older, by patch: somebody has looked whether it contains it */
	bool has_authors[COMMITS][COMMITS];    /* newer, older: somebody has looked who wrote what only the first has */
};

struct row_version { /* made when it is first deployed */
	struct str service, name, commit;
};

/* What one visit works on: a copy of a run's rows. */
struct desk {
	struct shadow *shadow; /* of a mirror: the same as it was loaded from the database */
	struct run_graph graph;
	struct attempt_end *ends;
	size_t end_count;
	struct graph_stage stages[8];
	struct graph_job jobs[48];
	struct graph_wave waves[8];
	enum lane_request_state group, lanes[8]; /* of the run and its stages, as loaded */
};

/* run_create.sql with trigger_end.sql: 0 when the trigger has ended already. */
int64_t rows_create(struct rows *rows, int64_t trigger, const struct plan *plan, struct str commit, bool is_rollback,
	size_t places, int64_t configuration);
/* run_store_replan(): false: the run has moved on. */
bool rows_replan(struct rows *rows, int64_t run, int64_t version, size_t stage, const struct plan *today, size_t places,
	int64_t configuration);
/* trigger_end.sql: it becomes no run. */
bool rows_refuse(struct rows *rows, int64_t trigger);

/* run_store_load(), without what is closed and pinned; run_store_refresh(), false: it has moved on; the guards of
 * run_store_save(), false: something is stale; what it then writes. */
void rows_load(const struct rows *rows, int64_t run, int64_t now_us, struct desk *desk);
bool rows_refresh(const struct rows *rows, int64_t now_us, struct desk *desk);
bool rows_may_save(const struct rows *rows, const struct desk *desk, const struct effects *effects);
void rows_save(struct rows *rows, const struct desk *desk, const struct effects *effects);
/* The lanes of a run's own graph: for invariants. */
void rows_show_lanes(const struct rows *rows, struct run_graph *graph);

void rows_load_lane(const struct rows *rows, int64_t lane, struct lane *ret, struct arena *arena);
bool rows_save_lane(struct rows *rows, const struct lane *lane);

/* How the run's commit is related to those that matter; what is asked for is known from then on. */
void rows_load_relations(const struct rows *rows, struct run_graph *graph, size_t stage);
/* Whether one commit contains the other, whoever has looked. */
bool rows_contains(struct str newer, struct str older);
bool rows_has_looked(const struct rows *rows, struct str newer, struct str older, bool by_patch);
/* Mail addresses: of who wrote one commit; of who wrote what the first has and the second has not. */
struct str_list rows_authors(struct str commit, struct arena *arena);
struct str_list rows_authors_between(struct str newer, struct str older, struct arena *arena);
void rows_compare(struct rows *rows, const struct run_graph *graph);
void rows_add_relation(const struct rows *rows, struct graph_facts *facts, struct graph_relation relation);
/* Of the view lane_rival: who to be compared with; who entered the lane and is newer ("": nobody, as far as is known);
 * lane_relations.sql. */
void rows_load_rivals(const struct rows *rows, struct run_graph *graph, size_t stage);
struct str rows_newer_in_lane(const struct rows *rows, int64_t run, int64_t lane, bool *ret_is_known);
void rows_load_lane_relations(const struct rows *rows, struct lane *lane, struct arena *arena);
/* Of two runs in a lane that takes the newest, whoever has looked: the commit of the first contains the second's. */
bool rows_descends(const struct rows *rows, int64_t run, int64_t other);
bool rows_is_newer(const struct rows *rows, int64_t run, int64_t other);
bool rows_are_compared(const struct rows *rows, int64_t run, int64_t other);
void rows_load_silence(const struct rows *rows, struct run_graph *graph);
void rows_load_overtaken(const struct rows *rows, struct run_graph *graph, size_t stage);
void rows_load_occupants(const struct rows *rows, struct run_graph *graph, size_t stage);
struct str rows_commit_of(const struct rows *rows, struct str service, struct str version);

/* claim.sql, attempts_started.sql, attempt_result.sql, leases_renew.sql, leases_expire.sql, claim_release.sql */
struct row_attempt *rows_claim(struct rows *rows, size_t worker, size_t which); /* NULL: nothing is queued */
#define ROWS_OLDEST SIZE_MAX                                                    /* which: as claim.sql takes them */
bool rows_start(struct rows *rows, size_t attempt);
bool rows_result(struct rows *rows, size_t attempt, const struct attempt_end *end);
bool rows_renew(struct rows *rows, size_t attempt);
size_t rows_expire(struct rows *rows, int64_t *ret_runs, size_t max);
bool rows_pass_over(struct rows *rows, size_t attempt);

/* expiry_begin.sql, expiry_end.sql; expiries_due.sql: the first trigger that it adds, and how many. */
void rows_stage_moved(struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage);
size_t rows_expire_deployments(struct rows *rows);
int64_t rows_expires_at(const struct rows *rows, const struct graph_stage *stage);
/* expiry_set.sql; false: nothing of it is deployed there. */
#define ROWS_NEVER INT64_C(-1)
bool rows_set_expiry(struct rows *rows, struct str service, struct str environment, int64_t in_ms, bool is_operator);

/* runs_due.sql, runs_passed.sql: whether the slow tick looks at it. lane_open.sql. */
bool rows_is_due(const struct rows *rows, int64_t run);
bool rows_is_passed(const struct rows *rows, int64_t run);
bool rows_is_open(const struct rows *rows, int64_t lane);

bool rows_is_quarantined(const struct rows *rows, struct str service, struct str environment, struct str version);
/* rollback_ask.sql; false: nothing was ever deployed there. version_condemn.sql is part of rows_save(). */
bool rows_ask_back(struct rows *rows, struct str service, struct str environment, struct str to);

struct row_deployment {
	int64_t run;
	const struct graph_deployment *deployment;
	const struct graph_stage *stage;
	const struct graph_wave *wave;
	const struct graph_job *job;
};
bool rows_is_exclusive(struct str target);
/* An open deployment to the target, of a service that `counts` beside this one, by another run than `but_for`. */
bool rows_other_at(const struct rows *rows, struct str service, struct str environment, struct str target,
	int64_t but_for, bool (*counts)(struct str service, struct str other), struct row_deployment *ret);
/* The latest deployment of a service to a target that `fits`; false: there is none. */
bool rows_last_deployment(const struct rows *rows, struct str service, struct str environment, struct str target,
	bool (*fits)(const struct rows *rows, const struct row_deployment *deployment, const void *arg),
	const void *arg, struct row_deployment *ret);
/* redeploy_back.sql picks these: what was attempted, what runs, what was good. */
bool rows_reached(const struct rows *rows, const struct row_deployment *deployment, const void *unused);
bool rows_runs(const struct rows *rows, const struct row_deployment *deployment, const void *unused);
/* Without what takes down: attempted; and what took down. */
bool rows_is_teardown(const struct row_deployment *deployment);
bool rows_tried(const struct rows *rows, const struct row_deployment *deployment, const void *unused);
bool rows_took_down(const struct rows *rows, const struct row_deployment *deployment, const void *unused);
/* Whether another run began to deploy to the target behind this run's last deployment of the job, which it is done
 * with. */
bool rows_was_overtaken(const struct rows *rows, const struct run_graph *graph, const struct graph_job *job,
	struct row_deployment *ret);
/* claim_services.sql: what it put out when it was deployed there last; count 0: nothing. */
struct pair_list rows_put_out(const struct rows *rows, struct str service, struct str environment);
/* left_behind(): with what is condemned there, or with `also`. */
bool rows_is_left_behind(const struct rows *rows, struct str service, struct str environment, struct str target,
	struct str also, struct row_deployment *ret);
struct good_version {
	struct str condemned, wanted; /* wanted "": any other */
};
bool rows_was_good(const struct rows *rows, const struct row_deployment *deployment, const void *good_version);

struct row_run *rows_run(const struct rows *rows, int64_t run);
size_t rows_environment(struct str name); /* its index */
size_t rows_service(struct str name);
const struct row_alarm *rows_alarm(const struct rows *rows, struct str name);
/* Why it must not be deployed in that stage's environment; "". */
struct str rows_quarantined(const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage);
/* Where else it was condemned since the run was made, and why: "qa: it is slow"; "". */
struct str rows_condemned_elsewhere(
	const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage);
const struct row_request *rows_last_request(const struct rows *rows, int64_t run, size_t stage); /* NULL: none */
struct graph_lane rows_stage_lane(const struct rows *rows, const struct run_graph *graph, size_t stage);

/* blocker_place.sql, false: there are enough; blocker_lift.sql; apply_configuration(). */
bool rows_stop(struct rows *rows, struct str service, struct str environment);
void rows_lift(struct rows *rows, size_t blocker);
void rows_configure(struct rows *rows, size_t configuration);
void rows_change_alarm(struct rows *rows, size_t alarm, struct str state);
void rows_quarantine_changed(struct rows *rows, struct str service);
const struct row_attempt *rows_attempt(const struct rows *rows, int64_t job, int32_t number);

#endif
