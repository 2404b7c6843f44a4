#include "common/fields.h"
#include "common/lang/configuration.h"

/* What may be right one day, and is worth a word until then: gates for which the document's own groups are too small.
 */

static struct str_list members_of(
	const struct configuration *configuration, const struct str *groups, size_t count, struct arena *arena)
{
	struct str_list people = {0};
	for (size_t i = 0; i < count; i++) {
		const struct configuration_group *group = configuration_group(configuration, groups[i]);
		for (size_t j = 0; group && j < group->members.count; j++)
			if (!str_list_has(&people, group->members.items[j].text))
				str_list_add(&people, arena, group->members.items[j].text);
	}
	return people;
}

static struct str why_never(const struct configuration *configuration, const struct pipeline_gate *gate,
	const struct str *groups, size_t count, int64_t needed, struct arena *arena)
{
	struct str_list people = members_of(configuration, groups, count, arena), names = {0};
	if (count == 0 || (int64_t)people.count >= needed)
		return (struct str){0};
	for (size_t i = 0; i < count; i++)
		str_list_add(&names, arena, groups[i]);
	return arena_printf(arena, "nobody can open the gate in line %d: it takes %lld of %.*s, and there %s %.*s",
		gate->at.line, (long long)needed, STR_ARG(str_list_join(&names, " or ", arena)),
		people.count == 1 ? "is" : "are",
		STR_ARG(people.count ? str_list_join(&people, ", ", arena) : STR("none")));
}

static void check(const struct configuration *configuration, const char *what, struct str name,
	const struct pipeline_gate *gate, struct arena *arena, struct str_list *warnings)
{
	struct str *groups = arena_array(arena, struct str, gate->groups.count);
	for (size_t i = 0; i < gate->groups.count; i++)
		groups[i] = gate->groups.items[i].text;
	struct str why = why_never(configuration, gate, groups, gate->groups.count,
		LANG_IS_SET(gate->approvals) ? gate->approvals.value : 1, arena);
	for (size_t i = 0; why.n == 0 && i < gate->require.count; i++) {
		int64_t needed = 0;
		str_to_i64(gate->require.items[i].value.text, &needed);
		why = why_never(configuration, gate, &gate->require.items[i].name.text, 1, needed, arena);
	}
	if (why.n)
		str_list_add(warnings, arena, arena_printf(arena, "%s %.*s: %.*s", what, STR_ARG(name), STR_ARG(why)));
}

struct str_list configuration_warnings(const struct configuration *configuration, struct arena *arena)
{
	struct str_list warnings = {0};
	if (!LANG_IS_SET(configuration->groups)) /* who is in which group stands elsewhere */
		return warnings;
	for (size_t i = 0; i < configuration->environments.count; i++) {
		const struct configuration_environment *environment = &configuration->environments.items[i];
		if (LANG_IS_SET(environment->floor.gate))
			check(configuration, "the floor of", environment->name.text, &environment->floor.gate, arena,
				&warnings);
	}
	for (size_t i = 0; i < configuration->grants.count; i++) {
		const struct configuration_grant *grant = &configuration->grants.items[i];
		if (LANG_IS_SET(grant->gate) && !grant->gate.is_none)
			check(configuration, "the grant", grant->name.text, &grant->gate, arena, &warnings);
	}
	return warnings;
}
