#include "server/engine/states.h"

#include "common/err.h"

#define X(constant, name) name,
const char *const run_state_names[] = {RUN_STATES(X) NULL};
const char *const stage_state_names[] = {STAGE_STATES(X) NULL};
const char *const job_state_names[] = {JOB_STATES(X) NULL};
const char *const gate_state_names[] = {GATE_STATES(X) NULL};
const char *const wave_state_names[] = {WAVE_STATES(X) NULL};
const char *const deployment_state_names[] = {DEPLOYMENT_STATES(X) NULL};
const char *const lane_request_state_names[] = {LANE_REQUEST_STATES(X) NULL};
static const char *const run_event_names[] = {RUN_EVENTS(X) NULL};
static const char *const stage_event_names[] = {STAGE_EVENTS(X) NULL};
static const char *const job_event_names[] = {JOB_EVENTS(X) NULL};
static const char *const gate_event_names[] = {GATE_EVENTS(X) NULL};
static const char *const wave_event_names[] = {WAVE_EVENTS(X) NULL};
static const char *const deployment_event_names[] = {DEPLOYMENT_EVENTS(X) NULL};
#undef X

static const struct state_change run_changes[] = {
	{RUN_PENDING, RUN_START, RUN_RUNNING, "its concurrency group, if any, let it in"},
	{RUN_RUNNING, RUN_WAIT, RUN_WAITING, "nothing runs: a gate or a lane is in the way"},
	{RUN_WAITING, RUN_START, RUN_RUNNING, "the gate opened, or the lane was granted"},
	{RUN_RUNNING, RUN_SUCCEED, RUN_SUCCEEDED, "all stages ended well"},
	{RUN_RUNNING, RUN_FAIL, RUN_FAILED, "a stage failed and nothing is left to do"},
	{RUN_PENDING, RUN_CANCEL, RUN_CANCELLED, "a person ended it"},
	{RUN_RUNNING, RUN_CANCEL, RUN_CANCELLED, "a person ended it, or a gate was refused or expired"},
	{RUN_WAITING, RUN_CANCEL, RUN_CANCELLED, "a person ended it, or a gate was refused or expired"},
	{RUN_PENDING, RUN_SUPERSEDE, RUN_SUPERSEDED, "a newer run took its place"},
	{RUN_RUNNING, RUN_SUPERSEDE, RUN_SUPERSEDED, "a newer run took its place"},
	{RUN_WAITING, RUN_SUPERSEDE, RUN_SUPERSEDED, "a newer run took its place"},
	{RUN_PENDING, RUN_ROLL_BACK, RUN_ROLLED_BACK, "its version was condemned"},
	{RUN_RUNNING, RUN_ROLL_BACK, RUN_ROLLED_BACK, "an alarm, a failure or a person condemned its version"},
	{RUN_WAITING, RUN_ROLL_BACK, RUN_ROLLED_BACK, "an alarm, a failure or a person condemned its version"},
	{RUN_FAILED, RUN_RETRY, RUN_RUNNING, "a person asked for new attempts"},
	{0, 0, 0, NULL},
};

