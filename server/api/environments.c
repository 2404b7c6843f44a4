#include "server/api/environments.h"

#include "common/clock.h"
#include "common/fields.h"
#include "common/json.h"
#include "server/api/configuration_change.h"
#include "server/api/open_state.h"
#include "server/configuration/append.h"

#include <stdlib.h>

/* --- lists --- */

static int64_t order_of(const struct configuration *all, const struct configuration_environment *environment)
{
	return LANG_IS_SET(environment->order) ? environment->order.value : environment - all->environments.items;
}

static json_t *describe_short(const struct configuration_snapshot *now,
	const struct configuration_environment *environment, struct arena *arena)
{
	bool is_fifo = LANG_IS_SET(environment->lane) && environment->lane.value == CONFIGURATION_LANE_FIFO;
	json_t *targets = json_array();
	for (size_t i = 0; i < environment->targets.count; i++)
		json_array_append_new(targets, json_of_str(environment->targets.items[i].name.text));
	return json_pack("{s:o, s:o, s:o, s:I, s:s, s:o, s:o}", "name", json_of_str(environment->name.text),
		"description", json_of_str(environment->description.text), "tier", json_of_str(environment->tier.text),
		"order", (json_int_t)order_of(now->configuration, environment), "lane",
		configuration_lane_names[is_fifo ? CONFIGURATION_LANE_FIFO : CONFIGURATION_LANE_NEWEST], "targets",
		targets, "state", open_state(now, environment, STR(""), STR(""), arena));
}

struct placed {
	const struct configuration_environment *environment;
	int64_t order;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int order = (x->order > y->order) - (x->order < y->order);
	return order ? order : (x->environment > y->environment) - (x->environment < y->environment);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct configuration_snapshot *now = configurations_now(request->server->configurations);
	const struct configuration *all = now->configuration;
	struct placed *placed = arena_array(&flow->arena, struct placed, all->environments.count);
	for (size_t i = 0; i < all->environments.count; i++)
		placed[i] = (struct placed){&all->environments.items[i], order_of(all, &all->environments.items[i])};
	qsort(placed, all->environments.count, sizeof *placed, compare_placed);
	json_t *list = json_array();
	for (size_t i = 0; i < all->environments.count; i++)
		json_array_append_new(list, describe_short(now, placed[i].environment, &flow->arena));
	request->answer = json_pack("{s:o, s:I}", "environments", list, "version", (json_int_t)now->version);
	return FLOW_DONE;
}

void environments_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- one --- */

/* A member of what the document says, or an empty one. */
static void move_member(json_t *to, json_t *said, const char *name, json_t *otherwise)
{
	json_t *value = json_object_get(said, name);
	json_object_set(to, name, value ? value : otherwise);
	json_decref(otherwise);
}

static json_t *describe_targets(const struct configuration_snapshot *now,
	const struct configuration_environment *environment, json_t *said, struct arena *arena)
{
	json_t *list = json_array();
	for (size_t i = 0; i < environment->targets.count; i++) {
		const struct configuration_target *target = &environment->targets.items[i];
		json_t *own =
			json_object_getn(json_object_get(said, "targets"), target->name.text.p, target->name.text.n);
		json_t *made = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b}", "name", json_of_str(target->name.text),
			"account", json_of_str(target->account.text), "region", json_of_str(target->region.text), "url",
			json_of_str(target->url.text), "probe", json_of_str(target->probe.url.text), "wave",
			(json_int_t)(LANG_IS_SET(target->wave) ? target->wave.value : 1), "exclusive",
			(int)target->exclusive.value);
		move_member(made, own, "variables", json_object());
		move_member(made, own, "labels", json_array());
		move_member(made, own, "windows", json_array());
		json_object_set_new(made, "state", open_state(now, environment, STR(""), target->name.text, arena));
		json_array_append_new(list, made);
	}
	return list;
}

/* Freezes of this environment that are not over, and pins. */
static json_t *describe_freezes(const struct configuration *all, struct str environment)
{
	json_t *list = json_array();
	int64_t now = clock_wall_us(), until;
	for (size_t i = 0; i < all->freezes.count; i++) {
		const struct configuration_freeze *freeze = &all->freezes.items[i];
		bool is_over = clock_parse(freeze->until.text, &until) && until <= now;
		if (is_over || !configuration_fits(&freeze->environments, environment))
			continue;
		json_t *services = json_array();
		for (size_t j = 0; j < freeze->services.count; j++)
			json_array_append_new(services, json_of_str(freeze->services.items[j].text));
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_of_str(freeze->name.text), "services",
				      services, "from", json_of_str(freeze->from.text), "until",
				      json_of_str(freeze->until.text), "reason", json_of_str(freeze->reason.text)));
	}
	return list;
}

static json_t *describe_pins(const struct configuration *all, struct str environment)
{
	json_t *list = json_array();
	for (size_t i = 0; i < all->pins.count; i++) {
		const struct configuration_pin *pin = &all->pins.items[i];
		if (str_eq(pin->environment.text, environment))
			json_array_append_new(
				list, json_pack("{s:o, s:o, s:o, s:o}", "name", json_of_str(pin->name.text), "service",
					      json_of_str(pin->service.text), "version", json_of_str(pin->version.text),
					      "reason", json_of_str(pin->reason.text)));
	}
	return list;
}

