#include "server/api/board.h"

#include "common/json.h"
#include "common/mem.h"
#include "server/api/blockers.h"
#include "server/api/deployments.h"
#include "server/api/handler.h"
#include "server/api/open_state.h"
#include "server/api/routes.h"
#include "server/configuration/configurations.h"

struct target_row {
	struct str service, environment, target, version, commit, run, actor, state, quarantine;
	struct str coming_run, coming_version, coming_state, failed_run, failed_version;
	struct str report, reported, report_problem, alert, no_way_back;
	struct str_list alarms;
	int32_t position, teardown_tries;
	int64_t expires_at, since, quarantine_id, reported_at, differs_since;
};

static const struct field target_fields[] = {
	FIELD(struct target_row, service, FIELD_STR, 0),
	FIELD(struct target_row, environment, FIELD_STR, 0),
	FIELD(struct target_row, position, FIELD_I32, 0),
	FIELD(struct target_row, target, FIELD_STR, 0),
	FIELD(struct target_row, version, FIELD_STR, 0),
	FIELD(struct target_row, commit, FIELD_STR, 0),
	FIELD(struct target_row, run, FIELD_STR, 0),
	FIELD(struct target_row, actor, FIELD_STR, 0),
	FIELD(struct target_row, state, FIELD_STR, 0),
	FIELD(struct target_row, since, FIELD_TIME, 0),
	FIELD(struct target_row, quarantine_id, FIELD_I64, 0),
	FIELD(struct target_row, quarantine, FIELD_STR, 0),
	FIELD(struct target_row, coming_run, FIELD_STR, 0),
	FIELD(struct target_row, coming_version, FIELD_STR, 0),
	FIELD(struct target_row, coming_state, FIELD_STR, 0),
	FIELD(struct target_row, failed_run, FIELD_STR, 0),
	FIELD(struct target_row, failed_version, FIELD_STR, 0),
	FIELD(struct target_row, alarms, FIELD_STRS, 0),
	FIELD(struct target_row, alert, FIELD_STR, 0),
	FIELD(struct target_row, no_way_back, FIELD_STR, 0),
	FIELD(struct target_row, expires_at, FIELD_TIME, 0),
	FIELD(struct target_row, teardown_tries, FIELD_I32, 0),
	FIELD(struct target_row, report, FIELD_STR, 0),
	FIELD(struct target_row, reported, FIELD_STR, 0),
	FIELD(struct target_row, report_problem, FIELD_STR, 0),
	FIELD(struct target_row, reported_at, FIELD_TIME, 0),
	FIELD(struct target_row, differs_since, FIELD_TIME, 0),
	FIELD_END,
};

struct waiting_row {
	struct str service, environment, run, stage, state, version, commit, waiting_for, override;
	bool is_asked;
	struct str_list alarms;
	int64_t created_at, waiting_since;
};

static const struct field waiting_fields[] = {
	FIELD(struct waiting_row, service, FIELD_STR, 0),
	FIELD(struct waiting_row, environment, FIELD_STR, 0),
	FIELD(struct waiting_row, run, FIELD_STR, 0),
	FIELD(struct waiting_row, stage, FIELD_STR, 0),
	FIELD(struct waiting_row, state, FIELD_STR, 0),
	FIELD(struct waiting_row, version, FIELD_STR, 0),
	FIELD(struct waiting_row, commit, FIELD_STR, 0),
	FIELD(struct waiting_row, waiting_for, FIELD_STR, 0),
	FIELD(struct waiting_row, waiting_since, FIELD_TIME, 0),
	FIELD(struct waiting_row, override, FIELD_STR, 0),
	FIELD(struct waiting_row, is_asked, FIELD_BOOL, 0),
	FIELD(struct waiting_row, alarms, FIELD_STRS, 0),
	FIELD(struct waiting_row, created_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str service = STR(""), environment = STR("");
	http_query(request->exchange, "service", &service);
	http_query(request->exchange, "environment", &environment);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_BOARD, DB_TEXT(service), DB_TEXT(environment));
	db_add(batch, QUERY_BOARD_WAITING, DB_TEXT(service), DB_TEXT(environment));
	return db_await(flow, batch);
}

