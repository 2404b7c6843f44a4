/* How a wave ends: its checks, its bake, and the person who is asked where these tell nothing. Implements those parts
 * of delivery.h and delivery_parts.h. */
#include "common/clock.h"
#include "common/json.h"
#include "server/engine/delivery_parts.h"
#include "server/engine/settle.h"

/* Monitors come late: what is missing is waited for three times as long as the wave bakes, and for a minute behind
 * it at least. */
enum { PATIENCE_TIMES = 3 };
#define PATIENCE_MIN_US (60 * US_PER_SECOND)

static struct str time_text(const struct run_graph *graph, int64_t at)
{
	char text[CLOCK_TEXT_BYTES];
	clock_say(at, text);
	return str_of(arena_strdup(graph->arena, text));
}

static const struct plan_wave *plan_of(const struct run_graph *graph, const struct graph_wave *wave)
{
	return &rules_of(graph, wave->stage)->waves[wave->number - 1];
}

void delivery_start_bake(struct run_graph *graph, struct graph_wave *wave)
{
	graph_move_wave(graph, wave, WAVE_BAKE);
	wave->bake_until = graph->now_us + plan_of(graph, wave)->bake_ms * 1000;
	wave->asked_at = 0;
	wave->accepted = (struct str){0};
}

static void end_bake(struct run_graph *graph, size_t at, struct effects *effects)
{
	struct graph_wave *wave = &graph->waves[at];
	graph_move_wave(graph, wave, WAVE_SUCCEED);
	effects->relies_on = wave->stage + 1;
	for (size_t i = 0; !is_teardown(graph, wave->stage) && i < graph->deployment_count; i++) {
		struct graph_deployment *deployment = &graph->deployments[i];
		if (deployment->wave != at || deployment->state != DEPLOYMENT_LIVE)
			continue;
		deployment->baked_at = graph->now_us;
		deployment->is_dirty = true;
	}
}

/* --- people --- */

static void call_people(struct run_graph *graph, size_t index, struct effects *effects, struct str text)
{
	effects->calls = arena_grow(graph->arena, effects->calls, sizeof *effects->calls, effects->call_count);
	effects->calls[effects->call_count++] = (struct engine_call){.stage = index, .text = text};
}

static struct str way_back(const struct run_graph *graph, size_t index)
{
	return arena_printf(graph->arena, "penstock rollback %.*s %.*s", STR_ARG(rules_of(graph, index)->service),
		STR_ARG(graph->stages[index].plan->environment));
}

static struct str missing_points(const struct run_graph *graph, const struct graph_wave *wave)
{
	int32_t wanted = plan_of(graph, wave)->min_points;
	for (size_t i = 0; !is_rollback(graph, wave->stage) && i < graph->facts.alarm_count; i++) {
		const struct graph_alarm *alarm = &graph->facts.alarms[i];
		if (!str_is(alarm->state, "ok"))
			return delivery_wait_for_alarm(graph, alarm);
		if (alarm->points < wanted)
			return arena_printf(graph->arena, "data points of the alarm \"%.*s\": %lld of %d",
				STR_ARG(alarm->name), (long long)alarm->points, wanted);
	}
	return (struct str){0};
}

static bool is_firing(const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->facts.alarm_count; i++)
		if (str_is(graph->facts.alarms[i].state, "firing"))
			return true;
	return false;
}

/* One that goes past a firing alarm by its grant, and has not made it ok, is for people at once. */
static bool is_for_people(const struct run_graph *graph, const struct graph_wave *wave)
{
	int64_t bake_us = plan_of(graph, wave)->bake_ms * 1000;
	int64_t patience =
		bake_us * (PATIENCE_TIMES - 1) > PATIENCE_MIN_US ? bake_us * (PATIENCE_TIMES - 1) : PATIENCE_MIN_US;
	return is_firing(graph) || graph->now_us >= wave->bake_until + patience;
}

static struct str wait_for_word(const struct run_graph *graph, const struct graph_wave *wave, struct str missing)
{
	struct str now = missing.n ? arena_printf(graph->arena, "it lacks %.*s", STR_ARG(missing))
				   : STR("what it lacked is there by now");
	return arena_printf(graph->arena,
		"an operator to say whether wave %d of %.*s is good (penstock accept %.*s REASON, or %.*s), asked %.*s: "
		"%.*s",
		wave->number, STR_ARG(graph->stages[wave->stage].plan->environment), STR_ARG(graph->name),
		STR_ARG(way_back(graph, wave->stage)), STR_ARG(time_text(graph, wave->asked_at)), STR_ARG(now));
}

static void ask(struct run_graph *graph, struct graph_wave *wave, struct str missing, struct effects *effects)
{
	wave->asked_at = graph->now_us;
	wave->is_dirty = true;
	call_people(graph, wave->stage, effects,
		arena_printf(graph->arena, "%.*s waits for %.*s", STR_ARG(graph->name),
			STR_ARG(wait_for_word(graph, wave, missing))));
}

/* --- checks --- */

struct checks {
	bool is_over;
	bool has_failed;
	bool is_late; /* each that failed ended when the wave had baked */
};

static struct checks checks_of(const struct run_graph *graph, const struct graph_wave *wave)
{
	const struct graph_stage *stage = &graph->stages[wave->stage];
	struct checks checks = {.is_over = true, .is_late = plan_of(graph, wave)->bake_ms > 0};
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		/* A check that failed was perhaps tried again while somebody looked why. */
		if (is_of(job, wave, PLAN_PART_DIAGNOSE))
			checks.is_over &= job->state == JOB_BLOCKED || job_is_over(job->state);
		if (!is_of(job, wave, PLAN_PART_TEST))
			continue;
		checks.is_over &= job_is_over(job->state);
		if (!settle_job_failed(job))
			continue;
		checks.has_failed = true;
		checks.is_late &= job->ended_at > wave->bake_until;
	}
	return checks;
}

