#include "server/store/db_internal.h"

#include "common/mem.h"

/*
 * One connection in pipeline mode. What is in flight is a queue: the results come back in the order of the statements,
 * and each batch ends with the answer to its sync.
 */

enum {
	/* Deep enough to keep the server busy, and shallow enough that a batch rarely stands behind many others while
	 * another connection is free. */
	MAX_SENT_BATCHES = 64,
	MAX_SENT_BYTES = 8 * 1024 * 1024,
};

static void on_connected(struct db_link *link);
static void on_ready(struct db_link *link);
static void on_lost(struct db_link *link, const struct err *err);

static const struct db_link_calls calls = {on_connected, on_ready, on_lost};

/* The text forms that the mappers read, and limits, so that nothing waits for ever behind a stuck transaction. */
static bool send_settings(PGconn *pg)
{
	auto_buf text = BUF_INIT(1024);
	buf_addf(&text,
		"select set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false), "
		"set_config('bytea_output', 'hex', false), set_config('jit', 'off', false), "
		"set_config('statement_timeout', '%d', false), set_config('lock_timeout', '%d', false)",
		STATEMENT_LIMIT_MS, LOCK_LIMIT_MS);
	return PQsendQueryParams(pg, buf_c(&text), 0, NULL, NULL, NULL, NULL, 0);
}

static bool send_preparations(const struct db *db, PGconn *pg)
{
	bool is_ok = PQenterPipelineMode(pg) && send_settings(pg);
	for (size_t i = 0; is_ok && i < db->statement_count; i++)
		is_ok = PQsendPrepare(pg, db->statements[i].name, db->statements[i].text, 0, NULL) &&
			PQsendDescribePrepared(pg, db->statements[i].name);
	return is_ok && PQpipelineSync(pg);
}

/* Results come in the order sent: the settings, then a preparation and a description for each statement. */
static bool take_preparation(struct db *db, size_t at, const PGresult *result, struct err *err)
{
	const char *name = at == 0 ? "settings" : db->statements[(at - 1) / 2].name;
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
		db_result_error(result, name, err);
		return position ? err_wrap(err, "prepare, at character %s", position) : err_wrap(err, "prepare");
	}
	if (at > 0 && at % 2 == 0)
		db->param_counts[(at - 1) / 2] = PQnparams(result);
	return true;
}

static bool prepare_blocking(struct db *db, PGconn *pg, struct err *err)
{
	if (!send_preparations(db, pg))
		return db_link_error(pg, "prepare", err);
	bool is_ok = true;
	for (size_t at = 0, nulls = 0;;) {
		PGresult *result = PQgetResult(pg);
		ExecStatusType status = PQresultStatus(result);
		nulls = result ? 0 : nulls + 1;
		if (result && status != PGRES_PIPELINE_SYNC && is_ok)
			is_ok = take_preparation(db, at++, result, err);
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC || !is_ok)
			return is_ok;
		if (nulls == 2)
			return db_link_error(pg, "prepare", err);
	}
}

/* What the URL, the environment and a service file came to. */
static char *hosts_of(PGconn *pg)
{
	auto_buf hosts = BUF_INIT(64 * 1024);
	PQconninfoOption *options = PQconninfo(pg);
	for (const PQconninfoOption *option = options; option && option->keyword; option++)
		if (option->val &&
			(str_is(str_of(option->keyword), "host") || str_is(str_of(option->keyword), "hostaddr")))
			buf_addf(&hosts, "%s%s", hosts.n ? "," : "", option->val);
	PQconninfoFree(options);
	return mem_strdup(buf_c(&hosts));
}

bool db_conn_open_first(struct db_conn *conn, struct err *err)
{
	PGconn *pg;
	if (!db_connect_blocking(conn->db->url, &pg, err))
		return false;
	if (!prepare_blocking(conn->db, pg, err)) {
		PQfinish(pg);
		return false;
	}
	conn->link.calls = &calls;
	conn->is_up = true;
	conn->db->hosts = hosts_of(pg);
	db_link_start(&conn->link, pg);
	return true;
}

