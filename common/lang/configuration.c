#include "common/lang/configuration.h"

#include "common/glob.h"
#include "common/lang/configuration_check.h"
#include "common/lang/read.h"

bool configuration_load(struct str text, const char *file, struct arena *arena, const struct configuration **ret,
	struct lang_errors *errors)
{
	struct lang_reader reader = {.file = file, .arena = arena, .errors = errors};
	struct configuration *made = arena_new(arena, struct configuration);
	const struct yaml_node *root = NULL;
	size_t errors_before = errors->count;
	made->at = (struct lang_place){file, 1, 1};
	made->is_empty = lang_read_yaml(&reader, text, &root) && (!root || yaml_is_null(root));
	if (root) {
		lang_read_block(&reader, &lang_configuration_block, root, made);
		configuration_check(made, arena, errors);
	}
	if (errors->count > errors_before) {
		lang_errors_sort(errors, file);
		return false;
	}
	*ret = made;
	return true;
}

bool configuration_load_given(struct str text, const char *file, struct arena *arena, const struct configuration **ret,
	struct lang_errors *errors)
{
	const struct configuration *made;
	if (!configuration_load(str_trim(text).n ? text : STR(""), file, arena, &made, errors))
		return false;
	if (!made->is_empty) {
		*ret = made;
		return true;
	}
	lang_error_add(errors, (struct lang_place){file, 1, 1},
		"the document is empty, which would take everything away; if that is meant, write `environments: {}`");
	return false;
}

/* Every struct of these lists begins with its place and its name. */
struct named {
	struct lang_place at;
	struct lang_text name;
};

static const void *find(const void *items, size_t count, size_t size, struct str name)
{
	for (size_t i = 0; i < count; i++) {
		const struct named *item = (const void *)((const char *)items + size * i);
		if (str_eq(item->name.text, name))
			return item;
	}
	return NULL;
}

#define FIND(list, name) find((list).items, (list).count, sizeof *(list).items, (name))

const struct configuration_group *configuration_group(const struct configuration *configuration, struct str name)
{
	return FIND(configuration->groups, name);
}

const struct configuration_service *configuration_service(const struct configuration *configuration, struct str name)
{
	return FIND(configuration->services, name);
}

const struct configuration_alarm *configuration_alarm(const struct configuration *configuration, struct str name)
{
	return FIND(configuration->alarms, name);
}

const struct configuration_tier *configuration_tier(const struct configuration *configuration, struct str name)
{
	return FIND(configuration->tiers, name);
}

const struct configuration_environment *configuration_environment(
	const struct configuration *configuration, struct str name)
{
	return FIND(configuration->environments, name);
}

const struct configuration_target *configuration_environment_target(
	const struct configuration_environment *environment, struct str name)
{
	return FIND(environment->targets, name);
}

const struct configuration_tier *configuration_tier_of(
	const struct configuration *configuration, const struct configuration_environment *environment)
{
	return LANG_IS_SET(environment->tier) ? configuration_tier(configuration, environment->tier.text) : NULL;
}

const struct configuration_pin *configuration_pin(
	const struct configuration *configuration, struct str service, struct str environment)
{
	for (size_t i = 0; i < configuration->pins.count; i++) {
		const struct configuration_pin *pin = &configuration->pins.items[i];
		if (str_eq(pin->service.text, service) && str_eq(pin->environment.text, environment))
			return pin;
	}
	return NULL;
}

struct str configuration_repository(const struct configuration_service *service)
{
	return LANG_IS_SET(service->repository) ? service->repository.text : service->name.text;
}

bool configuration_may_read(const struct configuration *configuration, struct str service, struct str other)
{
	const struct configuration_service *found = configuration_service(configuration, service);
	for (size_t i = 0; found && i < found->reads.count; i++)
		if (str_eq(found->reads.items[i].text, other))
			return true;
	return false;
}

bool configuration_fits(const struct lang_texts *globs, struct str name)
{
	bool fits = true;
	for (size_t i = 0; i < globs->count; i++)
		if (!str_starts(globs->items[i].text, STR("!")))
			fits = false;
	/* As a list of glob.h, but that a lone "*" means all, "sandbox/ann" too. */
	for (size_t i = 0; i < globs->count; i++) {
		struct str glob = globs->items[i].text;
		bool takes_out = str_starts(glob, STR("!"));
		if (str_is(glob, "*") || glob_match(takes_out ? str_skip(glob, 1) : glob, name))
			fits = !takes_out;
	}
	return fits;
}
