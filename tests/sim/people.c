/* People, forges and monitors: what comes from outside. */
#include "tests/sim/sim.h"

#include "common/mem.h"
#include "server/engine/redeploy.h"
#include "tests/sim/plans.h"
#include "tests/sim/policies.h"

static struct str both_groups[] = {{"release", 7}, {"qa", 2}}, one_group[] = {{"release", 7}};

const struct person sim_people[PEOPLE] = {
	{1, {"ann", 3}, {"ann@example.org", 15}, {"developer", 9}, {both_groups, 2}, {NULL, 0}}, /* she pushes */
	{2, {"bob", 3}, {"bob@example.org", 15}, {"operator", 8}, {both_groups, 2}, {NULL, 0}},
	{3, {"cas", 3}, {"cas@example.org", 15}, {"developer", 9}, {one_group, 1}, {NULL, 0}},
	{4, {"dee", 3}, {"dee@example.org", 15}, {"developer", 9}, {one_group, 1}, {NULL, 0}},
	{5, {"fay", 3}, {"fay@example.org", 15}, {"developer", 9}, {NULL, 0}, {NULL, 0}},
	{6, {"eve", 3}, {"eve@example.org", 15}, {"viewer", 6}, {both_groups, 2}, {NULL, 0}}, /* she may only look */
};

/* --- triggers --- */

int64_t triggers_add(struct sim *sim, struct row_trigger trigger)
{
	struct rows *rows = &sim->rows;
	rows->triggers = arena_grow(rows->arena, rows->triggers, sizeof *rows->triggers, rows->trigger_count);
	rows->triggers[rows->trigger_count++] = trigger;
	MIRROR(sim, trigger, sim, (int64_t)rows->trigger_count);
	return (int64_t)rows->trigger_count;
}

static bool outputs_of(void *arg, int64_t run, struct str key, struct pair_list *ret)
{
	const struct sim *sim = arg;
	const struct graph_job *job = graph_job_by_key(&rows_run(&sim->rows, run)->graph, key);
	if (!job || job->outputs.count == 0)
		return false;
	*ret = job->outputs;
	return true;
}

/* The run whose plan a deployment went by: of a rollback, that is the rollback's own. */
static void fill_target(
	const struct sim *sim, const struct row_deployment *good, int32_t wave, struct redeploy_target *target)
{
	const struct run_graph *graph = &rows_run(&sim->rows, good->run)->graph;
	*target = (struct redeploy_target){.target = good->deployment->target,
		.version = good->deployment->version,
		.wave = wave,
		.plan = graph->plan,
		.job = good->job->key,
		.run = graph->id,
		.run_number = graph->id,
		.commit = graph->commit};
}

static const struct plan *plan_back(struct sim *sim, const struct row_trigger *trigger)
{
	static const char *const names[] = {"qa-1", "eu-canary", "eu-1", "us-1"};
	struct redeploy_target targets[COUNT_OF(names)];
	struct redeploy wanted = {.service = trigger->service,
		.environment = trigger->environment,
		.pipeline = STR("back"),
		.targets = targets,
		.outputs = outputs_of,
		.arg = sim};
	struct good_version good = {.wanted = trigger->back_to};
	struct err err = {0};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct row_deployment last, back;
		if (!rows_is_left_behind(&sim->rows, trigger->service, trigger->environment, str_of(names[i]),
			    trigger->version, &last))
			continue;
		good.condemned = last.deployment->version;
		if (!rows_last_deployment(&sim->rows, trigger->service, trigger->environment, str_of(names[i]),
			    rows_was_good, &good, &back))
			continue;
		fill_target(sim, &back, last.wave->number, &targets[wanted.target_count++]);
	}
	MIRROR(sim, plan_back, sim, trigger, &wanted);
	struct plan *plan = arena_new(&sim->arena, struct plan);
	if (wanted.target_count == 0)
		return NULL;
	if (!redeploy_back(&wanted, &sim->arena, plan, &err)) {
		sim_fail(sim, "no plan back: %s", err.text);
		return NULL;
	}
	return plan;
}

