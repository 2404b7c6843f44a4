/* From the configuration to what sampling needs. */
#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "server/alarms/spec.h"

enum { INTERVAL_MS = 15000, SCRIPT_INTERVAL_MS = 60000, TIMEOUT_MS = 5000, SCRIPT_TIMEOUT_MS = 60000 };

static int64_t ms_of(const struct lang_duration *duration, int64_t otherwise)
{
	return LANG_IS_SET(*duration) ? duration->ms : otherwise;
}

static void read_script(struct alarm_spec *spec, const struct configuration_script *script, struct arena *arena)
{
	spec->kind = ALARM_SCRIPT;
	spec->run = script->run.text;
	spec->repository = script->repository.text;
	spec->ref = script->ref.text;
	spec->network = str_of(
		pipeline_network_names[LANG_IS_SET(script->network) ? script->network.value : PIPELINE_NETWORK_NONE]);
	spec->timeout_ms = ms_of(&script->timeout, SCRIPT_TIMEOUT_MS);
	spec->worker_labels.items = arena_array(arena, struct str, script->labels.count);
	for (size_t i = 0; i < script->labels.count; i++)
		spec->worker_labels.items[spec->worker_labels.count++] = script->labels.items[i].text;
	for (size_t i = 0; i < script->env.count; i++)
		pair_set(&spec->env, arena, script->env.items[i].name.text, script->env.items[i].value.text);
}

static void read_kind(struct alarm_spec *spec, const struct configuration_alarm *alarm, struct arena *arena)
{
	const struct lang_pairs *labels = &alarm->alertmanager.labels;
	if (LANG_IS_SET(alarm->prometheus)) {
		spec->kind = ALARM_PROMETHEUS;
		spec->url = alarm->prometheus.url.text;
		spec->query = alarm->prometheus.query.text;
		spec->timeout_ms = ms_of(&alarm->prometheus.timeout, TIMEOUT_MS);
	} else if (LANG_IS_SET(alarm->http)) {
		spec->kind = ALARM_HTTP;
		spec->url = alarm->http.url.text;
		spec->status = alarm->http.status.value;
		spec->contains = alarm->http.contains.text;
		spec->timeout_ms = ms_of(&alarm->http.timeout, TIMEOUT_MS);
	} else if (LANG_IS_SET(alarm->alertmanager)) {
		spec->kind = ALARM_ALERTMANAGER;
		for (size_t i = 0; i < labels->count; i++)
			pair_set(&spec->labels, arena, labels->items[i].name.text, labels->items[i].value.text);
	} else if (LANG_IS_SET(alarm->webhook)) {
		spec->kind = ALARM_WEBHOOK;
		spec->firing = alarm->webhook.firing.text;
	} else {
		read_script(spec, &alarm->script, arena);
	}
}

/* What decides whether it fires: not `for`, nor how often it is looked at. */
static struct str digest_definition(const struct alarm_spec *spec, struct arena *arena)
{
	char text[DIGEST_TEXT_BYTES];
	struct str labels = json_of_pairs(&spec->labels, arena), env = json_of_pairs(&spec->env, arena);
	json_t *json = json_pack("[s, o, o, o, I, o, o, o, o, o, o, b, f, b, f]", alarm_kind_names[spec->kind],
		json_of_str(spec->url), json_of_str(spec->query), json_of_str(spec->contains), (json_int_t)spec->status,
		json_of_str(labels), json_of_str(spec->firing), json_of_str(spec->run), json_of_str(spec->repository),
		json_of_str(spec->ref), json_of_str(env), (int)spec->threshold.has_above, spec->threshold.above,
		(int)spec->threshold.has_below, spec->threshold.below);
	digest_text_of(json_text(json, arena), text);
	json_decref(json);
	return arena_str(arena, str_of(text));
}

void alarm_spec_of(const struct configuration_alarm *alarm, struct alarm_spec *ret, struct arena *arena)
{
	struct alarm_spec spec = {
		.name = alarm->name.text,
		.description = alarm->description.text,
		.link = alarm->link.text,
		.threshold = {LANG_IS_SET(alarm->above), LANG_IS_SET(alarm->below), alarm->above.value,
			alarm->below.value},
		.is_dry_run = alarm->dry_run.value,
	};
	read_kind(&spec, alarm, arena);
	bool is_told = spec.kind == ALARM_ALERTMANAGER || spec.kind == ALARM_WEBHOOK;
	int64_t otherwise_ms = is_told ? 0 : spec.kind == ALARM_SCRIPT ? SCRIPT_INTERVAL_MS : INTERVAL_MS;
	spec.rules = (struct alarm_rules){
		.for_us = ms_of(&alarm->firing_for, 0) * US_PER_MS,
		.interval_us = ms_of(&alarm->interval, otherwise_ms) * US_PER_MS,
		.is_told = is_told,
	};
	spec.min_points = LANG_IS_SET(alarm->min_points) ? alarm->min_points.value : !is_told;
	spec.definition = digest_definition(&spec, arena);
	*ret = spec;
	alarm_spec_copy(ret, &spec, arena);
}
