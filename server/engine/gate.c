/* Who may decide a gate, and how many have. Implements the gate part of engine.h too. */
#include "server/engine/gate.h"

#include "server/engine/engine.h"

#include <string.h>
#include <strings.h>

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

static bool is_same(struct str a, struct str b)
{
	return a.n == b.n && a.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool is_login(const struct person *person, struct str name)
{
	for (size_t i = 0; i < person->logins.count; i++)
		if (is_same(person->logins.items[i], name))
			return true;
	return false;
}

static bool is_private_mail(const struct person *person, struct str mail)
{
	size_t at, in_domain;
	if (!str_find_char(mail, '@', &at) || !str_find(str_skip(mail, at), STR("noreply"), &in_domain))
		return false;
	struct str name = str_head(mail, at);
	size_t digits = strspn(mail.p, "0123456789"); /* which the "@" ends */
	bool has_number = digits && digits < name.n && strchr("+-", name.p[digits]);
	return is_login(person, name) || (has_number && is_login(person, str_skip(name, digits + 1)));
}

bool gate_is_among(const struct str_list *authors, const struct person *person)
{
	for (size_t i = 0; i < authors->count; i++)
		if (is_same(authors->items[i], person->email) || is_private_mail(person, authors->items[i]))
			return true;
	return false;
}

static bool is_actor(const struct person *person, struct str actor)
{
	return actor.n && (str_eq(actor, person->name) || is_login(person, actor));
}

static bool has_started(const struct run_graph *graph, const struct person *person)
{
	return (graph->account && graph->account == person->account) || is_actor(person, graph->actor);
}

/* What the facts know of the gate's stage: what it brings beside the change that the run was made for. */
static const struct graph_change *changes_at(
	const struct run_graph *graph, const struct graph_gate *gate, size_t *ret_count)
{
	*ret_count = graph->facts.stage == gate->stage + 1 ? graph->facts.change_count : 0;
	return graph->facts.changes;
}

static bool has_written(const struct run_graph *graph, const struct graph_gate *gate, const struct person *person)
{
	size_t count;
	const struct graph_change *changes = changes_at(graph, gate, &count);
	bool is_author = gate_is_among(&graph->authors, person);
	for (size_t i = 0; !is_author && i < count; i++)
		is_author = gate_is_among(&changes[i].authors, person);
	return is_author;
}

static bool knows_authors(const struct run_graph *graph, const struct graph_gate *gate)
{
	size_t count;
	const struct graph_change *changes = changes_at(graph, gate, &count);
	bool is_known = true;
	for (size_t i = 0; i < count; i++)
		is_known &= changes[i].is_known;
	return is_known;
}

struct str_list engine_authors(const struct run_graph *graph, const struct graph_gate *gate)
{
	size_t count;
	const struct graph_change *changes = changes_at(graph, gate, &count);
	struct str_list all = {0};
	for (size_t i = 0; i < graph->authors.count; i++)
		str_list_add(&all, graph->arena, graph->authors.items[i]);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < changes[i].authors.count; j++)
			if (!str_list_has(&all, changes[i].authors.items[j]))
				str_list_add(&all, graph->arena, changes[i].authors.items[j]);
	return all;
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
	else if (rule->author == PLAN_AUTHOR_DENY && has_started(graph, person))
		*ret_why = STR("you started this run; somebody else has to decide");
	else if (rule->author == PLAN_AUTHOR_DENY && has_written(graph, gate, person))
		*ret_why = STR("you wrote a part of what it brings; somebody else has to decide");
	else if (rule->author == PLAN_AUTHOR_DENY && !knows_authors(graph, gate))
		*ret_why = STR("who wrote what it brings is being looked up; try again in a moment");
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
		text = arena_printf(arena, "%.*s, none of its authors", STR_ARG(text));
	return text;
}

struct str engine_who_may(const struct run_graph *graph, const struct graph_gate *gate)
{
	return gate_who_may(engine_gate_rule(graph, gate), graph->arena);
}

struct str gate_why_never(const struct plan_gate *rule, const struct people *people, struct str actor,
	const struct str_list *authors, struct arena *arena)
{
	struct str_list able = {0};
	bool is_possible = true;
	for (size_t i = 0; i < people->count; i++) {
		const struct person *person = &people->items[i];
		bool is_author = is_actor(person, actor) || gate_is_among(authors, person);
		if (gate_admits(rule, person) && !(rule->author == PLAN_AUTHOR_DENY && is_author))
			str_list_add(&able, arena, person->name);
	}
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