/* redeploy_down.sql: what is there since it was last taken down. */
static const struct plan *plan_down(struct sim *sim, const struct row_trigger *trigger)
{
	struct row_deployment last, down;
	struct redeploy_target target;
	struct redeploy wanted = {.service = trigger->service,
		.environment = trigger->environment,
		.pipeline = STR("down"),
		.targets = &target,
		.outputs = outputs_of,
		.arg = sim};
	struct plan *plan = arena_new(&sim->arena, struct plan);
	bool is_there = rows_last_deployment(
		&sim->rows, trigger->service, trigger->environment, STR("qa-1"), rows_tried, NULL, &last);
	bool was_taken_down = rows_last_deployment(
		&sim->rows, trigger->service, trigger->environment, STR("qa-1"), rows_took_down, NULL, &down);
	if (is_there && !(was_taken_down && down.deployment->id > last.deployment->id))
		fill_target(sim, &last, 1, &target), wanted.target_count = 1;
	MIRROR(sim, plan_down, sim, trigger, &wanted);
	/* Whoever deployed last may not say how it is taken down: then it is tried again. */
	return wanted.target_count && redeploy_down(&wanted, &sim->arena, plan, NULL) ? plan : NULL;
}

static bool made_it(const struct rows *rows, const struct row_deployment *deployment, const void *version)
{
	return !rows_is_teardown(deployment) && !rows_run(rows, deployment->run)->is_rollback &&
	       str_eq(deployment->deployment->version, *(const struct str *)version);
}

static const struct plan *plan_forward(struct sim *sim, const struct row_trigger *trigger)
{
	struct row_deployment made;
	struct redeploy wanted = {
		.service = trigger->service, .environment = trigger->environment, .outputs = outputs_of, .arg = sim};
	struct plan *plan = arena_new(&sim->arena, struct plan);
	if (!rows_last_deployment(&sim->rows, trigger->service, trigger->environment, (struct str){0}, made_it,
		    &trigger->version, &made))
		return NULL;
	const struct run_graph *graph = &rows_run(&sim->rows, made.run)->graph;
	wanted.pipeline = graph->plan->pipeline;
	return redeploy_forward(graph->plan, graph->id, graph->id, graph->commit, trigger->version, &wanted,
		       &sim->arena, plan, NULL)
		       ? plan
		       : NULL;
}

const struct plan *triggers_plan(struct sim *sim, const struct row_trigger *trigger, size_t places)
{
	switch (trigger->kind) {
	case TRIGGER_PUSH:
		return plans_get(trigger->pipeline, places);
	case TRIGGER_BACK:
		return plan_back(sim, trigger);
	case TRIGGER_FORWARD:
		return plan_forward(sim, trigger);
	case TRIGGER_DOWN:
		return plan_down(sim, trigger);
	}
	return NULL;
}

static bool push(struct sim *sim, const struct sim_event *event)
{
	/* How often each comes; releases of one service into one place meet each other. */
	static const size_t chosen[] = {0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 7, 8, 8};
	if (sim->pushes == 7)
		return false;
	struct row_trigger trigger = {.kind = TRIGGER_PUSH,
		.pipeline = chosen[event->a % COUNT_OF(chosen)],
		.commit = arena_printf(&sim->arena, "%u", event->b % 9 + 1)};
	sim->pushes++;
	sim_say(sim, "  %s of commit %.*s", plans_name(trigger.pipeline), STR_ARG(trigger.commit));
	coordinator_wake(&sim->coordinators[event->c % COORDINATORS], WAKE_TRIGGER, triggers_add(sim, trigger));
	return true;
}

/* --- what people say about runs --- */

static bool is_open(const struct row_run *run)
{
	return !run_is_over(run->graph.state);
}

static bool has_open_gate(const struct row_run *run)
{
	for (size_t i = 0; i < run->graph.gate_count; i++)
		if (run->graph.gates[i].state == GATE_OPEN)
			return true;
	return false;
}

static bool may_be_retried(const struct row_run *run)
{
	return run->graph.state == RUN_FAILED || run->graph.state == RUN_RUNNING || run->graph.state == RUN_WAITING;
}

static bool has_unknown(const struct row_run *run)
{
	for (size_t i = 0; i < run->graph.deployment_count; i++)
		if (run->graph.deployments[i].state == DEPLOYMENT_UNKNOWN)
			return true;
	return false;
}

