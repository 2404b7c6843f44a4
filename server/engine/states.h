#ifndef SERVER_ENGINE_STATES_H
#define SERVER_ENGINE_STATES_H

/*
 * Every state machine of the engine: one list makes the enum and the names; the allowed moves are const tables. A
 * state changes through state_move() alone, which refuses what the table does not list. docs/states.md is printed from
 * here, and a test ties the names to the checks in the database.
 */

#include "common/str.h"

#define RUN_STATES(X)                                                                                                  \
	X(RUN_PENDING, "pending")                                                                                      \
	X(RUN_RUNNING, "running")                                                                                      \
	X(RUN_WAITING, "waiting")                                                                                      \
	X(RUN_SUCCEEDED, "succeeded")                                                                                  \
	X(RUN_FAILED, "failed")                                                                                        \
	X(RUN_CANCELLED, "cancelled")                                                                                  \
	X(RUN_SUPERSEDED, "superseded")                                                                                \
	X(RUN_ROLLED_BACK, "rolled_back")

#define RUN_EVENTS(X)                                                                                                  \
	X(RUN_START, "start")                                                                                          \
	X(RUN_WAIT, "wait")                                                                                            \
	X(RUN_SUCCEED, "succeed")                                                                                      \
	X(RUN_FAIL, "fail")                                                                                            \
	X(RUN_CANCEL, "cancel")                                                                                        \
	X(RUN_SUPERSEDE, "supersede")                                                                                  \
	X(RUN_ROLL_BACK, "roll back")                                                                                  \
	X(RUN_RETRY, "retry")

#define STAGE_STATES(X)                                                                                                \
	X(STAGE_BLOCKED, "blocked")                                                                                    \
	X(STAGE_GATED, "gated")                                                                                        \
	X(STAGE_QUEUED, "queued")                                                                                      \
	X(STAGE_RUNNING, "running")                                                                                    \
	X(STAGE_SUCCEEDED, "succeeded")                                                                                \
	X(STAGE_FAILED, "failed")                                                                                      \
	X(STAGE_CANCELLED, "cancelled")                                                                                \
	X(STAGE_SKIPPED, "skipped")                                                                                    \
	X(STAGE_SUPERSEDED, "superseded")                                                                              \
	X(STAGE_ROLLED_BACK, "rolled_back")

#define STAGE_EVENTS(X)                                                                                                \
	X(STAGE_GATE, "gate")                                                                                          \
	X(STAGE_QUEUE, "queue")                                                                                        \
	X(STAGE_ROLL_BACK, "roll back")                                                                                \
	X(STAGE_START, "start")                                                                                        \
	X(STAGE_SUCCEED, "succeed")                                                                                    \
	X(STAGE_FAIL, "fail")                                                                                          \
	X(STAGE_CANCEL, "cancel")                                                                                      \
	X(STAGE_SKIP, "skip")                                                                                          \
	X(STAGE_SUPERSEDE, "supersede")                                                                                \
	X(STAGE_RETRY, "retry")                                                                                        \
	X(STAGE_RESET, "reset")

#define JOB_STATES(X)                                                                                                  \
	X(JOB_BLOCKED, "blocked")                                                                                      \
	X(JOB_QUEUED, "queued")                                                                                        \
	X(JOB_LEASED, "leased")                                                                                        \
	X(JOB_RUNNING, "running")                                                                                      \
	X(JOB_SUCCEEDED, "succeeded")                                                                                  \
	X(JOB_FAILED, "failed")                                                                                        \
	X(JOB_CANCELLED, "cancelled")                                                                                  \
	X(JOB_SKIPPED, "skipped")                                                                                      \
	X(JOB_LOST, "lost")

#define JOB_EVENTS(X)                                                                                                  \
	X(JOB_QUEUE, "queue")                                                                                          \
	X(JOB_LEASE, "lease")                                                                                          \
	X(JOB_START, "start")                                                                                          \
	X(JOB_SUCCEED, "succeed")                                                                                      \
	X(JOB_FAIL, "fail")                                                                                            \
	X(JOB_LOSE, "lose")                                                                                            \
	X(JOB_REQUEUE, "requeue")                                                                                      \
	X(JOB_CANCEL, "cancel")                                                                                        \
	X(JOB_SKIP, "skip")                                                                                            \
	X(JOB_RESOLVE, "resolve")                                                                                      \
	X(JOB_RESET, "reset")

#define GATE_STATES(X)                                                                                                 \
	X(GATE_OPEN, "open")                                                                                           \
	X(GATE_GRANTED, "granted")                                                                                     \
	X(GATE_REFUSED, "refused")                                                                                     \
	X(GATE_EXPIRED, "expired")                                                                                     \
	X(GATE_VOID, "void")

#define GATE_EVENTS(X)                                                                                                 \
	X(GATE_GRANT, "grant")                                                                                         \
	X(GATE_REFUSE, "refuse")                                                                                       \
	X(GATE_EXPIRE, "expire")                                                                                       \
	X(GATE_CLOSE, "close")

