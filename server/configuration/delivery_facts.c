#include "server/configuration/delivery_facts.h"

#include "common/zone_cache.h"

static const struct graph_stage *current_stage(const struct run_graph *graph)
{
	const struct graph_stage *failed = NULL; /* it may be tried again */
	for (size_t i = 0; i < graph->stage_count; i++) {
		if (!stage_is_over(graph->stages[i].state))
			return graph->stages[i].plan->delivery ? &graph->stages[i] : NULL;
		if (graph->stages[i].state == STAGE_FAILED && graph->stages[i].plan->delivery && !failed)
			failed = &graph->stages[i];
	}
	return failed;
}

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
		STR_ARG(pin->version.text), STR_ARG(pin->reason.text));
}

/* The next wave's targets, which may have windows of their own. */
static const struct str_list *next_targets(const struct run_graph *graph, const struct graph_stage *stage)
{
	static const struct str_list none = {0};
	size_t index = (size_t)(stage - graph->stages), at = 0;
	for (size_t i = 0; i < graph->wave_count; i++) {
		if (graph->waves[i].stage != index)
			continue;
		if (graph->waves[i].state == WAVE_PENDING && at < stage->plan->delivery->wave_count)
			return &stage->plan->delivery->waves[at].targets;
		at++;
	}
	return &none;
}

void delivery_facts_add(const struct configuration_snapshot *snapshot, struct run_graph *graph)
{
	const struct graph_stage *stage = current_stage(graph);
	if (!stage)
		return;
	if (graph->facts.overrides_freeze) {
		graph->facts.frozen = pinned(snapshot->configuration, stage, graph->arena);
		return;
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
}
