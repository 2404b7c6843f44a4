#include "common/lang/configuration_check.h"

#include "common/clock.h"
#include "common/expr.h"
#include "common/fields.h"
#include "common/lang/check.h"
#include "common/policy_rules.h"

struct check {
	const struct configuration *configuration;
	struct arena *arena;
	struct lang_errors *errors;
};

/* A name that could not be read has been reported. */
static bool is_readable(const struct lang_text *text)
{
	return text->text.n > 0;
}

static void refuse(
	const struct check *check, const struct lang_text *name, const char *what, const char *hint, const char *advice)
{
	lang_error_add(check->errors, name->at, "unknown %s \"%.*s\"%s", what, STR_ARG(str_head(name->text, 70)),
		*hint ? hint : advice);
}

static void check_environment_name(const struct check *check, const struct lang_text *name)
{
	if (is_readable(name) && !configuration_environment(check->configuration, name->text))
		refuse(check, name, "environment",
			LANG_SUGGEST(check->errors, name->text, &check->configuration->environments, name),
			"; \"environments\" must have it");
}

static void check_service_name(const struct check *check, const struct lang_text *name)
{
	/* A document that lists none leaves every repository its service of the same name. */
	if (LANG_IS_SET(check->configuration->services) && is_readable(name) &&
		!configuration_service(check->configuration, name->text))
		refuse(check, name, "service",
			LANG_SUGGEST(check->errors, name->text, &check->configuration->services, name),
			"; \"services\" must have it");
}

static void check_group_name(const struct check *check, const struct lang_text *name)
{
	if (LANG_IS_SET(check->configuration->groups) && is_readable(name) &&
		!configuration_group(check->configuration, name->text))
		refuse(check, name, "group",
			LANG_SUGGEST(check->errors, name->text, &check->configuration->groups, name),
			"; \"groups\" must have it");
}

typedef void check_name(const struct check *check, const struct lang_text *name);

static void check_names(const struct check *check, const struct lang_texts *names, check_name *one)
{
	for (size_t i = 0; i < names->count; i++)
		one(check, &names->items[i]);
}

/* A pattern may fit what does not exist yet; a plain name that does not exist is a mistake. */
static void check_globs(const struct check *check, const struct lang_texts *globs, check_name *one)
{
	for (size_t i = 0; i < globs->count; i++) {
		struct lang_text name = globs->items[i];
		size_t at;
		if (str_starts(name.text, STR("!")))
			name.text = str_skip(name.text, 1);
		if (!str_find_char(name.text, '*', &at) && !str_find_char(name.text, '?', &at) &&
			!str_find_char(name.text, '[', &at) && !str_find_char(name.text, '{', &at))
			one(check, &name);
	}
}

static void check_once(const struct check *check, const struct lang_texts *texts, const char *key)
{
	for (size_t i = 0; i < texts->count; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(texts->items[i].text, texts->items[j].text))
				lang_error_add(check->errors, texts->items[i].at, "\"%.*s\" stands twice in \"%s\"",
					STR_ARG(str_head(texts->items[i].text, 70)), key);
}

static void check_gate(const struct check *check, const struct pipeline_gate *gate)
{
	lang_check_gate(check->errors, gate);
	check_names(check, &gate->groups, check_group_name);
	for (size_t i = 0; i < gate->require.count; i++)
		check_group_name(check, &gate->require.items[i].name);
}

struct seeing {
	const struct check *check;
	const struct lang_text *text;
	const char *key; /* that holds the expression */
};

static void see_body_name(void *arg, const struct str *path, size_t count, bool is_call)
{
	const struct seeing *seeing = arg;
	size_t at = 0;
	(void)count;
	if (is_call || str_is(path[0], "body"))
		return;
	str_find(seeing->text->text, path[0], &at);
	lang_error_add(seeing->check->errors, lang_text_place(seeing->text, at),
		str_distance(path[0], STR("body"), 2) <= 2 ? "unknown name \"%.*s\" in \"%s\"; did you mean \"body\"?"
							   : "unknown name \"%.*s\" in \"%s\"; it knows \"body\"",
		STR_ARG(path[0]), seeing->key);
}

static void check_expression(const struct check *check, const struct lang_text *text, const char *key)
{
	const struct expr *expr;
	struct err err = {0};
	size_t at = 0;
	if (!is_readable(text) || str_find(text->text, STR("${{"), &at))
		return; /* reported by the walk */
	if (!expr_parse(text->text, check->arena, &expr, &at, &err))
		lang_error_add(check->errors, lang_text_place(text, at), "%s", err.text);
	else
		expr_walk(expr, see_body_name, &(struct seeing){check, text, key});
}

static void check_belongs(
	const struct check *check, struct lang_place at, const char *key, bool is_right, const char *kinds)
{
	if (at.line && !is_right)
		lang_error_add(check->errors, at, "\"%s\" is for alarms of kind %s", key, kinds);
}