static struct row_run *pick(const struct sim *sim, uint32_t n, bool (*fits)(const struct row_run *))
{
	struct row_run *found[RUNS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < sim->rows.run_count; i++)
		if (fits(sim->rows.runs[i]))
			found[count++] = sim->rows.runs[i];
	return count ? found[n % count] : NULL;
}

static bool ask(struct sim *sim, const struct row_run *run, struct engine_event event, uint32_t person, uint32_t to)
{
	static const char *const names[] = {[ENGINE_LOOK] = "looks",
		[ENGINE_ENDED] = "ended",
		[ENGINE_DECIDED] = "decides",
		[ENGINE_UNDECIDED] = "takes back",
		[ENGINE_CANCEL] = "cancels",
		[ENGINE_RETRY] = "retries",
		[ENGINE_RESOLVE] = "resolves",
		[ENGINE_ACCEPT] = "accepts"};
	event.person = &sim_people[person % PEOPLE];
	sim_say(sim, "  %.*s %s %.*s %.*s %.*s", STR_ARG(event.person->name), names[event.kind],
		STR_ARG(run->graph.name), STR_ARG(event.text), STR_ARG(event.verdict));
	return coordinator_ask(sim, &sim->coordinators[to % COORDINATORS], run->graph.id, &event);
}

static bool decide(struct sim *sim, const struct sim_event *event)
{
	const struct row_run *run = pick(sim, event->a, has_open_gate);
	if (!run)
		return false;
	/* Now and then a gate that somebody saw long ago. */
	size_t at = event->c % 16 == 0 ? event->c / 16 % run->graph.gate_count : run->graph.gate_count - 1;
	return ask(sim, run,
		(struct engine_event){.kind = ENGINE_DECIDED,
			.gate = run->graph.gates[at].id,
			.is_approval = event->kind == SIM_APPROVE,
			.not_before = event->c % 11 == 3 ? sim->rows.now_us + event->b % 900 * INT64_C(1000000) : 0,
			.text = event->c % 5 ? STR("fine") : (struct str){0}},
		event->b, event->c);
}

/* As reviews that a forge does not show any more. */
static bool undecide(struct sim *sim, const struct sim_event *event)
{
	const struct row_run *run = pick(sim, event->a, has_open_gate);
	if (!run)
		return false;
	const struct graph_gate *gate = &run->graph.gates[run->graph.gate_count - 1];
	uint32_t who = event->b;
	if (gate->decision_count && event->c % 8)
		who = (uint32_t)gate->decisions[event->b % gate->decision_count].account - 1;
	return ask(sim, run, (struct engine_event){.kind = ENGINE_UNDECIDED, .gate = gate->id}, who, event->c);
}

static bool cancel(struct sim *sim, const struct sim_event *event)
{
	struct row_run *run = pick(sim, event->a, is_open);
	if (!run || !ask(sim, run, (struct engine_event){.kind = ENGINE_CANCEL}, 1, event->c))
		return false;
	run->was_stopped = true;
	return true;
}

static bool retry(struct sim *sim, const struct sim_event *event)
{
	const struct row_run *run = pick(sim, event->a, may_be_retried);
	if (!run)
		return false;
	struct engine_event asked = {.kind = ENGINE_RETRY};
	size_t at = event->b / 4 % run->graph.job_count;
	for (size_t i = 0; i < run->graph.job_count && event->b % 4 > 1;
		i++) { /* one that may be retried, if there is one */
		enum job_state state = run->graph.jobs[at].state;
		at = state == JOB_FAILED || state == JOB_LOST ? at : (at + 1) % run->graph.job_count;
	}
	if (event->b % 4)
		asked.text = run->graph.jobs[at].key;
	return ask(sim, run, asked, 1, event->c);
}

static bool asks_people(const struct row_run *run)
{
	for (size_t i = 0; i < run->graph.wave_count; i++)
		if (run->graph.waves[i].state == WAVE_BAKING && run->graph.waves[i].asked_at)
			return true;
	return false;
}

static bool is_baking(const struct row_run *run)
{
	for (size_t i = 0; i < run->graph.wave_count; i++)
		if (run->graph.waves[i].state == WAVE_BAKING)
			return true;
	return false;
}