#define WAVE_STATES(X)                                                                                                 \
	X(WAVE_PENDING, "pending")                                                                                     \
	X(WAVE_DEPLOYING, "deploying")                                                                                 \
	X(WAVE_VERIFYING, "verifying")                                                                                 \
	X(WAVE_BAKING, "baking")                                                                                       \
	X(WAVE_SUCCEEDED, "succeeded")                                                                                 \
	X(WAVE_FAILED, "failed")                                                                                       \
	X(WAVE_SUPERSEDED, "superseded")                                                                               \
	X(WAVE_ROLLED_BACK, "rolled_back")

#define WAVE_EVENTS(X)                                                                                                 \
	X(WAVE_DEPLOY, "deploy")                                                                                       \
	X(WAVE_VERIFY, "verify")                                                                                       \
	X(WAVE_BAKE, "bake")                                                                                           \
	X(WAVE_SUCCEED, "succeed")                                                                                     \
	X(WAVE_FAIL, "fail")                                                                                           \
	X(WAVE_SUPERSEDE, "supersede")                                                                                 \
	X(WAVE_ROLL_BACK, "roll back")                                                                                 \
	X(WAVE_RETRY, "retry")

#define DEPLOYMENT_EVENTS(X)                                                                                           \
	X(DEPLOYMENT_START, "start")                                                                                   \
	X(DEPLOYMENT_VERIFY, "verify")                                                                                 \
	X(DEPLOYMENT_GO_LIVE, "go live")                                                                               \
	X(DEPLOYMENT_FAIL, "fail")                                                                                     \
	X(DEPLOYMENT_LOSE, "lose")                                                                                     \
	X(DEPLOYMENT_SUPERSEDE, "supersede")                                                                           \
	X(DEPLOYMENT_ROLL_BACK, "roll back")

#define DEPLOYMENT_STATES(X)                                                                                           \
	X(DEPLOYMENT_PENDING, "pending")                                                                               \
	X(DEPLOYMENT_RUNNING, "running")                                                                               \
	X(DEPLOYMENT_VERIFYING, "verifying")                                                                           \
	X(DEPLOYMENT_LIVE, "live")                                                                                     \
	X(DEPLOYMENT_FAILED, "failed")                                                                                 \
	X(DEPLOYMENT_SUPERSEDED, "superseded")                                                                         \
	X(DEPLOYMENT_ROLLED_BACK, "rolled_back")                                                                       \
	X(DEPLOYMENT_UNKNOWN, "unknown")

#define LANE_REQUEST_STATES(X)                                                                                         \
	X(LANE_WAITING, "waiting")                                                                                     \
	X(LANE_GRANTED, "granted")                                                                                     \
	X(LANE_REVOKED, "revoked") /* holds it still, and is asked to end */                                           \
	X(LANE_SUPERSEDED, "superseded")                                                                               \
	X(LANE_RELEASED, "released")

#define X(constant, name) constant,
enum run_state { RUN_STATES(X) RUN_STATE_COUNT };
enum run_event { RUN_EVENTS(X) RUN_EVENT_COUNT };
enum stage_state { STAGE_STATES(X) STAGE_STATE_COUNT };
enum stage_event { STAGE_EVENTS(X) STAGE_EVENT_COUNT };
enum job_state { JOB_STATES(X) JOB_STATE_COUNT };
enum job_event { JOB_EVENTS(X) JOB_EVENT_COUNT };
enum gate_state { GATE_STATES(X) GATE_STATE_COUNT };
enum gate_event { GATE_EVENTS(X) GATE_EVENT_COUNT };
enum wave_state { WAVE_STATES(X) WAVE_STATE_COUNT };
enum wave_event { WAVE_EVENTS(X) WAVE_EVENT_COUNT };
enum deployment_state { DEPLOYMENT_STATES(X) DEPLOYMENT_STATE_COUNT };
enum deployment_event { DEPLOYMENT_EVENTS(X) DEPLOYMENT_EVENT_COUNT };
enum lane_request_state { LANE_REQUEST_STATES(X) LANE_REQUEST_STATE_COUNT };
#undef X

extern const char *const run_state_names[]; /* NULL-terminated, as all of these */
extern const char *const stage_state_names[];
extern const char *const job_state_names[];
extern const char *const gate_state_names[];
extern const char *const wave_state_names[];
extern const char *const deployment_state_names[];
extern const char *const lane_request_state_names[];

struct state_change {
	int from;
	int event;
	int to;
	const char *why;
};

struct state_machine {
	const char *name; /* "job" */
	const char *const *states;
	const char *const *events;
	const struct state_change *changes; /* ends with why == NULL */
};

extern const struct state_machine run_machine;
extern const struct state_machine stage_machine;
extern const struct state_machine job_machine;
extern const struct state_machine gate_machine;
extern const struct state_machine wave_machine;
extern const struct state_machine deployment_machine;

/* False: the machine has no such move. */
bool state_may_move(const struct state_machine *machine, int from, int event, int *ret_to);
/* The only way a state changes; a move that is not in the table is a bug of the caller. */
int state_move(const struct state_machine *machine, int from, int event);

bool run_is_over(enum run_state state);
bool stage_is_over(enum stage_state state);
bool job_is_over(enum job_state state);
bool job_is_held(enum job_state state); /* some worker has it */
bool wave_is_over(enum wave_state state);
bool deployment_is_over(enum deployment_state state); /* an unknown one is not */

#endif
