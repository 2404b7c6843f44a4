#include "server/engine/plan_configuration.h"

#include "common/json.h"
#include "common/mem.h"
#include "server/engine/planning.h"

static struct str_list list_of(const struct lang_texts *texts, struct arena *arena)
{
	struct str_list list = {.items = arena_array(arena, struct str, texts->count), .count = texts->count};
	for (size_t i = 0; i < texts->count; i++)
		list.items[i] = texts->items[i].text;
	return list;
}

static struct pair_list pairs_of(const struct lang_pairs *pairs, struct arena *arena)
{
	struct pair_list list = {0};
	for (size_t i = 0; i < pairs->count; i++)
		pair_set(&list, arena, pairs->items[i].name.text, pairs->items[i].value.text);
	return list;
}

struct plan_gate *plan_gate_of(const struct pipeline_gate *gate, struct arena *arena)
{
	if (!LANG_IS_SET(*gate) || gate->is_none)
		return NULL;
	struct plan_gate *made = arena_new(arena, struct plan_gate);
	made->approvals = LANG_IS_SET(gate->approvals) ? (int32_t)gate->approvals.value : 1;
	made->groups = list_of(&gate->groups, arena);
	made->require = pairs_of(&gate->require, arena);
	made->author = gate->author.value == PIPELINE_AUTHOR_DENY ? PLAN_AUTHOR_DENY : PLAN_AUTHOR_ALLOW;
	made->is_comment_required = gate->comment.value == PIPELINE_COMMENT_REQUIRED;
	made->timeout_ms = gate->timeout.ms;
	return made;
}

static struct plan_floor floor_of(const struct configuration_floor *floor, struct arena *arena)
{
	return (struct plan_floor){
		.pipelines = list_of(&floor->pipelines, arena),
		.refs = list_of(&floor->refs, arena),
		.after = floor->after.text,
		.gate = plan_gate_of(&floor->gate, arena),
		.alarms = list_of(&floor->alarms, arena),
		.bake_ms = floor->bake.ms,
		.min_points = (int32_t)floor->min_points.value,
		.labels = list_of(&floor->labels, arena),
		.needs_full = LANG_IS_SET(floor->sandbox) && floor->sandbox.value == PIPELINE_SANDBOX_FULL,
		.window = floor->window.text,
	};
}

static struct plan_grant *grant_of(const struct configuration_grant *grant, struct arena *arena)
{
	struct plan_grant *made = arena_new(arena, struct plan_grant);
	*made = (struct plan_grant){
		.name = grant->name.text,
		.refs = list_of(&grant->refs, arena),
		.skip = list_of(&grant->skip, arena),
		.gate = plan_gate_of(&grant->gate, arena),
		.lowers_gate = LANG_IS_SET(grant->gate),
		.lowers_bake = LANG_IS_SET(grant->bake),
		.lowers_points = LANG_IS_SET(grant->min_points),
		.lowers_window = LANG_IS_SET(grant->window),
		.lowers_alarms = grant->alarms.value,
		.bake_ms = grant->bake.ms,
		.min_points = (int32_t)grant->min_points.value,
		.window = grant->window.text,
	};
	return made;
}

static const struct configuration_grant *find_grant(
	const struct configuration *configuration, struct str environment, struct str pipeline, struct str ref)
{
	for (size_t i = 0; i < configuration->grants.count; i++) {
		const struct configuration_grant *grant = &configuration->grants.items[i];
		if (str_eq(grant->pipeline.text, pipeline) && configuration_fits(&grant->environments, environment) &&
			configuration_fits(&grant->refs, ref))
			return grant;
	}
	return NULL;
}

static void fill_targets(
	struct plan_environment *made, const struct configuration_environment *environment, struct arena *arena)
{
	made->target_count = environment->targets.count;
	made->targets = arena_array(arena, struct plan_target, made->target_count);
	for (size_t i = 0; i < made->target_count; i++) {
		const struct configuration_target *target = &environment->targets.items[i];
		made->targets[i] = (struct plan_target){
			.name = target->name.text,
			.url = target->url.text,
			.variables = pairs_of(&target->variables, arena),
			.labels = list_of(&target->labels, arena),
			.wave = LANG_IS_SET(target->wave) ? (int32_t)target->wave.value : 1,
		};
	}
}

static struct str nearest(const struct configuration *configuration, struct str name, struct arena *arena)
{
	size_t count = configuration->environments.count;
	const char **names = arena_array(arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		names[i] = arena_str(arena, configuration->environments.items[i].name.text).p;
	const char *found = str_nearest(name, names);
	return found ? arena_printf(arena, "; did you mean \"%s\"?", found) : STR(".");
}

bool plan_configuration_environment(void *arg, struct str name, struct str pipeline, struct str ref,
	struct arena *arena, struct plan_environment *ret, struct err *err)
{
	const struct configuration *configuration = arg;
	const struct configuration_environment *environment = configuration_environment(configuration, name);
	if (!environment)
		return err_set(err, ERR_NOT_FOUND,
			"there is no environment \"%.*s\"%.*s An admin adds one with \"penstock config apply\"",
			STR_ARG(name), STR_ARG(nearest(configuration, name, arena)));
	struct plan_environment made = {
		.name = name,
		.tier = str_or_empty(environment->tier.text),
		.variables = pairs_of(&environment->variables, arena),
		.is_fifo = environment->lane.value == CONFIGURATION_LANE_FIFO,
		.floor = floor_of(&environment->floor, arena),
	};
	const struct configuration_grant *grant = find_grant(configuration, name, pipeline, ref);
	const struct configuration_tier *tier = configuration_tier_of(configuration, environment);
	made.grant = grant ? grant_of(grant, arena) : NULL;
	made.checks[0] = environment->checks.items;
	made.check_counts[0] = environment->checks.count;
	made.checks[1] = tier ? tier->checks.items : NULL;
	made.check_counts[1] = tier ? tier->checks.count : 0;
	made.policies[0] = list_of(&environment->policies, arena);
	if (tier)
		made.policies[1] = list_of(&tier->policies, arena);
	fill_targets(&made, environment, arena);
	*ret = made;
	return true;
}

struct str plan_configuration_alarm(void *arg, struct str name, struct arena *arena)
{
	const struct configuration_alarm *alarm = configuration_alarm(arg, name);
	if (!alarm)
		return STR("");
	json_t *json = configuration_describe_alarm(alarm);
	struct str rule = json_text(json, arena);
	json_decref(json);
	return rule;
}

bool plan_configuration_knows(void *arg, struct str service)
{
	return configuration_service(arg, service) != NULL;
}

bool plan_configuration_may_read(void *arg, struct str service, struct str other)
{
	return configuration_may_read(arg, service, other);
}

struct str plan_configuration_service(const struct configuration *configuration, struct str repository)
{
	const struct configuration_service *named = configuration_service(configuration, repository), *only = NULL;
	size_t count = 0;
	if (named && str_eq(configuration_repository(named), repository))
		return named->name.text;
	for (size_t i = 0; i < configuration->services.count; i++) {
		if (!str_eq(configuration_repository(&configuration->services.items[i]), repository))
			continue;
		only = &configuration->services.items[i];
		count++;
	}
	return count == 1 ? only->name.text : STR("");
}
