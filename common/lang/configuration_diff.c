#include "common/lang/configuration.h"

#include "common/lang/describe.h"

json_t *configuration_describe(const struct configuration *configuration)
{
	return lang_describe(&lang_configuration_block, configuration);
}

json_t *configuration_describe_alarm(const struct configuration_alarm *alarm)
{
	json_t *json = lang_describe(&lang_alarm_block, alarm);
	json_object_del(json, "description");
	json_object_del(json, "link");
	return json;
}

static void add_change(json_t *changes, struct str path, json_t *before, json_t *after)
{
	json_t *change = json_pack("{s:s%, s:o, s:o}", "path", path.p, path.n, "before",
		before ? json_incref(before) : json_null(), "after", after ? json_incref(after) : json_null());
	json_array_append_new(changes, change);
}

/* Mappings are compared name by name; a list is one value, since its order counts. */
static void compare(json_t *changes, struct str path, json_t *before, json_t *after, struct arena *arena)
{
	const char *name;
	json_t *value;
	if (!json_is_object(before) || !json_is_object(after)) {
		if (!before || !after || !json_equal(before, after))
			add_change(changes, path, before, after);
		return;
	}
	const char *dot = path.n ? "." : "";
	json_object_foreach(before, name, value) compare(changes,
		arena_printf(arena, "%.*s%s%s", STR_ARG(path), dot, name), value, json_object_get(after, name), arena);
	json_object_foreach(after, name, value) if (!json_object_get(before, name))
		add_change(changes, arena_printf(arena, "%.*s%s%s", STR_ARG(path), dot, name), NULL, value);
}

json_t *configuration_diff(const struct configuration *before, const struct configuration *after)
{
	auto_arena arena = {0};
	json_t *changes = json_array(), *old = configuration_describe(before), *new = configuration_describe(after);
	compare(changes, STR(""), old, new, &arena);
	json_decref(old);
	json_decref(new);
	return changes;
}
