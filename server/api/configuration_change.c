#include "server/api/configuration_change.h"

#include "common/io/work.h"
#include "common/json.h"

static struct change *change_of(struct flow *flow)
{
	return (struct change *)flow;
}

/* --- what the document says, read on a pool thread --- */

static void read_on_pool(void *arg)
{
	struct change *change = arg;
	struct arena *arena = &change->api.flow.arena;
	change->errors.arena = arena;
	if (configuration_load_given(change->text, "configuration", arena, &change->made, &change->errors))
		change->differences = configuration_diff(change->before->configuration, change->made);
}

/* What another version of this program has stored may be wrong to this one; then the errors say whose they are. */
static void read_versions_on_pool(void *arg)
{
	struct change *change = arg;
	struct arena *arena = &change->api.flow.arena;
	const struct configuration *earlier;
	change->errors.arena = arena;
	struct str later_name = arena_printf(arena, "version %lld", (long long)change->version);
	struct str earlier_name = arena_printf(arena, "version %lld", (long long)change->from_version);
	if (configuration_load(change->earlier, earlier_name.p, arena, &earlier, &change->errors) &&
		configuration_load(change->text, later_name.p, arena, &change->made, &change->errors))
		change->differences = configuration_diff(earlier, change->made);
}

static void was_read(void *arg, bool is_cancelled)
{
	struct change *change = arg;
	struct err err;
	if (is_cancelled) {
		err_set(&err, ERR_BUSY, "the server is stopping");
		flow_fail(&change->api.flow, &err);
		return;
	}
	flow_resume(&change->api.flow);
}

enum flow_next change_read(struct flow *flow)
{
	struct change *change = change_of(flow);
	change->before = configuration_ref(configurations_now(change->api.server->configurations));
	work_submit(change->api.server->loop, read_on_pool, was_read, change);
	return FLOW_WAIT;
}

enum flow_next change_read_versions(struct flow *flow)
{
	struct change *change = change_of(flow);
	work_submit(change->api.server->loop, read_versions_on_pool, was_read, change);
	return FLOW_WAIT;
}

/* --- names that only the database knows: a warning, since both may be made later --- */

static void add_text(struct str_list *list, struct str text, struct arena *arena)
{
	if (text.n == 0 || str_list_has(list, text))
		return;
	list->items = arena_grow(arena, list->items, sizeof *list->items, list->count);
	list->items[list->count++] = text;
}

static struct str_list accounts_of(const struct configuration *made, struct arena *arena)
{
	struct str_list names = {0};
	for (size_t i = 0; i < made->groups.count; i++)
		for (size_t j = 0; j < made->groups.items[i].members.count; j++)
			add_text(&names, made->groups.items[i].members.items[j].text, arena);
	return names;
}

static struct str_list repositories_of(const struct configuration *made, struct arena *arena)
{
	struct str_list names = {0};
	for (size_t i = 0; i < made->services.count; i++)
		add_text(&names, configuration_repository(&made->services.items[i]), arena);
	/* A service that has no entry is the repository of its name. */
	for (size_t i = 0; i < made->services.count; i++)
		for (size_t j = 0; j < made->services.items[i].reads.count; j++)
			if (!configuration_service(made, made->services.items[i].reads.items[j].text))
				add_text(&names, made->services.items[i].reads.items[j].text, arena);
	for (size_t i = 0; i < made->alarms.count; i++)
		add_text(&names, made->alarms.items[i].script.repository.text, arena);
	return names;
}

enum flow_next change_look_up(struct flow *flow)
{
	struct change *change = change_of(flow);
	if (!change->made)
		return FLOW_CONTINUE;
	struct str_list accounts = accounts_of(change->made, &flow->arena);
	struct str_list repositories = repositories_of(change->made, &flow->arena);
	struct db_batch *batch = db_batch_new(change->api.server->db);
	db_add(batch, QUERY_CONFIGURATION_UNKNOWN, DB_TEXTS(accounts.items, accounts.count),
		DB_TEXTS(repositories.items, repositories.count));
	return db_await(flow, batch);
}

/* {version, changes, errors, warnings} */
static json_t *describe(struct change *change, const struct db_reply *unknown)
{
	json_t *errors = json_array(), *warnings = json_array();
	lang_errors_describe(&change->errors, errors);
	if (!change->differences)
		change->differences = json_array();
	for (size_t i = 0; change->made && i < db_row_count(unknown, 0); i++)
		json_array_append_new(warnings, json_of_str(db_text(unknown, 0, i, 0)));
	struct str_list doubts = {0};
	if (change->made)
		doubts = configuration_warnings(change->made, &change->api.flow.arena);
	for (size_t i = 0; i < doubts.count; i++)
		json_array_append_new(warnings, json_of_str(doubts.items[i]));
	int64_t version = change->before ? change->before->version : change->from_version;
	return json_pack("{s:I, s:O, s:o, s:o}", "version", (json_int_t)version, "changes", change->differences,
		"errors", errors, "warnings", warnings);
}

enum flow_next change_show(struct flow *flow)
{
	struct change *change = change_of(flow);
	change->api.answer = describe(change, change->made ? db_reply_of(flow) : NULL);
	return FLOW_DONE;
}

/* --- storing --- */

