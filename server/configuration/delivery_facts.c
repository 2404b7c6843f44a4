#include "server/configuration/delivery_facts.h"

#include "common/digest.h"
#include "common/zone_cache.h"

static struct str pinned(
	const struct configuration *configuration, const struct graph_stage *stage, struct arena *arena)
{
	const struct plan_stage *plan = stage->plan;
	const struct configuration_pin *pin =
		configuration_pin(configuration, plan->delivery->service, plan->environment);
	if (!pin || stage->version.n == 0 || str_eq(pin->version.text, stage->version))
		return (struct str){0};
	return arena_printf(arena, "the end of the pin \"%.*s\": %.*s in %.*s is pinned to %.*s: %.*s",
		STR_ARG(pin->name.text), STR_ARG(plan->delivery->service), STR_ARG(plan->environment),
		STR_ARG(digest_brief(pin->version.text)), STR_ARG(pin->reason.text));
}

/* The next wave's targets, which may have windows of their own. */
static const struct str_list *next_targets(const struct run_graph *graph, const struct graph_stage *stage)
{
	static const struct str_list none = {0};
	size_t index = (size_t)(stage - graph->stages), at = 0;
	for (size_t i = 0; i < graph->wave_count; i++) {
		if (graph->waves[i].stage != index)
			continue;
		enum wave_state state = graph->waves[i].state;
		bool is_again =
			stage->state == STAGE_FAILED && state != WAVE_SUCCEEDED; /* when somebody tries it again */
		if ((state == WAVE_PENDING || is_again) && at < stage->plan->delivery->wave_count)
			return &stage->plan->delivery->waves[at].targets;
		at++;
	}
	return &none;
}

/* Every change of what is closed bumps it, also one that this server has not seen yet. */
static bool is_current(const struct freeze_versions *versions, const struct run_graph *graph, struct str environment)
{
	for (size_t i = 0; i < versions->count; i++)
		if (str_eq(versions->items[i].environment, environment))
			return versions->items[i].version >= graph->facts.environment_version;
	return graph->facts.environment_version == 0;
}

bool delivery_facts_add(const struct configuration_snapshot *snapshot, struct run_graph *graph)
{
	if (graph->facts.stage == 0)
		return true;
	const struct graph_stage *stage = &graph->stages[graph->facts.stage - 1];
	const struct configuration_environment *place =
		configuration_environment(snapshot->configuration, stage->plan->environment);
	graph->facts.page =
		place && LANG_IS_SET(place->page) ? arena_str(graph->arena, place->page.url.text) : (struct str){0};
	if (!is_current(&snapshot->versions, graph, stage->plan->environment)) {
		graph->facts.frozen = STR("this server to read what has just been changed in the configuration");
		return false;
	}
	graph->facts.configuration = snapshot->problem.n ? 0 : snapshot->version;
	if (graph->facts.overrides_freeze) {
		graph->facts.frozen = pinned(snapshot->configuration, stage, graph->arena);
		return true;
	}
	const struct plan_stage *plan = stage->plan;
	const struct str windows[] = {plan->window, plan->delivery->floor_window};
	struct str set[2];
	size_t count = 0;
	for (size_t i = 0; i < 2; i++)
		if (windows[i].n)
			set[count++] = windows[i];
	struct freeze_question question = {
		.configuration = snapshot->configuration,
		.blockers = &snapshot->blockers,
		.zone = zone_cache,
		.service = plan->delivery->service,
		.environment = plan->environment,
		.windows = set,
		.window_count = count,
		.at = graph->now_us,
	};
	const struct str_list *targets = next_targets(graph, stage);
	struct freeze_answer answer;
	freeze_look(&question, graph->arena, &answer);
	for (size_t i = 0; i < targets->count && answer.kind == FREEZE_NONE; i++) {
		question.target = targets->items[i];
		freeze_look(&question, graph->arena, &answer);
	}
	graph->facts.frozen = answer.kind == FREEZE_NONE ? pinned(snapshot->configuration, stage, graph->arena)
							 : freeze_wait(&answer, graph->arena);
	return true;
}
