/* A worker's process introduces itself. */
#include "common/io/work.h"
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "server/auth/auth.h"
#include "server/dispatch/dispatch_internal.h"
#include "server/dispatch/own_addresses.h"
#include "server/settings.h"
#include "server/shell/shell.h"

struct registration {
	struct flow flow;
	struct dispatch *dispatch;
	struct http_exchange *exchange;
	struct worker_register message;
	json_t *body;
	int64_t worker;
	int32_t protocol;
	struct str_list denied; /* addresses that no job may reach */
};

static bool check(const struct worker_register *message, struct err *err)
{
	if (message->slots < 1 || message->slots > 1024)
		return err_set(err, ERR_INVALID, "slots: %d; a worker has 1 to 1024", message->slots);
	if (message->name.n == 0 || message->name.n > 100 || message->instance.n < 16 || message->instance.n > 100)
		return err_set(err, ERR_INVALID, "name and instance need 1 to 100 and 16 to 100 characters");
	if (!str_is(message->profile, "full") && !str_is(message->profile, "user"))
		return err_set(err, ERR_INVALID, "profile: \"%.*s\" is neither \"full\" nor \"user\"",
			STR_ARG(message->profile));
	return true;
}

static enum flow_next store(struct flow *flow)
{
	struct registration *registration = (struct registration *)flow;
	const struct worker_register *message = &registration->message;
	json_error_t fault;
	struct str text = http_body(registration->exchange);
	registration->body = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!registration->body) {
		err_set(&flow->err, ERR_INVALID, "the registration is no JSON: %s", fault.text);
		return FLOW_FAIL;
	}
	if (!fields_read_loose(
		    worker_register_fields, registration->body, &registration->message, &flow->arena, &flow->err) ||
		!worker_protocol_agree(
			message->protocol, message->oldest_protocol, &registration->protocol, &flow->err) ||
		!check(message, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(registration->dispatch->server->db);
	json_t *layers = json_object_get(registration->body, "layers");
	db_add(batch, QUERY_WORKER_REGISTER, DB_TEXT(message->name), DB_TEXT(message->instance),
		DB_TEXT(message->version), DB_TEXTS(message->labels.items, message->labels.count),
		DB_I64(message->slots), DB_TEXT(message->profile),
		DB_TEXT(layers ? json_text(layers, &flow->arena) : STR("[]")),
		DB_I64(auth_caller(registration->exchange)->token));
	return db_await(flow, batch);
}

static enum flow_next recover(struct flow *flow)
{
	struct registration *registration = (struct registration *)flow;
	const struct worker_register *message = &registration->message;
	size_t n = message->recovering_count;
	int64_t *jobs = arena_array(&flow->arena, int64_t, n), *attempts = arena_array(&flow->arena, int64_t, n);
	for (size_t i = 0; i < n; i++) {
		jobs[i] = message->recovering[i].job;
		attempts[i] = message->recovering[i].attempt;
	}
	registration->worker = db_i64(db_reply_of(flow), 0, 0, 0);
	dispatch_forget(registration->dispatch, registration->worker);
	struct db_batch *batch = db_batch_new(registration->dispatch->server->db);
	db_add(batch, QUERY_WORKER_RECOVER, DB_I64(registration->worker), DB_TEXT(message->instance), DB_I64S(jobs, n),
		DB_I64S(attempts, n));
	return db_await(flow, batch);
}

static enum flow_next tell(struct flow *flow)
{
	struct registration *registration = (struct registration *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	FAILPOINT("worker.registered");
	for (size_t i = 0; i < db_row_count(reply, 0); i++)
		shell_look(registration->dispatch->server->shell, db_i64(reply, 0, i, 0));
	log_info("worker.registered", F("worker", registration->worker), F("name", registration->message.name),
		F("slots", registration->message.slots), F("protocol", registration->protocol),
		F("profile", registration->message.profile));
	return FLOW_DONE;
}

static void gather_on_pool(void *arg)
{
	struct registration *registration = arg;
	const struct server *server = registration->dispatch->server;
	struct arena *arena = &registration->flow.arena;
	own_addresses_add_machine(&registration->denied, arena);
	own_addresses_add_hosts(&registration->denied, server->settings->listen_address, arena);
	own_addresses_add_hosts(&registration->denied, db_hosts(server->db), arena);
}

static void gathered(void *arg, bool is_cancelled)
{
	struct registration *registration = arg;
	struct err err;
	if (!is_cancelled) {
		flow_resume(&registration->flow);
		return;
	}
	err_set(&err, ERR_BUSY, "the server is stopping");
	flow_fail(&registration->flow, &err);
}

/* At each registration: addresses change while a server runs. */
static enum flow_next gather_addresses(struct flow *flow)
{
	struct registration *registration = (struct registration *)flow;
	work_submit(registration->dispatch->server->loop, gather_on_pool, gathered, registration);
	return FLOW_WAIT;
}

static flow_step *const steps[] = {gather_addresses, store, recover, tell, NULL};

static void registration_ended(struct flow *flow)
{
	struct registration *registration = (struct registration *)flow;
	struct dispatch *dispatch = registration->dispatch;
	if (flow->err.kind != ERR_NONE)
		http_answer_err(registration->exchange, &flow->err);
	else {
		int64_t lease_ms = dispatch->server->settings->lease;
		struct worker_registered answer = {
			.worker = registration->worker,
			.lease_ms = lease_ms,
			/* Nearly four renewals fit into a lease: two lost packets never look like a dead worker. */
			.renew_ms = lease_ms * 4 / 15,
			.wait_ms = DISPATCH_WAIT_MS,
			.server_version = STR(PENSTOCK_VERSION),
			.protocol = registration->protocol,
			.denied_addresses = registration->denied,
		};
		http_answer_json(registration->exchange, 200, fields_write(worker_registered_fields, &answer));
	}
	json_decref(registration->body);
	flow_free(flow);
	dispatch_flow_ended(dispatch);
}

void dispatch_register(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct registration *registration = flow_new(sizeof *registration, steps, registration_ended);
	registration->dispatch = server->dispatch;
	registration->exchange = exchange;
	server->dispatch->active++;
	flow_start(&registration->flow);
}