/* Of the environment and of its tier. */
static json_t *names_of_checks(const struct configuration_checks *own, const struct configuration_checks *of_tier)
{
	json_t *names = json_array();
	for (size_t i = 0; i < own->count; i++)
		json_array_append_new(names, json_of_str(own->items[i].name.text));
	for (size_t i = 0; of_tier && i < of_tier->count; i++)
		json_array_append_new(names, json_of_str(of_tier->items[i].name.text));
	return names;
}

static json_t *names_of_policies(const struct lang_texts *own, const struct lang_texts *of_tier)
{
	json_t *names = json_array();
	for (size_t i = 0; i < own->count; i++)
		json_array_append_new(names, json_of_str(own->items[i].text));
	for (size_t i = 0; of_tier && i < of_tier->count; i++)
		json_array_append_new(names, json_of_str(of_tier->items[i].text));
	return names;
}

static json_t *describe_whole(const struct configuration_snapshot *now,
	const struct configuration_environment *environment, struct arena *arena)
{
	const struct configuration *all = now->configuration;
	const struct configuration_tier *tier = configuration_tier_of(all, environment);
	struct str name = environment->name.text;
	json_t *document = configuration_describe(all);
	json_t *said = json_object_getn(json_object_get(document, "environments"), name.p, name.n);
	json_t *made = describe_short(now, environment, arena);
	move_member(made, said, "variables", json_object());
	move_member(made, said, "windows", json_array());
	move_member(made, said, "floor", json_object());
	json_object_set_new(made, "policies", names_of_policies(&environment->policies, tier ? &tier->policies : NULL));
	json_object_set_new(made, "checks", names_of_checks(&environment->checks, tier ? &tier->checks : NULL));
	json_object_set_new(made, "targets", describe_targets(now, environment, said, arena));
	json_object_set_new(made, "freezes", describe_freezes(all, name));
	json_object_set_new(made, "pins", describe_pins(all, name));
	json_decref(document);
	return made;
}

static enum flow_next get_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct configuration_snapshot *now = configurations_now(request->server->configurations);
	struct str name = http_param(request->exchange, "environment");
	const struct configuration_environment *environment = configuration_environment(now->configuration, name);
	if (environment) {
		request->answer = describe_whole(now, environment, &flow->arena);
		return FLOW_DONE;
	}
	err_set(&flow->err, ERR_NOT_FOUND, "no environment \"%.*s\"; `penstock env ls` lists them", STR_ARG(name));
	return FLOW_FAIL;
}

void environments_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {get_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- making one --- */

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!is_word && c != '-' && c != '_' && c != '/')
			return false;
	}
	return text.n > 0;
}

/* "{ tier: sandbox, lane: fifo }"; a name is a word, so that no value can become structure. */
static bool read_definition(struct change *change, struct str *ret_name, struct str *ret_definition, struct err *err)
{
	static const char *const names[] = {"name", "tier", "lane", NULL};
	struct str parts = {NULL, 0}, value;
	if (!api_only(&change->api, names, err) || !api_text(&change->api, "name", true, ret_name, err))
		return false;
	if (!is_plain(*ret_name))
		return err_set(err, ERR_INVALID, "name: an environment is a name such as \"prod\" or \"sandbox/ann\"");
	for (size_t i = 1; i <= 2; i++) {
		if (!api_text(&change->api, names[i], false, &value, err))
			return false;
		int ignored;
		bool is_lane = str_is(str_of(names[i]), "lane");
		if (value.n && is_lane && !enum_from_name(configuration_lane_names, value, &ignored))
			return err_set(err, ERR_INVALID, "lane: newest or fifo");
		if (value.n && !is_plain(value))
			return err_set(err, ERR_INVALID, "%s: \"%.*s\" is no plain word", names[i],
				STR_ARG(str_head(value, 60)));
		if (value.n)
			parts = arena_printf(&change->api.flow.arena, "%.*s%s%s: %.*s", STR_ARG(parts),
				parts.n ? ", " : "", names[i], STR_ARG(value));
	}
	*ret_definition = parts.n ? arena_printf(&change->api.flow.arena, "{ %.*s }", STR_ARG(parts)) : STR("{}");
	return true;
}

static enum flow_next create_begin(struct flow *flow)
{
	struct change *change = (struct change *)flow;
	const struct configuration_snapshot *now = configurations_now(change->api.server->configurations);
	struct str name, definition;
	if (!read_definition(change, &name, &definition, &flow->err))
		return FLOW_FAIL;
	if (configuration_environment(now->configuration, name)) {
		err_set(&flow->err, ERR_CONFLICT, "the environment \"%.*s\" exists already", STR_ARG(name));
		return FLOW_FAIL;
	}
	change->expected = now->version;
	change->comment = arena_printf(&flow->arena, "add the environment %.*s", STR_ARG(name));
	return configuration_append_environment(now->text, name, definition, &flow->arena, &change->text, &flow->err)
		       ? FLOW_CONTINUE
		       : FLOW_FAIL;
}

static enum flow_next create_answer(struct flow *flow)
{
	change_answer(flow);
	api_request_of(flow)->status = 201;
	return FLOW_DONE;
}

void environments_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		create_begin, change_read, change_look_up, change_store, change_stored, create_answer, NULL};
	change_start(exchange, context, steps);
}