static const struct state_change stage_changes[] = {
	{STAGE_BLOCKED, STAGE_GATE, STAGE_GATED, "the stage before it succeeded; its gate opened"},
	{STAGE_BLOCKED, STAGE_START, STAGE_RUNNING, "the stage before it succeeded"},
	{STAGE_GATED, STAGE_START, STAGE_RUNNING, "its gate was granted"},
	{STAGE_BLOCKED, STAGE_QUEUE, STAGE_QUEUED, "the stage before it succeeded; it asks for its lane"},
	{STAGE_GATED, STAGE_QUEUE, STAGE_QUEUED, "its gate was granted; it asks for its lane"},
	{STAGE_QUEUED, STAGE_START, STAGE_RUNNING, "the lane let it in"},
	{STAGE_QUEUED, STAGE_GATE, STAGE_GATED, "its approvals were too old"},
	{STAGE_QUEUED, STAGE_CANCEL, STAGE_CANCELLED, "the run was cancelled, or its version is quarantined"},
	{STAGE_QUEUED, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run entered the lane"},
	{STAGE_QUEUED, STAGE_ROLL_BACK, STAGE_ROLLED_BACK, "its version was condemned"},
	{STAGE_RUNNING, STAGE_ROLL_BACK, STAGE_ROLLED_BACK, "an alarm, a failure or a person condemned its version"},
	{STAGE_BLOCKED, STAGE_FAIL, STAGE_FAILED, "its version could not be told, or a preview failed"},
	{STAGE_BLOCKED, STAGE_SKIP, STAGE_SKIPPED, "its condition is false, or a stage before it failed"},
	{STAGE_BLOCKED, STAGE_CANCEL, STAGE_CANCELLED, "the run ended first"},
	{STAGE_GATED, STAGE_CANCEL, STAGE_CANCELLED, "its gate was refused or expired, or the run was cancelled"},
	{STAGE_RUNNING, STAGE_CANCEL, STAGE_CANCELLED, "the run was cancelled"},
	{STAGE_BLOCKED, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_GATED, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_RUNNING, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_RUNNING, STAGE_SUCCEED, STAGE_SUCCEEDED, "all its jobs ended well"},
	{STAGE_GATED, STAGE_FAIL, STAGE_FAILED, "a check failed that came with a newer configuration"},
	{STAGE_QUEUED, STAGE_FAIL, STAGE_FAILED, "a check failed that came with a newer configuration"},
	{STAGE_RUNNING, STAGE_FAIL, STAGE_FAILED, "a job failed"},
	{STAGE_FAILED, STAGE_RETRY, STAGE_RUNNING, "a person asked for new attempts"},
	{STAGE_GATED, STAGE_RESET, STAGE_BLOCKED, "what it would do changed with the configuration"},
	{STAGE_QUEUED, STAGE_RESET, STAGE_BLOCKED, "what it would do changed with the configuration"},
	{STAGE_FAILED, STAGE_RESET, STAGE_BLOCKED, "a stage before it is tried again"},
	{STAGE_SKIPPED, STAGE_RESET, STAGE_BLOCKED, "a stage before it is tried again"},
	{0, 0, 0, NULL},
};

static const struct state_change job_changes[] = {
	{JOB_BLOCKED, JOB_QUEUE, JOB_QUEUED, "all it needs succeeded"},
	{JOB_BLOCKED, JOB_SKIP, JOB_SKIPPED, "its condition is false, or what it needs did not succeed"},
	{JOB_BLOCKED, JOB_CANCEL, JOB_CANCELLED, "the run ended first"},
	{JOB_QUEUED, JOB_LEASE, JOB_LEASED, "a worker took it"},
	{JOB_QUEUED, JOB_CANCEL, JOB_CANCELLED, "the run was cancelled"},
	{JOB_LEASED, JOB_START, JOB_RUNNING, "its first step began"},
	{JOB_LEASED, JOB_SUCCEED, JOB_SUCCEEDED, "the attempt ended well; its start was not told"},
	{JOB_LEASED, JOB_FAIL, JOB_FAILED, "the attempt failed before its first step"},
	{JOB_LEASED, JOB_LOSE, JOB_LOST, "its worker went silent; no retry is left"},
	{JOB_LEASED, JOB_REQUEUE, JOB_QUEUED, "a retry by cause"},
	{JOB_LEASED, JOB_CANCEL, JOB_CANCELLED, "the run was cancelled"},
	{JOB_RUNNING, JOB_SUCCEED, JOB_SUCCEEDED, "every step exited with 0"},
	{JOB_RUNNING, JOB_FAIL, JOB_FAILED, "a step failed or met a limit"},
	{JOB_RUNNING, JOB_LOSE, JOB_LOST, "its worker went silent; no retry is left"},
	{JOB_RUNNING, JOB_REQUEUE, JOB_QUEUED, "a retry by cause"},
	{JOB_RUNNING, JOB_CANCEL, JOB_CANCELLED, "the run was cancelled"},
	{JOB_LOST, JOB_RESOLVE, JOB_SUCCEEDED, "a deployment; a person said that it had gone well"},
	{JOB_SUCCEEDED, JOB_RESET, JOB_BLOCKED, "a preview; what it shows changed with the configuration"},
	{JOB_FAILED, JOB_RESET, JOB_BLOCKED, "a person asked for a new attempt"},
	{JOB_LOST, JOB_RESET, JOB_BLOCKED, "a person asked for a new attempt"},
	{JOB_SKIPPED, JOB_RESET, JOB_BLOCKED, "what it needs is tried again"},
	{0, 0, 0, NULL},
};

static const struct state_change gate_changes[] = {
	{GATE_OPEN, GATE_GRANT, GATE_GRANTED, "enough people approved"},
	{GATE_OPEN, GATE_REFUSE, GATE_REFUSED, "somebody refused"},
	{GATE_OPEN, GATE_EXPIRE, GATE_EXPIRED, "nobody decided in time"},
	{GATE_OPEN, GATE_CLOSE, GATE_VOID, "the run ended, or what it was bound to changed"},
	{GATE_GRANTED, GATE_CLOSE, GATE_VOID, "what it was bound to changed before it began"},
	{0, 0, 0, NULL},
};

static const struct state_change wave_changes[] = {
	{WAVE_PENDING, WAVE_DEPLOY, WAVE_DEPLOYING, "the wave before it baked clean, and nothing holds it"},
	{WAVE_DEPLOYING, WAVE_VERIFY, WAVE_VERIFYING, "every target has the version"},
	{WAVE_DEPLOYING, WAVE_BAKE, WAVE_BAKING, "every target has the version; there is nothing to verify"},
	{WAVE_VERIFYING, WAVE_BAKE, WAVE_BAKING, "every target is verified"},
	{WAVE_BAKING, WAVE_SUCCEED, WAVE_SUCCEEDED, "time and data points are enough, tests passed, no alarm fired"},
	{WAVE_DEPLOYING, WAVE_FAIL, WAVE_FAILED, "a deployment failed"},
	{WAVE_VERIFYING, WAVE_FAIL, WAVE_FAILED, "a verification failed"},
	{WAVE_BAKING, WAVE_FAIL, WAVE_FAILED, "a test failed"},
	{WAVE_PENDING, WAVE_SUPERSEDE, WAVE_SUPERSEDED, "the run ended first"},
	{WAVE_DEPLOYING, WAVE_SUPERSEDE, WAVE_SUPERSEDED, "the run ended first"},
	{WAVE_VERIFYING, WAVE_SUPERSEDE, WAVE_SUPERSEDED, "the run ended first"},
	{WAVE_BAKING, WAVE_SUPERSEDE, WAVE_SUPERSEDED, "the run ended first"},
	{WAVE_DEPLOYING, WAVE_ROLL_BACK, WAVE_ROLLED_BACK, "its version was condemned"},
	{WAVE_VERIFYING, WAVE_ROLL_BACK, WAVE_ROLLED_BACK, "its version was condemned"},
	{WAVE_BAKING, WAVE_ROLL_BACK, WAVE_ROLLED_BACK, "its version was condemned"},
	{WAVE_FAILED, WAVE_RETRY, WAVE_PENDING, "a person asked for new attempts"},
	{WAVE_SUPERSEDED, WAVE_RETRY, WAVE_PENDING, "a wave before it is tried again"},
	{0, 0, 0, NULL},
};

static const struct state_change deployment_changes[] = {
	{DEPLOYMENT_PENDING, DEPLOYMENT_START, DEPLOYMENT_RUNNING, "a worker began"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_VERIFY, DEPLOYMENT_VERIFYING, "the target has the version"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_GO_LIVE, DEPLOYMENT_LIVE,
		"the target has the version; there is nothing to verify"},
	{DEPLOYMENT_VERIFYING, DEPLOYMENT_GO_LIVE, DEPLOYMENT_LIVE, "the target is verified"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_FAIL, DEPLOYMENT_FAILED, "a step failed"},
	{DEPLOYMENT_VERIFYING, DEPLOYMENT_FAIL, DEPLOYMENT_FAILED, "the verification failed"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_LOSE, DEPLOYMENT_UNKNOWN, "its worker went silent"},
	{DEPLOYMENT_UNKNOWN, DEPLOYMENT_VERIFY, DEPLOYMENT_VERIFYING, "its worker reported late, or a person said so"},
	{DEPLOYMENT_UNKNOWN, DEPLOYMENT_GO_LIVE, DEPLOYMENT_LIVE, "its worker reported late, or a person said so"},
	{DEPLOYMENT_UNKNOWN, DEPLOYMENT_FAIL, DEPLOYMENT_FAILED, "its worker reported late, or a person said so"},
	{DEPLOYMENT_PENDING, DEPLOYMENT_SUPERSEDE, DEPLOYMENT_SUPERSEDED, "the run ended first"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_SUPERSEDE, DEPLOYMENT_SUPERSEDED, "it was stopped"},
	{DEPLOYMENT_VERIFYING, DEPLOYMENT_SUPERSEDE, DEPLOYMENT_SUPERSEDED, "it was stopped"},
	{DEPLOYMENT_PENDING, DEPLOYMENT_ROLL_BACK, DEPLOYMENT_ROLLED_BACK, "its version was condemned"},
	{DEPLOYMENT_RUNNING, DEPLOYMENT_ROLL_BACK, DEPLOYMENT_ROLLED_BACK, "its version was condemned"},
	{DEPLOYMENT_VERIFYING, DEPLOYMENT_ROLL_BACK, DEPLOYMENT_ROLLED_BACK, "its version was condemned"},
	{DEPLOYMENT_UNKNOWN, DEPLOYMENT_ROLL_BACK, DEPLOYMENT_ROLLED_BACK, "its version was condemned"},
	{DEPLOYMENT_LIVE, DEPLOYMENT_ROLL_BACK, DEPLOYMENT_ROLLED_BACK, "its version was condemned"},
	{0, 0, 0, NULL},
};

const struct state_machine run_machine = {"run", run_state_names, run_event_names, run_changes};
const struct state_machine stage_machine = {"stage", stage_state_names, stage_event_names, stage_changes};
const struct state_machine job_machine = {"job", job_state_names, job_event_names, job_changes};
const struct state_machine gate_machine = {"gate", gate_state_names, gate_event_names, gate_changes};
const struct state_machine wave_machine = {"wave", wave_state_names, wave_event_names, wave_changes};
const struct state_machine deployment_machine = {
	"deployment", deployment_state_names, deployment_event_names, deployment_changes};

bool state_may_move(const struct state_machine *machine, int from, int event, int *ret_to)
{
	for (const struct state_change *change = machine->changes; change->why; change++) {
		if (change->from == from && change->event == event) {
			*ret_to = change->to;
			return true;
		}
	}
	return false;
}

int state_move(const struct state_machine *machine, int from, int event)
{
	int to;
	if (!state_may_move(machine, from, event, &to))
		BUG("%s: no move \"%s\" from \"%s\"", machine->name, machine->events[event], machine->states[from]);
	return to;
}

bool run_is_over(enum run_state state)
{
	return state != RUN_PENDING && state != RUN_RUNNING && state != RUN_WAITING;
}

bool stage_is_over(enum stage_state state)
{
	return state != STAGE_BLOCKED && state != STAGE_GATED && state != STAGE_QUEUED && state != STAGE_RUNNING;
}

bool job_is_over(enum job_state state)
{
	return state != JOB_BLOCKED && state != JOB_QUEUED && !job_is_held(state);
}

bool job_is_held(enum job_state state)
{
	return state == JOB_LEASED || state == JOB_RUNNING;
}

bool wave_is_over(enum wave_state state)
{
	return state == WAVE_SUCCEEDED || state == WAVE_FAILED || state == WAVE_SUPERSEDED || state == WAVE_ROLLED_BACK;
}

bool deployment_is_over(enum deployment_state state)
{
	return state != DEPLOYMENT_PENDING && state != DEPLOYMENT_RUNNING && state != DEPLOYMENT_VERIFYING &&
	       state != DEPLOYMENT_UNKNOWN;
}