void db_conn_open(struct db_conn *conn)
{
	conn->link.calls = &calls;
	db_link_start(&conn->link, NULL);
}

static void on_connected(struct db_link *link)
{
	struct db_conn *conn = (struct db_conn *)link;
	struct err err;
	conn->prepared = 0;
	if (send_preparations(conn->db, link->pg)) {
		db_link_flush(link);
		return;
	}
	db_link_error(link->pg, "prepare", &err);
	db_link_drop(link, &err);
}

bool db_conn_has_room(const struct db_conn *conn)
{
	return conn->is_up && conn->sent.count < MAX_SENT_BATCHES && conn->sent.bytes < MAX_SENT_BYTES &&
	       PQstatus(conn->link.pg) == CONNECTION_OK;
}

static bool send_command(PGconn *pg, const struct db_statement *statement, const struct db_command *c)
{
	if (statement->is_planned_each_time)
		return PQsendQueryParams(pg, statement->text, c->count, NULL, c->values, c->lengths, c->formats, 0);
	return PQsendQueryPrepared(pg, statement->name, c->count, c->values, c->lengths, c->formats, 0);
}

void db_conn_send(struct db_conn *conn, struct db_batch *batch)
{
	bool is_ok = true;
	for (const struct db_command *c = batch->first; c && is_ok; c = c->next)
		is_ok = send_command(conn->link.pg, &conn->db->statements[c->query], c);
	is_ok = is_ok && PQpipelineSync(conn->link.pg);
	/* libpq has its own copy now. */
	arena_done(&batch->arena);
	batch->first = batch->last = NULL;
	db_queue_push(&conn->sent, batch);
	/* It refuses only when the connection is gone, which the flush then sees. */
	BUG_ON(!is_ok && PQstatus(conn->link.pg) == CONNECTION_OK);
	db_link_flush(&conn->link);
}

static void take_batch_result(struct db_conn *conn, PGresult *result)
{
	if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
		db_reply_take(conn->sent.first->reply, result);
		return;
	}
	PQclear(result);
	db_complete(db_queue_pop(&conn->sent));
}

static void take_prepare_result(struct db_conn *conn, PGresult *result)
{
	struct err err;
	bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	bool is_ok = is_sync || take_preparation(conn->db, conn->prepared++, result, &err);
	PQclear(result);
	if (!is_ok) {
		db_link_drop(&conn->link, &err);
	} else if (is_sync) {
		conn->is_up = true;
		db_link_worked(&conn->link);
	}
}

static void on_ready(struct db_link *link)
{
	struct db_conn *conn = (struct db_conn *)link;
	bool was_null = false;
	/* A callback may close the connection. Between the results stands one NULL; two are the end of a lost
	 * connection. */
	while (link->state == LINK_CONNECTED && (conn->sent.first || !conn->is_up) && !PQisBusy(link->pg)) {
		PGresult *result = PQgetResult(link->pg);
		if (!result && was_null)
			break;
		was_null = !result;
		if (!result)
			continue;
		if (db_link_is_last_word(link, result)) {
			PQclear(result);
			break;
		}
		if (conn->is_up)
			take_batch_result(conn, result);
		else
			take_prepare_result(conn, result);
	}
	db_pump(conn->db);
}

static void on_lost(struct db_link *link, const struct err *err)
{
	struct db_conn *conn = (struct db_conn *)link;
	struct batch_queue lost = conn->sent;
	conn->sent = (struct batch_queue){0};
	conn->is_up = false;
	for (struct db_batch *batch; (batch = db_queue_pop(&lost));) {
		struct err why = *err;
		why.kind = ERR_UPSTREAM;
		err_wrap(&why, "outcome unknown");
		db_reply_fail(batch->reply, &why);
		db_complete(batch);
	}
}

void db_conn_close(struct db_conn *conn)
{
	struct err err;
	err_set(&err, ERR_UPSTREAM, "outcome unknown: closing");
	conn->is_up = false;
	for (struct db_batch *batch; (batch = db_queue_pop(&conn->sent));) {
		db_reply_fail(batch->reply, &err);
		db_queue_push(&conn->db->finished, batch);
	}
	db_link_close(&conn->link);
}
