#include "tests/sim/sim.h"

#include "common/mem.h"
#include "tests/sim/plans.h"

#include <stdarg.h>
#include <stdio.h>

enum { STEPS_MAX = 60, CALM_ROUNDS = 260, CALM_STEPS = 4000 };

void sim_say(const struct sim *sim, const char *format, ...)
{
	va_list args;
	if (!sim->is_told)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;
	if (sim->fault[0])
		return;
	va_start(args, format);
	vsnprintf(sim->fault, sizeof sim->fault, format, args);
	va_end(args);
}

void sim_begin(struct sim *sim)
{
	sim->arena = (struct arena){0};
	sim->rows = (struct rows){.arena = &sim->arena, .now_us = (int64_t)PLANS_SINCE_S * 1000000};
	for (size_t i = 0; i < ALARMS; i++) {
		sim->rows.alarms[i].state = STR("ok");
		sim->rows.alarms[i].turn = 1;
	}
	for (size_t i = 0; i < ENVIRONMENTS; i++)
		sim->rows.policy.versions[i] = 1;
	for (size_t i = 0; i < SERVICES; i++)
		sim->rows.service_versions[i] = 1;
	for (size_t i = 0; i < COORDINATORS; i++) {
		for (size_t v = 0; v < VISITS; v++)
			sim->coordinators[i].visits[v].is_busy = false;
		sim->coordinators[i].next_kept = 0;
		coordinator_crash(sim, &sim->coordinators[i]);
	}
	sim->held = NULL;
	sim->held_count = 0;
	sim->pushes = 0;
	sim->is_calm = false;
	sim->at = 0;
	sim->fault[0] = '\0';
}

static void count(struct sim *sim)
{
	struct sim_tally *tally = sim->tally;
	for (size_t i = 0; i < sim->rows.run_count; i++) {
		const struct run_graph *graph = &sim->rows.runs[i]->graph;
		tally->ends[graph->state]++;
		tally->rollbacks += sim->rows.runs[i]->is_rollback;
		bool is_down = sim->rows.triggers[sim->rows.runs[i]->trigger - 1].kind == TRIGGER_DOWN;
		tally->teardowns += is_down && graph->state == RUN_SUCCEEDED;
		tally->called_off += is_down && graph->state == RUN_CANCELLED;
		for (size_t j = 0; j < graph->job_count; j++) {
			tally->jobs[graph->jobs[j].state]++;
			tally->retries += graph->jobs[j].retries > 0;
		}
		for (size_t j = 0; j < graph->deployment_count; j++)
			tally->deployments[graph->deployments[j].state]++;
		for (size_t j = 0; j < graph->wave_count; j++)
			tally->waves[graph->waves[j].state]++;
		for (size_t j = 0; j < graph->gate_count; j++)
			tally->gates[graph->gates[j].state]++;
	}
}

void sim_end(struct sim *sim)
{
	if (sim->tally)
		count(sim);
	for (size_t i = 0; i < COORDINATORS; i++)
		coordinator_crash(sim, &sim->coordinators[i]);
	arena_done(&sim->arena);
}

static bool coordinator_event(struct sim *sim, const struct sim_event *event)
{
	struct coordinator *coordinator = &sim->coordinators[event->a % COORDINATORS];
	switch ((int)event->kind) {
	case SIM_WORK:
		for (size_t i = 0; i < STEPS_MAX && coordinator_step(sim, coordinator, 1); i++)
			;
		return true;
	case SIM_STEP:
		return coordinator_step(sim, coordinator, event->b);
	case SIM_TICK:
		coordinator_tick(sim, coordinator);
		return true;
	case SIM_CRASH:
		coordinator_crash(sim, coordinator);
		return true;
	case SIM_FORGET:
		coordinator->wake_count = 0;
		return true;
	case SIM_HEAR:
		coordinator_look(sim, coordinator);
		return true;
	}
	return false;
}

static bool is_over(const struct sim *sim)
{
	for (size_t i = 0; i < sim->rows.run_count; i++)
		if (!run_is_over(sim->rows.runs[i]->graph.state))
			return false;
	for (size_t i = 0; i < sim->rows.trigger_count; i++)
		if (sim->rows.triggers[i].state == TRIGGER_PENDING)
			return false;
	for (size_t i = 0; i < sim->rows.attempt_count; i++)
		if (sim->rows.attempts[i].state != ATTEMPT_ENDED || !sim->rows.attempts[i].is_applied)
			return false;
	return true;
}

/* Only the slow tick finds what is due: wake-ups are hints, which may all be lost. */
static void coordinate(struct sim *sim)
{
	for (size_t i = 0; i < COORDINATORS && !sim->fault[0]; i++) {
		struct coordinator *coordinator = &sim->coordinators[i];
		for (size_t n = 0; coordinator_step(sim, coordinator, 1); n++) {
			check_rows(sim);
			if (sim->fault[0])
				return;
			if (n == CALM_STEPS) {
				sim_fail(sim, "a coordinator never comes to rest");
				return;
			}
		}
		coordinator->wake_count = 0;
		coordinator_tick(sim, coordinator);
	}
	check_passed(sim);
}

/* One in which nothing goes wrong. */
static void calm_round(struct sim *sim, unsigned round)
{
	static const struct sim_event samples[] = {{.kind = SIM_SAMPLE, .a = 0}, {.kind = SIM_SAMPLE, .a = 1}};
	people_open(sim);
	for (size_t i = 0; i < ALARMS; i++)
		if (!str_is(sim->rows.alarms[i].state, "ok")) {
			rows_change_alarm(&sim->rows, i, STR("ok"));
			MIRROR(sim, alarm, sim, i);
		}
	for (size_t i = 0; i < COORDINATORS; i++)
		sim->coordinators[i].skew_us = 0;
	sim->rows.now_us += INT64_C(30000000);
	outside_event(sim, &samples[0]);
	outside_event(sim, &samples[1]);
	coordinate(sim);
	workers_finish(sim);
	if (round % 6 != 3) /* whoever is asked looks at the run, which the slow tick has to find by itself too */
		people_decide(sim, round);
}

static bool good_time(struct sim *sim, const struct sim_event *event)
{
	sim->is_calm = true;
	for (unsigned round = 0; round < 4 + event->b % 24 && !is_over(sim) && !sim->fault[0]; round++)
		calm_round(sim, round);
	sim->is_calm = false;
	return true;
}

void sim_apply(struct sim *sim, const struct sim_event *event)
{
	sim->at++;
	bool did_something = coordinator_event(sim, event) || worker_event(sim, event) || people_event(sim, event) ||
			     outside_event(sim, event) || (event->kind == SIM_GOOD_TIME && good_time(sim, event));
	if (!did_something)
		sim_say(sim, "  nothing");
	if (sim->tally)
		sim->tally->events++;
	check_rows(sim);
}

void sim_calm_down(struct sim *sim)
{
	sim->is_calm = true;
	for (unsigned round = 0; round < CALM_ROUNDS && !is_over(sim) && !sim->fault[0]; round++)
		calm_round(sim, round);
	if (!sim->fault[0])
		check_rest(sim);
}
