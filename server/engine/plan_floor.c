#include "server/engine/planning.h"

#include "common/glob.h"

/*
 * What a protected environment demands, whatever the file says: the stricter of both is planned, and what may not go
 * there at all is refused with who may. A grant lowers exactly the fields that it names.
 */

static bool is_earlier(const struct planning *in, struct str environment)
{
	for (size_t i = 0; i < in->plan.stage_count; i++)
		if (!in->plan.stages[i].is_skipped && str_eq(in->plan.stages[i].environment, environment))
			return true;
	return false;
}

struct str planning_ref(const struct planning *in)
{
	const struct plan_context *context = in->context;
	return context->branch.n ? context->branch : context->tag;
}

static bool takes_ref(const struct planning *in, const struct str_list *refs)
{
	return refs->count == 0 || glob_list_match(refs, planning_ref(in));
}

static void check_way_in(struct planning *in, const struct plan_environment *environment)
{
	const struct plan_floor *floor = &environment->floor;
	const struct plan_grant *grant = environment->grant;
	struct arena *arena = in->arena;
	struct str name = environment->name;
	if (floor->pipelines.count && !glob_list_match(&floor->pipelines, in->plan.pipeline))
		planning_refuse(
			in, arena_printf(arena, "%.*s takes deployments of the pipelines %.*s; this is \"%.*s\"",
				    STR_ARG(name), STR_ARG(str_list_join(&floor->pipelines, ", ", arena)),
				    STR_ARG(in->plan.pipeline)));
	if (!takes_ref(in, &floor->refs) && !(grant && takes_ref(in, &grant->refs)))
		planning_refuse(
			in, arena_printf(arena, "%.*s takes deployments from %.*s; this is \"%.*s\"", STR_ARG(name),
				    STR_ARG(str_list_join(&floor->refs, ", ", arena)), STR_ARG(planning_ref(in))));
	bool is_excused = grant && str_list_has(&grant->skip, floor->after);
	if (floor->after.n && !is_excused && !is_earlier(in, floor->after))
		planning_refuse(in,
			arena_printf(arena,
				"%.*s takes only what went through %.*s in the same run; add that stage before it, or let a "
				"grant for the pipeline \"%.*s\" skip it",
				STR_ARG(name), STR_ARG(floor->after), STR_ARG(in->plan.pipeline)));
}

/* --- the gate --- */

static struct str_list common_groups(struct planning *in, const struct str_list *a, const struct str_list *b)
{
	struct str_list both = {0};
	if (a->count == 0 || b->count == 0)
		return a->count ? *a : *b;
	for (size_t i = 0; i < a->count; i++)
		if (str_list_has(b, a->items[i]))
			planning_add(in, &both, a->items[i]);
	return both.count ? both : *b;
}

static int64_t number_of(struct str text)
{
	int64_t number = 0;
	str_to_i64(text, &number);
	return number;
}

static struct pair_list larger_minimums(struct planning *in, const struct pair_list *a, const struct pair_list *b)
{
	struct pair_list made = {0};
	for (size_t i = 0; i < a->count; i++)
		pair_set(&made, in->arena, a->items[i].name, a->items[i].value);
	for (size_t i = 0; i < b->count; i++)
		if (number_of(b->items[i].value) > number_of(pair_get(&made, b->items[i].name)))
			pair_set(&made, in->arena, b->items[i].name, b->items[i].value);
	return made;
}

static int64_t smaller_but_zero(int64_t a, int64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

static struct plan_gate *stricter_gate(struct planning *in, struct plan_gate *own, struct plan_gate *least)
{
	if (!own || !least)
		return own ? own : least;
	struct plan_gate *made = arena_new(in->arena, struct plan_gate);
	*made = *own;
	made->approvals = own->approvals > least->approvals ? own->approvals : least->approvals;
	made->groups = common_groups(in, &own->groups, &least->groups);
	made->require = larger_minimums(in, &own->require, &least->require);
	made->author = own->author == PLAN_AUTHOR_DENY ? own->author : least->author;
	made->is_comment_required = own->is_comment_required || least->is_comment_required;
	made->timeout_ms = smaller_but_zero(own->timeout_ms, least->timeout_ms);
	return made;
}

/* --- the rest --- */

static void raise_bake(struct plan_delivery *delivery, int64_t bake_ms, int32_t min_points)
{
	for (size_t i = 0; i < delivery->wave_count; i++) {
		struct plan_wave *wave = &delivery->waves[i];
		wave->bake_ms = wave->bake_ms > bake_ms ? wave->bake_ms : bake_ms;
		wave->min_points = wave->min_points > min_points ? wave->min_points : min_points;
	}
}

/* A grant lowers: where the floor asks for less than the grant does, or for nothing, the floor is what counts. */
static struct plan_floor lowered(const struct plan_floor *floor, const struct plan_grant *grant)
{
	struct plan_floor made = *floor;
	if (!grant)
		return made;
	if (grant->lowers_gate && floor->gate)
		made.gate = grant->gate;
	if (grant->lowers_bake && grant->bake_ms < floor->bake_ms)
		made.bake_ms = grant->bake_ms;
	if (grant->lowers_points && grant->min_points < floor->min_points)
		made.min_points = grant->min_points;
	if (grant->lowers_window && floor->window.n)
		made.window = grant->window;
	return made;
}

void planning_floor(struct planning *in, const struct plan_environment *environment, struct plan_stage *made)
{
	const struct plan_grant *grant = environment->grant;
	const struct plan_floor floor = lowered(&environment->floor, grant);
	struct plan_delivery *delivery = made->delivery;
	if (!made->is_skipped)
		check_way_in(in, environment);
	made->gate = stricter_gate(in, made->gate, floor.gate);
	raise_bake(delivery, floor.bake_ms, floor.min_points);
	for (size_t i = 0; i < floor.alarms.count; i++)
		if (!str_list_has(&delivery->alarms, floor.alarms.items[i]))
			planning_add(in, &delivery->alarms, floor.alarms.items[i]);
	for (size_t i = 0; floor.needs_full && i < made->job_count; i++)
		made->jobs[i].profile = STR("full");
	delivery->floor_window = floor.window;
	delivery->overrides_alarms = grant && grant->lowers_alarms;
	if (grant)
		delivery->priority = PLAN_PRIORITY_HOTFIX;
}