/* Now and then a word that nobody has asked for. */
static bool accept(struct sim *sim, const struct sim_event *event)
{
	struct row_run *run = pick(sim, event->a, event->c % 8 ? asks_people : is_baking);
	return run && ask(sim, run,
			      (struct engine_event){.kind = ENGINE_ACCEPT,
				      .text = event->b % 8 ? STR("it is good") : (struct str){0}},
			      1, event->c);
}

static bool resolve(struct sim *sim, const struct sim_event *event)
{
	static const struct str verdicts[] = {{"live", 4}, {"failed", 6}, {"retry", 5}, {"perhaps", 7}};
	struct row_run *run = pick(sim, event->a, has_unknown);
	if (!run)
		return accept(sim, event);
	size_t at = event->b % run->graph.deployment_count;
	while (event->c % 8 && run->graph.deployments[at].state != DEPLOYMENT_UNKNOWN)
		at = (at + 1) % run->graph.deployment_count;
	return ask(sim, run,
		(struct engine_event){.kind = ENGINE_RESOLVE,
			.text = run->graph.deployments[at].target,
			.verdict = verdicts[sim->is_calm ? 1 : event->c / 8 % COUNT_OF(verdicts)]},
		1, event->c);
}

/* override_place.sql: the run's next stage to deploy passes what is frozen. */
static bool override(struct sim *sim, const struct sim_event *event)
{
	struct row_run *run = pick(sim, event->a, is_open);
	for (size_t i = 0; run && i < run->graph.stage_count; i++) {
		if (!run->graph.stages[i].plan->delivery || stage_is_over(run->graph.stages[i].state))
			continue;
		run->overrides_freeze[i] = true;
		run->graph.version++;
		MIRROR(sim, override, sim, run->graph.id);
		return true;
	}
	return false;
}

/* --- what people say about versions --- */

static bool roll_back(struct sim *sim, const struct sim_event *event)
{
	static const struct str services[] = {{"web", 3}, {"api", 3}}, environments[] = {{"qa", 2}, {"prod", 4}};
	struct str to = event->c % 3 ? (struct str){0} : arena_printf(&sim->arena, "v%u", event->c / 3 % 9 + 1);
	struct str service = services[event->a % 4 == 0], environment = environments[event->b % 4 > 0];
	if (sim->rows.trigger_count > RUNS_MAX - 6)
		return false;
	bool is_asked = rows_ask_back(&sim->rows, service, environment, to);
	MIRROR(sim, ask_back, sim, service, environment, to, is_asked);
	if (!is_asked)
		return false;
	coordinator_wake(&sim->coordinators[event->c % COORDINATORS], WAKE_TRIGGER, (int64_t)sim->rows.trigger_count);
	return true;
}

static bool deploy(struct sim *sim, const struct sim_event *event)
{
	struct row_deployment last;
	const struct row_run *run = pick(sim, event->a, is_open);
	struct str service = event->b % 4 ? STR("web") : STR("api");
	if (!run || sim->rows.trigger_count > RUNS_MAX - 6 ||
		!rows_last_deployment(&sim->rows, service, STR("prod"), (struct str){0}, rows_reached, NULL, &last))
		return false;
	struct row_trigger trigger = {.kind = TRIGGER_FORWARD,
		.commit = rows_run(&sim->rows, last.run)->graph.commit,
		.service = service,
		.environment = STR("prod"),
		.version = last.deployment->version};
	coordinator_wake(&sim->coordinators[event->c % COORDINATORS], WAKE_TRIGGER, triggers_add(sim, trigger));
	return true;
}

static bool release(struct sim *sim, const struct sim_event *event)
{
	if (sim->rows.quarantine_count == 0)
		return false;
	struct row_quarantine *held = &sim->rows.quarantines[event->a % sim->rows.quarantine_count];
	if (held->is_released)
		return false;
	held->is_released = true;
	rows_quarantine_changed(&sim->rows, held->service);
	MIRROR(sim, release, sim, held);
	return true;
}