/* The release has run for all of its bake under the eyes of its alarms, and others may rely on it by now: it goes no
 * further, and whether it goes back is for people. */
static void fail_late(struct run_graph *graph, size_t at, struct effects *effects)
{
	struct graph_wave *wave = &graph->waves[at];
	size_t index = wave->stage;
	struct str why = arena_printf(graph->arena,
		"%.*s, when wave %d of %.*s had baked: it goes no further, and nothing goes back by itself (%.*s)",
		STR_ARG(settle_describe_failure(graph, index)), wave->number,
		STR_ARG(graph->stages[index].plan->environment), STR_ARG(way_back(graph, index)));
	call_people(graph, index, effects,
		arena_printf(graph->arena, "%.*s has failed: %.*s", STR_ARG(graph->name), STR_ARG(why)));
	graph_move_wave(graph, wave, WAVE_FAIL);
	delivery_fail(graph, index, why);
}

/* True: the wave goes no further for now. */
static bool is_checked(struct run_graph *graph, size_t at, struct effects *effects)
{
	struct graph_wave *wave = &graph->waves[at];
	const struct graph_stage *stage = &graph->stages[wave->stage];
	for (size_t i = 0; i < stage->job_count; i++)
		if (is_of(&graph->jobs[stage->first_job + i], wave, PLAN_PART_TEST))
			settle_job(graph, &graph->jobs[stage->first_job + i], effects);
	struct checks checks = checks_of(graph, wave);
	if (!checks.is_over || !checks.has_failed)
		return checks.is_over;
	if (!delivery_is_diagnosed(graph, wave->stage, at, false, effects))
		return false;
	if (checks.is_late)
		fail_late(graph, at, effects);
	else
		delivery_fail_wave(graph, wave->stage, at, settle_describe_failure(graph, wave->stage), effects);
	return false;
}

void delivery_bake(struct run_graph *graph, size_t at, struct effects *effects, struct str *ret_wait)
{
	struct graph_wave *wave = &graph->waves[at];
	if (!is_checked(graph, at, effects))
		return;
	if (graph->now_us < wave->bake_until) {
		*ret_wait = arena_printf(graph->arena, "wave %d of %.*s to bake until %.*s", wave->number,
			STR_ARG(graph->stages[wave->stage].plan->environment),
			STR_ARG(time_text(graph, wave->bake_until)));
		return;
	}
	struct str missing = missing_points(graph, wave);
	if (missing.n && !wave->asked_at && is_for_people(graph, wave))
		ask(graph, wave, missing, effects);
	if (wave->asked_at)
		*ret_wait = wait_for_word(graph, wave, missing);
	else if (missing.n)
		*ret_wait = missing;
	else
		end_bake(graph, at, effects);
}

/* --- their answer --- */

static struct graph_wave *asking_wave(struct run_graph *graph)
{
	for (size_t i = 0; graph->ending == RUN_PENDING && i < graph->wave_count; i++)
		if (graph->waves[i].state == WAVE_BAKING && graph->waves[i].asked_at)
			return &graph->waves[i];
	return NULL;
}

static void note_word(const struct run_graph *graph, const struct engine_event *event, const struct graph_wave *wave,
	struct effects *effects)
{
	effects->notes = arena_grow(graph->arena, effects->notes, sizeof *effects->notes, effects->note_count);
	effects->notes[effects->note_count++] = (struct engine_note){"wave.accepted",
		json_pack("{s:o, s:i, s:o, s:o}", "stage", json_of_str(graph->stages[wave->stage].plan->name), "wave",
			wave->number, "by", json_of_str(event->person->name), "reason", json_of_str(event->text))};
}

bool delivery_accept(
	struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err)
{
	struct graph_wave *wave = asking_wave(graph);
	if (!wave)
		return err_set(
			err, ERR_CONFLICT, "%.*s has no wave that asks for somebody's word", STR_ARG(graph->name));
	if (str_trim(event->text).n == 0)
		return err_set(err, ERR_INVALID, "say why wave %d of %.*s is good", wave->number,
			STR_ARG(graph->stages[wave->stage].plan->environment));
	const struct graph_alarm *alarm = delivery_fired(graph, wave->stage, wave);
	if (alarm || graph->facts.quarantined.n)
		return err_set(err, ERR_CONFLICT, "%.*s has been condemned meanwhile%s%.*s", STR_ARG(graph->name),
			alarm ? " by the alarm " : "", STR_ARG(alarm ? alarm->name : STR("")));
	if (!checks_of(graph, wave).is_over)
		return err_set(
			err, ERR_CONFLICT, "a check of wave %d is at work again; wait for its end", wave->number);
	if (graph->now_us < wave->bake_until) /* by the clock of the server that asked it was over */
		return err_set(err, ERR_CONFLICT, "wave %d bakes until %.*s", wave->number,
			STR_ARG(time_text(graph, wave->bake_until)));
	wave->accepted = arena_printf(graph->arena, "%.*s: %.*s", STR_ARG(event->person->name), STR_ARG(event->text));
	note_word(graph, event, wave, effects);
	end_bake(graph, (size_t)(wave - graph->waves), effects);
	return true;
}
