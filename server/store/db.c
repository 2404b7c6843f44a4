#include "server/store/db.h"

#include "common/mem.h"
#include "server/store/db_internal.h"

#include <stdlib.h>

enum { DEFAULT_MAX_WAITING = 20000, DEFAULT_MAX_WAIT_MS = 30 * 1000, MAX_WAITING_BYTES = 256 * 1024 * 1024 };

void db_queue_push(struct batch_queue *queue, struct db_batch *batch)
{
	batch->next = NULL;
	if (queue->last)
		queue->last->next = batch;
	else
		queue->first = batch;
	queue->last = batch;
	queue->count++;
	queue->bytes += batch->bytes;
}

struct db_batch *db_queue_pop(struct batch_queue *queue)
{
	struct db_batch *batch = queue->first;
	if (!batch)
		return NULL;
	queue->first = batch->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	queue->bytes -= batch->bytes;
	return batch;
}

void db_complete(struct db_batch *batch)
{
	struct db_reply *reply = take(batch->reply);
	void (*done)(void *arg, struct db_reply *reply) = batch->done;
	void *arg = batch->arg;
	db_batch_drop(batch);
	done(arg, reply);
}

void db_handle_closed(void *arg)
{
	struct db *db = arg;
	if (db->handles > 0 || !db->is_closing)
		return;
	void (*closed)(void *arg) = db->closed;
	void *closed_arg = db->closed_arg;
	db_listener_free(db->listener);
	free(db->conns);
	free(db->param_counts);
	free(db->hosts);
	free(db->url);
	free(db);
	if (closed)
		closed(closed_arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct db *db = handle->data;
	db->handles--;
	db_handle_closed(db);
}

static void on_finish_timer(uv_timer_t *timer)
{
	struct db *db = timer->data;
	for (struct db_batch *batch; (batch = db_queue_pop(&db->finished));)
		db_complete(batch);
	if (!db->is_closing || uv_is_closing((uv_handle_t *)timer))
		return;
	uv_close((uv_handle_t *)&db->wait_timer, on_timer_closed);
	uv_close((uv_handle_t *)timer, on_timer_closed);
}

/* Completes a batch without the server, later: never inside the call that submitted it. */
static void finish_later(struct db *db, struct db_batch *batch, const struct err *err)
{
	db_reply_fail(batch->reply, err);
	db_queue_push(&db->finished, batch);
	if (!uv_is_active((uv_handle_t *)&db->finish_timer))
		uv_timer_start(&db->finish_timer, on_finish_timer, 0, 0);
}

/* The one with the least in flight. */
static struct db_conn *find_room(struct db *db)
{
	struct db_conn *best = NULL;
	for (size_t i = 0; i < db->conn_count; i++) {
		struct db_conn *conn = &db->conns[i];
		if (db_conn_has_room(conn) && (!best || conn->sent.count < best->sent.count))
			best = conn;
	}
	return best;
}

void db_pump(struct db *db)
{
	for (struct db_conn *conn; db->waiting.first && (conn = find_room(db));)
		db_conn_send(conn, db_queue_pop(&db->waiting));
}

static bool is_full(const struct db *db)
{
	return db->waiting.count >= db->max_waiting || db->waiting.bytes >= MAX_WAITING_BYTES;
}

/* Why nothing is sent, where that is known. */
static const struct err *last_error(const struct db *db)
{
	for (size_t i = 0; i < db->conn_count; i++)
		if (db->conns[i].link.last_err.kind != ERR_NONE && !db->conns[i].is_up)
			return &db->conns[i].link.last_err;
	return NULL;
}

static void refuse(struct db *db, struct db_batch *batch, const char *what)
{
	struct err err;
	const struct err *last = db_is_up(db) ? NULL : last_error(db);
	if (last)
		err_set(&err, ERR_BUSY, "%s, the database is down: %s", what, last->text);
	else
		err_set(&err, ERR_BUSY, "%s", what);
	finish_later(db, batch, &err);
}

static void on_wait_timer(uv_timer_t *timer)
{
	struct db *db = timer->data;
	uint64_t now = uv_now(db->loop);
	while (db->waiting.first && db->waiting.first->give_up_at_ms <= now)
		refuse(db, db_queue_pop(&db->waiting), "waited too long for a connection");
	if (db->waiting.first)
		uv_timer_start(timer, on_wait_timer, db->waiting.first->give_up_at_ms - now, 0);
}

static void wait_for_room(struct db *db, struct db_batch *batch)
{
	batch->give_up_at_ms = uv_now(db->loop) + db->max_wait_ms;
	db_queue_push(&db->waiting, batch);
	db_pump(db);
	/* It may find that what it was started for has been sent long ago. */
	if (db->waiting.first && !uv_is_active((uv_handle_t *)&db->wait_timer))
		uv_timer_start(&db->wait_timer, on_wait_timer, db->max_wait_ms, 0);
}

void db_submit(struct db_batch *batch, void (*done)(void *arg, struct db_reply *reply), void *arg)
{
	struct db *db = batch->db;
	struct err err;
	batch->done = done;
	batch->arg = arg;
	if (batch->err.kind != ERR_NONE) {
		finish_later(db, batch, &batch->err);
		return;
	}
	if (batch->bytes > BATCH_MAX_BYTES) {
		err_set(&err, ERR_TOO_LARGE, "a batch of %zu bytes: the limit is %d MiB", batch->bytes,
			BATCH_MAX_BYTES >> 20);
		finish_later(db, batch, &err);
		return;
	}
	if (db->is_closing) {
		err_set(&err, ERR_BUSY, "the database is being closed");
		finish_later(db, batch, &err);
		return;
	}
	if (is_full(db))
		refuse(db, batch, "too many batches wait");
	else
		wait_for_room(db, batch);
}

bool db_is_up(const struct db *db)
{
	for (size_t i = 0; i < db->conn_count; i++)
		if (db->conns[i].is_up)
			return true;
	return false;
}

struct str db_hosts(const struct db *db)
{
	return str_of(db->hosts);
}

static void init_link(struct db *db, struct db_link *link)
{
	link->loop = db->loop;
	link->url = db->url;
	link->handles = &db->handles;
	link->on_handle_closed = db_handle_closed;
	link->arg = db;
}

static void init_timer(struct db *db, uv_timer_t *timer)
{
	uv_timer_init(db->loop, timer);
	timer->data = db;
	db->handles++;
}

static struct db *new_db(struct uv_loop_s *loop, const struct db_options *options)
{
	BUG_ON(options->connections < 1 || options->connections > 64);
	struct db *db = mem_alloc(sizeof *db);
	db->loop = loop;
	db->url = mem_strdup(options->url);
	db->statements = options->statements ? options->statements : db_queries;
	while (db->statements[db->statement_count].name)
		db->statement_count++;
	db->param_counts = mem_alloc((db->statement_count + 1) * sizeof *db->param_counts);
	db->max_waiting = options->max_waiting ? options->max_waiting : DEFAULT_MAX_WAITING;
	db->max_wait_ms = options->max_wait_ms ? (uint64_t)options->max_wait_ms : DEFAULT_MAX_WAIT_MS;
	db->conn_count = (size_t)options->connections;
	db->conns = mem_alloc(db->conn_count * sizeof *db->conns);
	for (size_t i = 0; i < db->conn_count; i++) {
		db->conns[i].db = db;
		init_link(db, &db->conns[i].link);
	}
	return db;
}

bool db_open(struct uv_loop_s *loop, const struct db_options *options, struct db **ret, struct err *err)
{
	struct db *db = new_db(loop, options);
	if (!db_conn_open_first(&db->conns[0], err)) {
		/* No handle of the loop is in use yet. */
		free(db->conns);
		free(db->param_counts);
		free(db->hosts);
		free(db->url);
		free(db);
		return false;
	}
	init_timer(db, &db->finish_timer);
	init_timer(db, &db->wait_timer);
	for (size_t i = 1; i < db->conn_count; i++)
		db_conn_open(&db->conns[i]);
	if (options->channel) {
		db->listener = db_listener_new(db, options);
		init_link(db, db_listener_link(db->listener));
		db_listener_open(db->listener);
	}
	*ret = db;
	return true;
}

void db_close(struct db *db, void (*closed)(void *arg), void *arg)
{
	struct err err;
	BUG_ON(db->is_closing);
	db->is_closing = true;
	db->closed = closed;
	db->closed_arg = arg;
	for (size_t i = 0; i < db->conn_count; i++)
		db_conn_close(&db->conns[i]);
	if (db->listener)
		db_listener_close(db->listener);
	err_set(&err, ERR_BUSY, "the database is being closed");
	for (struct db_batch *batch; (batch = db_queue_pop(&db->waiting));)
		finish_later(db, batch, &err);
	uv_timer_start(&db->finish_timer, on_finish_timer, 0, 0);
}

static void release_reply(void *reply)
{
	db_reply_free(reply);
}

static void on_awaited(void *arg, struct db_reply *reply)
{
	struct flow *flow = arg;
	const struct err *err = db_error(reply);
	flow_hold(flow, reply, release_reply);
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

static void on_awaited_conflict(void *arg, struct db_reply *reply)
{
	const struct err *err = db_error(reply);
	if (!err || err->kind != ERR_CONFLICT) {
		on_awaited(arg, reply);
		return;
	}
	flow_hold(arg, reply, release_reply);
	flow_resume(arg);
}

enum flow_next db_await(struct flow *flow, struct db_batch *batch)
{
	db_submit(batch, on_awaited, flow);
	return FLOW_WAIT;
}

enum flow_next db_await_conflict(struct flow *flow, struct db_batch *batch)
{
	db_submit(batch, on_awaited_conflict, flow);
	return FLOW_WAIT;
}

struct db_reply *db_reply_of(struct flow *flow)
{
	if (!flow->held || flow->release != release_reply)
		BUG("the flow holds no reply of the database");
	return flow->held;
}