/* quarantine_fixed.sql */
static bool fix(struct sim *sim, const struct sim_event *event)
{
	struct rows *rows = &sim->rows;
	if (rows->quarantine_count == 0 || rows->run_count == 0)
		return false;
	struct row_quarantine *held = &rows->quarantines[event->a % rows->quarantine_count];
	const struct run_graph *graph = &rows->runs[event->b % rows->run_count]->graph;
	if (held->is_released)
		return false;
	held->fixed_commit = graph->commit;
	rows_quarantine_changed(rows, held->service);
	MIRROR(sim, fix, sim, held, graph->id);
	sim_say(sim, "  %.*s mends %.*s", STR_ARG(graph->name), STR_ARG(held->version));
	return true;
}

static bool takes_down(const struct row_run *run)
{
	const struct plan_delivery *delivery = run->graph.stages[0].plan->delivery;
	return is_open(run) && delivery && delivery->priority == PLAN_PRIORITY_TEARDOWN;
}

static bool set_expiry(struct sim *sim, const struct sim_event *event)
{
	static const int64_t times_ms[] = {ROWS_NEVER, 1, 300000, 1200000};
	struct str service = event->a % 4 ? STR("api") : STR("web"),
		   environment = event->a / 4 % 8 ? STR("qa") : STR("prod");
	int64_t in_ms = times_ms[event->b % COUNT_OF(times_ms)];
	const struct row_run *down = pick(sim, event->a, takes_down);
	if (down && event->c % 4) { /* it is about time to say so */
		service = down->graph.stages[0].plan->delivery->service;
		environment = down->graph.stages[0].plan->environment;
	}
	bool is_operator = event->c % 2;
	bool is_there = rows_set_expiry(&sim->rows, service, environment, in_ms, is_operator);
	MIRROR(sim, set_expiry, sim, service, environment, in_ms, is_operator, is_there);
	sim_say(sim, "  %.*s in %.*s: in %lld ms", STR_ARG(service), STR_ARG(environment), (long long)in_ms);
	return is_there;
}

/* pull_abandon.sql */
static bool abandon(struct sim *sim, const struct sim_event *event)
{
	struct row_run *run = pick(sim, event->a, is_open);
	if (!run || run->is_rollback)
		return false;
	run->graph.abandoned = STR("its pull request was closed");
	run->graph.version++;
	run->was_stopped = true;
	MIRROR(sim, abandon, sim, run->graph.id);
	return true;
}

bool people_event(struct sim *sim, const struct sim_event *event)
{
	switch ((int)event->kind) {
	case SIM_PUSH:
		return push(sim, event);
	case SIM_APPROVE:
	case SIM_REFUSE:
		return decide(sim, event);
	case SIM_UNDECIDE:
		return undecide(sim, event);
	case SIM_CANCEL:
		return cancel(sim, event);
	case SIM_RETRY:
		return retry(sim, event);
	case SIM_RESOLVE:
		return resolve(sim, event);
	case SIM_ROLL_BACK:
		return roll_back(sim, event);
	case SIM_DEPLOY:
		return deploy(sim, event);
	case SIM_RELEASE:
		return release(sim, event);
	case SIM_FIX:
		return fix(sim, event);
	case SIM_EXPIRE:
		return set_expiry(sim, event);
	case SIM_OVERRIDE:
		return override(sim, event);
	case SIM_ABANDON:
		return abandon(sim, event);
	}
	return false;
}

/* What waits for somebody's word gets it in the end. */
static void say_the_word(struct sim *sim, unsigned round)
{
	for (uint32_t i = 0; round % 12 == 5 && i < sim->rows.run_count; i++)
		override(sim, &(struct sim_event){.a = i});
	for (uint32_t i = 0; round % 40 == 30 && i < sim->rows.quarantine_count; i++)
		release(sim, &(struct sim_event){.a = i});
}

void people_decide(struct sim *sim, unsigned round)
{
	say_the_word(sim, round);
	uint32_t who = round % (PEOPLE - 1);
	for (uint32_t i = 0; i < sim->rows.run_count; i++) {
		const struct row_run *run = sim->rows.runs[i];
		struct sim_event event = {.c = 1 + i % COORDINATORS};
		if (has_unknown(run) && pick(sim, 0, has_unknown) == run)
			resolve(sim, &event);
		if (asks_people(run) && pick(sim, 0, asks_people) == run)
			accept(sim, &(struct sim_event){.b = 1, .c = event.c});
		if (!has_open_gate(run))
			continue;
		ask(sim, run,
			(struct engine_event){.kind = ENGINE_DECIDED,
				.gate = run->graph.gates[run->graph.gate_count - 1].id,
				.is_approval = true,
				.text = STR("fine")},
			who, i);
	}
}