static void check_alarm(const struct check *check, const struct configuration_alarm *alarm)
{
	bool is_query = LANG_IS_SET(alarm->prometheus), has_above = LANG_IS_SET(alarm->above);
	bool is_asked = is_query || LANG_IS_SET(alarm->http) || LANG_IS_SET(alarm->script);
	static const char asked[] = "prometheus, http and script, which Penstock asks";
	check_belongs(check, alarm->above.at, "above", is_query, "prometheus");
	check_belongs(check, alarm->below.at, "below", is_query, "prometheus");
	check_belongs(check, alarm->min_points.at, "min_points", is_asked, asked);
	if (is_query && !has_above && !LANG_IS_SET(alarm->below))
		lang_error_add(check->errors, alarm->at, "the alarm \"%.*s\" needs \"above\" or \"below\"",
			STR_ARG(alarm->name.text));
	if (has_above && LANG_IS_SET(alarm->below) && alarm->below.value > alarm->above.value)
		lang_error_add(check->errors, alarm->below.at,
			"the alarm \"%.*s\" would always fire: every value is above %g or below %g",
			STR_ARG(alarm->name.text), alarm->above.value, alarm->below.value);
	if (str_is(alarm->name.text, "alertmanager"))
		lang_error_add(check->errors, alarm->name.at,
			"no alarm may be named \"alertmanager\": its address is that of every Alertmanager");
	check_expression(check, &alarm->webhook.firing, "firing");
}

static void check_alarm_name(const struct check *check, const struct lang_text *name)
{
	if (is_readable(name) && !configuration_alarm(check->configuration, name->text))
		refuse(check, name, "alarm",
			LANG_SUGGEST(check->errors, name->text, &check->configuration->alarms, name),
			"; \"alarms\" must have it");
}

static const struct configuration_environment *before(
	const struct check *check, const struct configuration_environment *environment)
{
	return LANG_IS_SET(environment->floor.after)
		       ? configuration_environment(check->configuration, environment->floor.after.text)
		       : NULL;
}

/* Each circle once: at the first of its environments. */
static void check_circle(const struct check *check, const struct configuration_environment *first)
{
	const struct configuration_environment *at = before(check, first);
	size_t steps = check->configuration->environments.count;
	while (at && at > first && steps--)
		at = before(check, at);
	if (at != first)
		return;
	struct str circle = first->name.text;
	do {
		at = before(check, at);
		circle = arena_printf(check->arena, "%.*s after %.*s", STR_ARG(circle), STR_ARG(at->name.text));
	} while (at != first && circle.n < 300);
	lang_error_add(check->errors, first->floor.after.at, "a circle in \"after\": %.*s", STR_ARG(circle));
}

static void check_floor(const struct check *check, const struct configuration_environment *environment)
{
	const struct configuration_floor *floor = &environment->floor;
	check_environment_name(check, &floor->after);
	check_circle(check, environment);
	check_gate(check, &floor->gate);
	check_names(check, &floor->alarms, check_alarm_name);
	check_once(check, &floor->alarms, "alarms");
	if (floor->gate.is_none)
		lang_error_add(check->errors, floor->gate.at,
			"a floor demands a gate or says nothing of it; leave \"gate: none\" out");
}

/* Whether the way along "reads" from one service leads to another. */
static bool leads_to(const struct check *check, struct str from, struct str to)
{
	const struct configuration *all = check->configuration;
	bool *is_seen = arena_array(check->arena, bool, all->services.count + 1), goes_on = true;
	for (size_t i = 0; i < all->services.count; i++)
		is_seen[i] = str_eq(all->services.items[i].name.text, from);
	while (goes_on) {
		goes_on = false;
		for (size_t i = 0; i < all->services.count; i++)
			for (size_t j = 0; is_seen[i] && j < all->services.items[i].reads.count; j++) {
				struct str next = all->services.items[i].reads.items[j].text;
				const struct configuration_service *other = configuration_service(all, next);
				if (str_eq(next, to))
					return true;
				if (!other || is_seen[other - all->services.items])
					continue;
				is_seen[other - all->services.items] = goes_on = true;
			}
	}
	return false;
}

/* Of services that read each other none could be deployed first. */
static void check_reads(const struct check *check, const struct configuration_service *service)
{
	check_once(check, &service->reads, "reads");
	for (size_t i = 0; i < service->reads.count; i++) {
		const struct lang_text *other = &service->reads.items[i];
		if (str_eq(other->text, service->name.text))
			lang_error_add(check->errors, other->at, "the service \"%.*s\" reads itself",
				STR_ARG(service->name.text));
		else if (leads_to(check, other->text, service->name.text))
			lang_error_add(check->errors, other->at,
				"a circle in \"reads\": \"%.*s\" reads \"%.*s\", which leads back to it",
				STR_ARG(service->name.text), STR_ARG(other->text));
	}
}