/* As the database keeps it: an order for each environment, since jsonb forgets that of the document. */
static json_t *said_by(const struct configuration *made)
{
	json_t *said = configuration_describe(made), *environments = json_object_get(said, "environments");
	for (size_t i = 0; i < made->environments.count; i++) {
		const struct configuration_environment *environment = &made->environments.items[i];
		int64_t order = LANG_IS_SET(environment->order) ? environment->order.value : (int64_t)i;
		json_t *item = json_object_getn(environments, environment->name.text.p, environment->name.text.n);
		json_object_set_new(item, "order", json_integer(order));
	}
	return said;
}

static bool refuse_errors(struct change *change, struct err *err)
{
	if (change->made)
		return true;
	change->api.details = json_array();
	lang_errors_describe(&change->errors, change->api.details);
	struct str first = lang_error_text(&change->errors.items[0], &change->api.flow.arena);
	size_t more = change->errors.count - 1 + change->errors.left_out;
	if (more)
		return err_set(err, ERR_INVALID, "%.*s (and %zu more)", STR_ARG(str_head(first, 200)), more);
	return err_set(err, ERR_INVALID, "%.*s", STR_ARG(first));
}

enum flow_next change_store(struct flow *flow)
{
	struct change *change = change_of(flow);
	if (!refuse_errors(change, &flow->err))
		return FLOW_FAIL;
	change->api.answer = describe(change, change->made ? db_reply_of(flow) : NULL);
	json_t *said = said_by(change->made);
	struct db_batch *batch = db_batch_new(change->api.server->db);
	db_add(batch, QUERY_CONFIGURATION_APPLY, DB_I64(change->expected), DB_TEXT(change->text), DB_JSON(said),
		DB_I64(auth_caller(change->api.exchange)->person.account), DB_TEXT(change->comment),
		DB_ID_OR_NULL(change->from_version));
	json_decref(said);
	return db_await(flow, batch);
}

/* "eu of prod", or "prod" for a run that is inside its lane. */
static struct str place_of(const json_t *obstacle, struct arena *arena)
{
	struct str target = json_get_str(obstacle, "target");
	return arena_printf(arena, "%.*s%s%.*s", STR_ARG(target), target.n ? " of " : "",
		STR_ARG(json_get_str(obstacle, "environment")));
}

/* All obstacles are in the details; the sentence names one, best with its target, and the way out. */
static bool refuse_obstacles(struct change *change, struct str text, struct err *err)
{
	struct arena *arena = &change->api.flow.arena;
	json_t *obstacles = json_loadb(text.p, text.n, 0, NULL), *list = json_array();
	const json_t *item, *named = json_array_get(obstacles, 0);
	for (size_t i = 0; i < json_array_size(obstacles); i++) {
		item = json_array_get(obstacles, i);
		struct str words = arena_printf(arena, "%.*s is deploying to %.*s, in its stage %.*s",
			STR_ARG(json_get_str(item, "run")), STR_ARG(place_of(item, arena)),
			STR_ARG(json_get_str(item, "stage")));
		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:o}", "file", "", "line", 0, "column", 0,
						    "message", json_of_str(words)));
		if (json_get_str(named, "target").n == 0)
			named = item;
	}
	if (named)
		err_set(err, ERR_CONFLICT,
			"%.*s is deploying to %.*s, %s; let the run end, or `penstock cancel %.*s`, and apply again",
			STR_ARG(json_get_str(named, "run")), STR_ARG(place_of(named, arena)),
			json_get_str(named, "target").n ? "which this would take away"
							: "of which this would take something away",
			STR_ARG(json_get_str(named, "run")));
	bool is_free = !named;
	json_decref(obstacles);
	change->api.details = list;
	return is_free;
}

static void looked(void *arg)
{
	flow_resume(arg);
}

enum flow_next change_stored(struct flow *flow)
{
	struct change *change = change_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT,
			"the configuration is no longer at version %lld: somebody else has changed it; look at `penstock config "
			"history`, and begin again from `penstock config export`",
			(long long)change->expected);
		return FLOW_FAIL;
	}
	if (!refuse_obstacles(change, db_text(reply, 0, 0, 1), &flow->err))
		return FLOW_FAIL;
	change->version = db_i64(reply, 0, 0, 0);
	configurations_changed(change->api.server->configurations, looked, flow);
	return FLOW_WAIT;
}

enum flow_next change_answer(struct flow *flow)
{
	struct change *change = change_of(flow);
	json_object_set_new(change->api.answer, "version", json_integer(change->version));
	json_object_del(change->api.answer, "errors");
	return FLOW_DONE;
}

/* --- the request --- */

bool change_expected(struct change *change, struct err *err)
{
	const json_t *version = json_object_get(change->api.body, "version");
	struct str match;
	if (json_is_integer(version) && json_integer_value(version) >= 0) {
		change->expected = json_integer_value(version);
		return true;
	}
	if (!version && http_header(change->api.exchange, "If-Match", &match) && match.n > 2 &&
		str_to_i64(str_head(str_skip(match, 1), match.n - 2), &change->expected))
		return true;
	return err_set(err, ERR_INVALID,
		"\"version\" (or If-Match) says on which version of the configuration this stands: a number that GET "
		"/api/v1/configuration gives");
}

static void release(struct api_request *request)
{
	struct change *change = (struct change *)request;
	configuration_unref(change->before);
	json_decref(change->differences);
}

void change_start(struct http_exchange *exchange, void *context, flow_step *const *steps)
{
	api_start_with(exchange, context, sizeof(struct change), steps, true, release);
}