/* --- monitors, calendars, clocks --- */

static void sample(struct sim *sim, size_t which)
{
	struct row_alarm *alarm = &sim->rows.alarms[which];
	alarm->samples[alarm->sample_count % SAMPLES_MAX] = sim->rows.now_us;
	if (alarm->sample_count + 1 < SAMPLES_MAX)
		alarm->sample_count++;
	MIRROR(sim, sample, sim, which);
}

static void change_alarm(struct sim *sim, const struct sim_event *event)
{
	static const struct str states[] = {{"ok", 2}, {"ok", 2}, {"ok", 2}, {"firing", 6}, {"unknown", 7}};
	struct str state = states[event->b % COUNT_OF(states)];
	rows_change_alarm(&sim->rows, event->a % ALARMS, state);
	MIRROR(sim, alarm, sim, event->a % ALARMS);
	sim_say(sim, "  %s is %.*s", event->a % ALARMS ? "slow" : "errors", STR_ARG(state));
}

/* --- what is closed --- */

static void lift(struct sim *sim, size_t blocker)
{
	MIRROR(sim, lift, sim, blocker);
	rows_lift(&sim->rows, blocker);
}

static void configure(struct sim *sim, size_t configuration)
{
	rows_configure(&sim->rows, configuration);
	MIRROR(sim, configure, sim);
	sim_say(sim, "  the configuration closes %zu", configuration);
}

static void freeze(struct sim *sim, const struct sim_event *event)
{
	static const struct str services[] = {{"", 0}, {"", 0}, {"web", 3}, {"api", 3}},
				environments[] = {{"qa", 2}, {"prod", 4}, {"prod", 4}, {"", 0}};
	struct rows *rows = &sim->rows;
	struct str service = services[event->a % 4], environment = environments[event->a / 4 % 4];
	if (rows->policy.blocker_count && event->b % 3) {
		lift(sim, event->b / 3 % rows->policy.blocker_count);
		sim_say(sim, "  a stop of the line is lifted");
	} else if (rows_stop(rows, service, environment)) {
		MIRROR(sim, stop, sim, service, environment);
		sim_say(sim, "  the line is stopped for \"%.*s\" in \"%.*s\"", STR_ARG(service), STR_ARG(environment));
	}
	/* Whoever did it knows; the others hear of it, or not. */
	coordinator_look(sim, &sim->coordinators[event->c % COORDINATORS]);
}

void people_open(struct sim *sim)
{
	while (sim->rows.policy.blocker_count)
		lift(sim, 0);
	if (sim->rows.policy.configuration)
		configure(sim, 0);
}

static void jump(struct sim *sim, const struct sim_event *event)
{
	int64_t far = event->c % 8 ? 3000000 : INT64_C(1200000000);
	sim->coordinators[event->a % COORDINATORS].skew_us = (int64_t)event->b % (2 * far) - far;
}

bool outside_event(struct sim *sim, const struct sim_event *event)
{
	switch ((int)event->kind) {
	case SIM_FREEZE:
		freeze(sim, event);
		return true;
	case SIM_CLOSE:
		configure(sim, event->b % 2 ? event->a % POLICIES : 0);
		return true;
	case SIM_ALARM:
		change_alarm(sim, event);
		return true;
	case SIM_SAMPLE:
		sample(sim, event->a % ALARMS);
		return true;
	case SIM_CONFIGURE:
		sim->rows.policy.places = (sim->rows.policy.places + 1) % CONFIGURATIONS;
		configure(sim, sim->rows.policy.configuration);
		return true;
	case SIM_WAIT:
		/* Slow ones are too late for their leases when much time passes. */
		sim->rows.now_us += (int64_t)(event->a % 8 ? event->b % 30 : event->b % 900) * 1000000;
		if (event->a % 128 == 8) /* or a week */
			sim->rows.now_us += INT64_C(8) * 24 * 3600 * 1000000;
		return worker_event(sim, &(struct sim_event){.kind = SIM_RENEW, .a = event->c});
	case SIM_JUMP:
		jump(sim, event);
		return true;
	}
	return false;
}