/* A mandatory policy that is misspelt would check nothing. */
static void check_policies(const struct check *check, const struct lang_texts *policies)
{
	int ignored;
	check_once(check, policies, "policies");
	for (size_t i = 0; i < policies->count; i++) {
		const struct lang_text *name = &policies->items[i];
		if (!is_readable(name) || enum_from_name(policy_rule_names, name->text, &ignored))
			continue;
		const char *nearest = str_nearest(name->text, policy_rule_names);
		const char *hint = nearest ? arena_printf(check->arena, "; did you mean \"%s\"?", nearest).p : "";
		refuse(check, name, "policy", hint, "; docs/policy.md lists them");
	}
}

static void check_environment(const struct check *check, const struct configuration_environment *environment)
{
	check_floor(check, environment);
	check_policies(check, &environment->policies);
	for (size_t i = 0; i < environment->targets.count; i++)
		check_expression(check, &environment->targets.items[i].probe.version, "version");
}

/* Checks of a misspelt tier would quietly apply to nothing; one that has no environment yet may get some. */
static void check_tier(const struct check *check, const struct configuration_tier *tier)
{
	const struct configuration *all = check->configuration;
	check_policies(check, &tier->policies);
	for (size_t i = 0; i < all->environments.count; i++)
		if (str_eq(all->environments.items[i].tier.text, tier->name.text))
			return;
	const char *hint = LANG_SUGGEST(check->errors, tier->name.text, &all->environments, tier);
	if (*hint)
		lang_error_add(check->errors, tier->name.at, "no environment is of the tier \"%.*s\"%s",
			STR_ARG(tier->name.text), hint);
}

static void check_grant(const struct check *check, const struct configuration_grant *grant)
{
	check_names(check, &grant->groups, check_group_name);
	check_names(check, &grant->skip, check_environment_name);
	check_globs(check, &grant->environments, check_environment_name);
	check_gate(check, &grant->gate);
	if (is_readable(&grant->pipeline) && !LANG_IS_SET(grant->skip) && !LANG_IS_SET(grant->gate) &&
		!LANG_IS_SET(grant->bake) && !LANG_IS_SET(grant->min_points) && !LANG_IS_SET(grant->window) &&
		!LANG_IS_SET(grant->alarms))
		lang_error_add(check->errors, grant->at,
			"the grant \"%.*s\" grants nothing: name what it lowers, such as \"skip\", \"gate\" or \"bake\"",
			STR_ARG(grant->name.text));
}

static void check_freeze(const struct check *check, const struct configuration_freeze *freeze)
{
	int64_t from_us, until_us;
	check_globs(check, &freeze->environments, check_environment_name);
	check_globs(check, &freeze->services, check_service_name);
	if (clock_parse(freeze->from.text, &from_us) && clock_parse(freeze->until.text, &until_us) &&
		from_us >= until_us)
		lang_error_add(check->errors, freeze->until.at, "the freeze \"%.*s\" ends before it begins",
			STR_ARG(freeze->name.text));
}

static void check_pin(const struct check *check, const struct configuration_pin *pin)
{
	check_service_name(check, &pin->service);
	check_environment_name(check, &pin->environment);
	const struct configuration_pin *first =
		configuration_pin(check->configuration, pin->service.text, pin->environment.text);
	if (is_readable(&pin->service) && is_readable(&pin->environment) && first != pin)
		lang_error_add(check->errors, pin->at, "\"%.*s\" in \"%.*s\" is pinned already, by \"%.*s\" in line %d",
			STR_ARG(pin->service.text), STR_ARG(pin->environment.text), STR_ARG(first->name.text),
			(int)first->at.line);
}

void configuration_check(const struct configuration *configuration, struct arena *arena, struct lang_errors *errors)
{
	const struct check check = {configuration, arena, errors};
	lang_check_document(&lang_configuration_block, configuration, arena, errors);
	for (size_t i = 0; i < configuration->groups.count; i++)
		check_once(&check, &configuration->groups.items[i].members,
			arena_str(arena, configuration->groups.items[i].name.text).p);
	for (size_t i = 0; i < configuration->services.count; i++)
		check_reads(&check, &configuration->services.items[i]);
	for (size_t i = 0; i < configuration->alarms.count; i++)
		check_alarm(&check, &configuration->alarms.items[i]);
	for (size_t i = 0; i < configuration->tiers.count; i++)
		check_tier(&check, &configuration->tiers.items[i]);
	for (size_t i = 0; i < configuration->environments.count; i++)
		check_environment(&check, &configuration->environments.items[i]);
	for (size_t i = 0; i < configuration->grants.count; i++)
		check_grant(&check, &configuration->grants.items[i]);
	for (size_t i = 0; i < configuration->freezes.count; i++)
		check_freeze(&check, &configuration->freezes.items[i]);
	for (size_t i = 0; i < configuration->pins.count; i++)
		check_pin(&check, &configuration->pins.items[i]);
}
