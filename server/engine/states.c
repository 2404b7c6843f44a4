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
	{RUN_FAILED, RUN_RETRY, RUN_RUNNING, "a person asked for new attempts"},
	{0, 0, 0, NULL},
};

static const struct state_change stage_changes[] = {
	{STAGE_BLOCKED, STAGE_GATE, STAGE_GATED, "the stage before it succeeded; its gate opened"},
	{STAGE_BLOCKED, STAGE_START, STAGE_RUNNING, "the stage before it succeeded"},
	{STAGE_GATED, STAGE_START, STAGE_RUNNING, "its gate was granted"},
	{STAGE_BLOCKED, STAGE_SKIP, STAGE_SKIPPED, "its condition is false, or a stage before it failed"},
	{STAGE_BLOCKED, STAGE_CANCEL, STAGE_CANCELLED, "the run ended first"},
	{STAGE_GATED, STAGE_CANCEL, STAGE_CANCELLED, "its gate was refused or expired, or the run was cancelled"},
	{STAGE_RUNNING, STAGE_CANCEL, STAGE_CANCELLED, "the run was cancelled"},
	{STAGE_BLOCKED, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_GATED, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_RUNNING, STAGE_SUPERSEDE, STAGE_SUPERSEDED, "a newer run took its place"},
	{STAGE_RUNNING, STAGE_SUCCEED, STAGE_SUCCEEDED, "all its jobs ended well"},
	{STAGE_RUNNING, STAGE_FAIL, STAGE_FAILED, "a job failed"},
	{STAGE_FAILED, STAGE_RETRY, STAGE_RUNNING, "a person asked for new attempts"},
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
	{0, 0, 0, NULL},
};

const struct state_machine run_machine = {"run", run_state_names, run_event_names, run_changes};
const struct state_machine stage_machine = {"stage", stage_state_names, stage_event_names, stage_changes};
const struct state_machine job_machine = {"job", job_state_names, job_event_names, job_changes};
const struct state_machine gate_machine = {"gate", gate_state_names, gate_event_names, gate_changes};

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