/* --- places --- */

/* A service in an environment: what the configuration says of the two together. */
static json_t *describe_place(
	const struct configuration_snapshot *now, struct str service, struct str environment, struct arena *arena)
{
	const struct configuration_environment *where = configuration_environment(now->configuration, environment);
	const struct configuration_pin *pin = configuration_pin(now->configuration, service, environment);
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "service", json_of_str(service), "environment",
		json_of_str(environment), "state",
		where ? open_state(now, where, service, STR(""), arena) : json_null(), "pin",
		json_of_str(pin ? pin->version.text : STR("")), "pin_reason",
		json_of_str(pin ? pin->reason.text : STR("")));
}

struct place {
	struct str service, environment;
};

static void add_place(struct place *places, size_t *count, struct str service, struct str environment)
{
	for (size_t i = *count; i > 0; i--)
		if (str_eq(places[i - 1].service, service) && str_eq(places[i - 1].environment, environment))
			return;
	places[(*count)++] = (struct place){service, environment};
}

static json_t *describe_places(const struct configuration_snapshot *now, const struct target_row *targets,
	size_t target_count, const struct waiting_row *waiting, size_t waiting_count, struct arena *arena)
{
	struct place *places = arena_array(arena, struct place, target_count + waiting_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < target_count; i++)
		add_place(places, &count, targets[i].service, targets[i].environment);
	for (size_t i = 0; i < waiting_count; i++)
		add_place(places, &count, waiting[i].service, waiting[i].environment);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, describe_place(now, places[i].service, places[i].environment, arena));
	return list;
}

/* --- what targets report --- */

/* What was reported counts as long as the configuration asks for it. */
static void forget_old_reports(const struct configuration *now, struct target_row *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct target_row *row = &targets[i];
		const struct configuration_environment *environment =
			row->report.n ? configuration_environment(now, row->environment) : NULL;
		const struct configuration_target *target =
			environment ? configuration_environment_target(environment, row->target) : NULL;
		bool is_asked = target && LANG_IS_SET(target->probe) &&
				(!target->probe.service.text.n || str_eq(target->probe.service.text, row->service));
		if (is_asked)
			continue;
		row->report = row->reported = row->report_problem = STR("");
		row->reported_at = row->differs_since = 0;
	}
}

/* --- the answer --- */

/* What the buttons of a board do. */
static const struct api_action actions[] = {
	{"roll_back", rollbacks_create},
	{"deploy", deployments_create},
	{"resolve", deployments_resolve},
	{"accept", waves_accept},
	{"override", blockers_override},
	{"release", quarantine_release},
	{"stop", blockers_place},
	{"lift", blockers_lift},
	{NULL, NULL},
};

static json_t *list_of(const struct field *fields, const void *rows, size_t size, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, fields_write(fields, (const char *)rows + i * size));
	return list;
}

static enum flow_next answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	const struct configuration_snapshot *now = configurations_now(request->server->configurations);
	void *targets, *waiting;
	size_t target_count, waiting_count;
	if (!db_read_rows(reply, 0, target_fields, sizeof(struct target_row), &targets, &target_count, &flow->arena,
		    &flow->err) ||
		!db_read_rows(reply, 1, waiting_fields, sizeof(struct waiting_row), &waiting, &waiting_count,
			&flow->arena, &flow->err))
		return FLOW_FAIL;
	forget_old_reports(now->configuration, targets, target_count);
	request->answer = json_pack("{s:o, s:o, s:o, s:o}", "targets",
		list_of(target_fields, targets, sizeof(struct target_row), target_count), "waiting",
		list_of(waiting_fields, waiting, sizeof(struct waiting_row), waiting_count), "places",
		describe_places(now, targets, target_count, waiting, waiting_count, &flow->arena), "why_not",
		api_why_not(auth_caller(request->exchange), actions));
	return FLOW_DONE;
}

void board_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {query, answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
