/* Who may decide a gate, and how many have. Implements the gate part of engine.h too. */
#include "server/engine/gate.h"

#include "server/engine/engine.h"

const struct plan_gate *engine_gate_rule(const struct run_graph *graph, const struct graph_gate *gate)
{
	static const struct plan_gate none = {0}; /* it was void when the plan lost it */
	const struct plan_gate *rule = graph->stages[gate->stage].plan->gate;
	return rule ? rule : &none;
}

static bool is_in_groups(const struct plan_gate *rule, const struct str_list *groups)
{
	if (rule->groups.count == 0)
		return true;
	for (size_t i = 0; i < groups->count; i++) {
		struct str minimum;
		if (str_list_has(&rule->groups, groups->items[i]) ||
			pair_find(&rule->require, groups->items[i], &minimum))
			return true;
	}
	return false;
}

static bool has_role(const struct plan_gate *rule, const struct person *person)
{
	return rule->role.n == 0 || str_is(person->role, "operator") || str_is(person->role, "admin");
}

bool gate_admits(const struct plan_gate *rule, const struct person *person)
{
	return !str_is(person->role, "viewer") && has_role(rule, person) && is_in_groups(rule, &person->groups);
}

static bool is_author(const struct run_graph *graph, const struct person *person)
{
	bool started_it = graph->account && graph->account == person->account;
	bool is_actor = graph->actor.n && str_eq(graph->actor, person->name);
	bool wrote_it = graph->author_email.n && str_eq(graph->author_email, person->email);
	return started_it || is_actor || wrote_it;
}

static const struct graph_decision *decision_of(const struct graph_gate *gate, int64_t account)
{
	for (size_t i = 0; i < gate->decision_count; i++)
		if (gate->decisions[i].account == account)
			return &gate->decisions[i];
	return NULL;
}

bool engine_may_decide(
	const struct run_graph *graph, const struct graph_gate *gate, const struct person *person, struct str *ret_why)
{
	const struct plan_gate *rule = engine_gate_rule(graph, gate);
	struct str who = engine_who_may(graph, gate);
	if (gate->state != GATE_OPEN)
		*ret_why = arena_printf(graph->arena, "the gate is %s", gate_state_names[gate->state]);
	else if (gate->expires_at && gate->expires_at <= graph->now_us)
		*ret_why = STR("the gate has expired");
	else if (str_is(person->role, "viewer"))
		*ret_why = STR("viewers cannot decide; an admin can make you a developer");
	else if (!has_role(rule, person))
		*ret_why = arena_printf(
			graph->arena, "it takes %.*s; you are a %.*s", STR_ARG(who), STR_ARG(person->role));
	else if (!is_in_groups(rule, &person->groups))
		*ret_why = arena_printf(graph->arena, "it takes %.*s; you are in none of these groups", STR_ARG(who));
	else if (rule->author == PLAN_AUTHOR_DENY && is_author(graph, person))
		*ret_why = STR("you wrote or started this change; somebody else has to decide");
	else if (decision_of(gate, person->account))
		*ret_why = STR("you have decided already");
	else
		return true;
	return false;
}

struct str gate_who_may(const struct plan_gate *rule, struct arena *arena)
{
	struct str text = arena_printf(arena, rule->approvals == 1 ? "one person" : "%d people", rule->approvals);
	if (rule->groups.count)
		text = arena_printf(arena, "%.*s of %s %.*s", STR_ARG(text),
			rule->groups.count == 1 ? "the group" : "the groups",
			STR_ARG(str_list_join(&rule->groups, " or ", arena)));
	else
		text = arena_printf(arena, "%.*s with the role %.*s or higher", STR_ARG(text),
			STR_ARG(rule->role.n ? rule->role : STR("developer")));
	for (size_t i = 0; i < rule->require.count; i++)
		text = arena_printf(arena, "%.*s, at least %.*s of %.*s", STR_ARG(text),
			STR_ARG(rule->require.items[i].value), STR_ARG(rule->require.items[i].name));
	if (rule->author == PLAN_AUTHOR_DENY)
		text = arena_printf(arena, "%.*s, not the author", STR_ARG(text));
	return text;
}

struct str engine_who_may(const struct run_graph *graph, const struct graph_gate *gate)
{
	return gate_who_may(engine_gate_rule(graph, gate), graph->arena);
}

static bool has_written(const struct plan_gate *rule, const struct person *person, struct str actor, struct str email)
{
	return rule->author == PLAN_AUTHOR_DENY &&
	       ((actor.n && str_eq(actor, person->name)) || (email.n && str_eq(email, person->email)));
}

struct str gate_why_never(const struct plan_gate *rule, const struct people *people, struct str actor, struct str email,
	struct arena *arena)
{
	struct str_list able = {0};
	bool is_possible = true;
	for (size_t i = 0; i < people->count; i++)
		if (gate_admits(rule, &people->items[i]) && !has_written(rule, &people->items[i], actor, email))
			str_list_add(&able, arena, people->items[i].name);
	is_possible = able.count >= (size_t)rule->approvals;
	for (size_t i = 0; i < rule->require.count; i++) {
		int64_t needed = 0, there = 0;
		str_to_i64(rule->require.items[i].value, &needed);
		for (size_t j = 0; j < people->count; j++)
			there += str_list_has(&able, people->items[j].name) &&
				 str_list_has(&people->items[j].groups, rule->require.items[i].name);
		is_possible &= there >= needed;
	}
	if (is_possible)
		return STR("");
	struct str who = able.count ? str_list_join(&able, ", ", arena) : STR("nobody");
	return arena_printf(arena, "nobody can open it: it takes %.*s, and of all accounts that is %.*s",
		STR_ARG(gate_who_may(rule, arena)), STR_ARG(who));
}

size_t engine_approved(const struct graph_gate *gate)
{
	size_t count = 0;
	for (size_t i = 0; i < gate->decision_count; i++)
		count += gate->decisions[i].is_approval;
	return count;
}

int64_t engine_not_before(const struct run_graph *graph, const struct graph_gate *gate)
{
	int64_t latest = engine_gate_rule(graph, gate)->not_before;
	for (size_t i = 0; i < gate->decision_count; i++)
		if (gate->decisions[i].is_approval && gate->decisions[i].not_before > latest)
			latest = gate->decisions[i].not_before;
	return latest;
}
