#ifndef SERVER_STORE_DB_H
#define SERVER_STORE_DB_H

/*
 * PostgreSQL on the loop: a small pool of libpq connections in pipeline mode. Statements are the files of sql/queries/,
 * one each, prepared when a connection opens, so that a wrong query stops the start. A transaction is one batch up to
 * one sync, without BEGIN; many batches are in flight on one connection. With one connection they run in the order of
 * db_submit(), with several in any. A lost connection is opened again with back-off while the server goes on; its
 * batches complete with ERR_UPSTREAM (a batch that was sent may or may not have been committed: the text says "outcome
 * unknown"), the ones that were not sent yet wait for the next connection, up to a ceiling
 * of number and time, then ERR_BUSY.
 *
 * The statements that guard a change of state raise SQLSTATE PS001 when it is stale; that, serialisation failures and
 * deadlocks come back as ERR_CONFLICT, a unique violation as ERR_CONFLICT with its name in db_constraint(). Other
 * violations and values that do not fit are ERR_INVALID, a limit on time (a minute for a statement, 20 s for a lock)
 * ERR_TIMEOUT, a full server ERR_BUSY, what only a wrong statement can cause ERR_BUG.
 */

#include "common/err.h"
#include "common/fields.h"
#include "common/io/flow.h"
#include "common/str.h"
#include "server/store/queries.h" /* generated: enum query { QUERY_RUN_INSERT, ... } from sql/queries/run_insert.sql */

struct uv_loop_s;
struct db;
struct db_batch;

struct db_options {
	const char *url; /* libpq's: URI or key=value */
	int connections; /* 1 to 64 */
	/* LISTEN on a connection of its own; NULL: none. on_notify runs for what other programs sent, and with an empty
	 * payload each time the connection is made: look at the rows. */
	const char *channel;
	void (*on_notify)(void *arg, struct str payload);
	void *arg;
	const struct db_statement *statements; /* NULL: those of sql/queries */
	size_t max_waiting;                    /* batches that are not sent yet; 0: 20,000 */
	int64_t max_wait_ms;                   /* of a batch that is not sent yet; 0: 30 s */
};

/* Connects and prepares one connection before it returns (blocking, at the start only); the others follow on the loop.
 */
bool db_open(struct uv_loop_s *loop, const struct db_options *options, struct db **ret, struct err *err);
/* What is sent or waits completes with an error, from the loop, then `closed` runs. Nothing may be submitted behind
 * that. */
void db_close(struct db *db, void (*closed)(void *arg), void *arg);
bool db_is_up(const struct db *db); /* some connection is usable now */
/* Where the database may be, by libpq's rules: names, addresses and socket folders, separated by commas. */
struct str db_hosts(const struct db *db);

/* Tells the other servers that listen: payloads (1 to 7,999 bytes, no zero byte) of 5 ms are sent together, equal ones
 * once, apart from any transaction. A hint: it may be lost. Call it when the batch that made the change is done. */
void db_notify(struct db *db, struct str payload);

/* Parameters, one for each $n, copied into the batch. */
enum db_param_kind {
	DB_PARAM_NULL,
	DB_PARAM_I64,
	DB_PARAM_F64,
	DB_PARAM_BOOL,
	DB_PARAM_TEXT,
	DB_PARAM_BYTES,
	DB_PARAM_TIME,
	DB_PARAM_JSON,
	DB_PARAM_I64S,
	DB_PARAM_TEXTS,
	DB_PARAM_TIMES
};

struct db_param {
	enum db_param_kind kind;
	union {
		int64_t number;
		double real;
		struct str text;
		const json_t *json;
		struct {
			const void *items; /* int64_t or struct str */
			size_t count;
		};
	};
};

#define DB_NULL                ((struct db_param){.kind = DB_PARAM_NULL})
#define DB_I64(value)          ((struct db_param){.kind = DB_PARAM_I64, .number = (value)})
#define DB_F64(value)          ((struct db_param){.kind = DB_PARAM_F64, .real = (value)})
#define DB_BOOL(value)         ((struct db_param){.kind = DB_PARAM_BOOL, .number = (value)})
#define DB_TEXT(value)         ((struct db_param){.kind = DB_PARAM_TEXT, .text = (value)})
#define DB_TEXT_OR_NULL(value) ((struct db_param){.kind = (value).n ? DB_PARAM_TEXT : DB_PARAM_NULL, .text = (value)})
#define DB_ID_OR_NULL(value)   ((struct db_param){.kind = (value) ? DB_PARAM_I64 : DB_PARAM_NULL, .number = (value)})
#define DB_BYTES(value)        ((struct db_param){.kind = DB_PARAM_BYTES, .text = (value)})
/* Microseconds since 1970; 0 is NULL. */
#define DB_TIME(value)     ((struct db_param){.kind = (value) ? DB_PARAM_TIME : DB_PARAM_NULL, .number = (value)})
#define DB_JSON(value)     ((struct db_param){.kind = (value) ? DB_PARAM_JSON : DB_PARAM_NULL, .json = (value)})
#define DB_I64S(array, n_) ((struct db_param){.kind = DB_PARAM_I64S, .items = (array), .count = (n_)})
#define DB_TEXTS(array, n_)                                                                                            \
	((struct db_param){.kind = DB_PARAM_TEXTS, .items = (array), .count = (n_)}) /* p == NULL: NULL */
#define DB_TIMES(array, n_) ((struct db_param){.kind = DB_PARAM_TIMES, .items = (array), .count = (n_)}) /* 0: NULL */

struct db_batch *db_batch_new(struct db *db);
void db_batch_free(struct db_batch *batch); /* one that was not submitted */
/* BUG when the count is not what the statement takes. A value that cannot be sent (a zero byte in a text) fails the
 * batch. */
void db_add_params(struct db_batch *batch, enum query query, const struct db_param *params, size_t count);
#define db_add(batch, query, ...)                                                                                      \
	db_add_params((batch), (query), (const struct db_param[]){__VA_ARGS__ __VA_OPT__(, ) DB_NULL},                 \
		sizeof((const struct db_param[]){__VA_ARGS__ __VA_OPT__(, ) DB_NULL}) / sizeof(struct db_param) - 1)

struct db_reply; /* the results of a batch, one for each statement, in order */

/* Takes the batch. `done` runs once, later, on the loop, and owns the reply (db_reply_free). */
void db_submit(struct db_batch *batch, void (*done)(void *arg, struct db_reply *reply), void *arg);
/* For a flow's step: submits, keeps the reply (db_reply_of) and resumes the flow; an error fails the flow. */
enum flow_next db_await(struct flow *flow, struct db_batch *batch);
/* The same, but an ERR_CONFLICT resumes too: the step behind looks at db_error(). */
enum flow_next db_await_conflict(struct flow *flow, struct db_batch *batch);
struct db_reply *db_reply_of(struct flow *flow);

const struct err *db_error(const struct db_reply *reply); /* NULL when the whole batch was committed */
struct str db_constraint(const struct db_reply *reply);   /* of a unique or check violation, else empty */
size_t db_row_count(const struct db_reply *reply, size_t statement);
size_t db_changed_count(
	const struct db_reply *reply, size_t statement); /* rows inserted, updated, deleted or selected */
bool db_is_null(const struct db_reply *reply, size_t statement, size_t row, size_t column);
/* Empty, with p == NULL, when null; of a bytea column the raw bytes. Lives as long as the reply, like all texts here.
 */
struct str db_text(const struct db_reply *reply, size_t statement, size_t row, size_t column);
/* 0 and false when null; BUG on no number, boolean or time. */
int64_t db_i64(const struct db_reply *reply, size_t statement, size_t row, size_t column);
bool db_bool(const struct db_reply *reply, size_t statement, size_t row, size_t column);
int64_t db_time(const struct db_reply *reply, size_t statement, size_t row, size_t column);
/* Maps a row by the field table: each field must have a column of its name and each column a field, else ERR_BUG. NULL
 * columns leave the field as it was (zero it first). FIELD_JSON columns are parsed and live as long as the reply;
 * FIELD_STRS are text[]; bytea comes as FIELD_STR with the raw bytes; FIELD_OBJECT, POINTER, LIST and PAIRS are read
 * from json and jsonb. *ret may be half filled on failure. */
bool db_read_row(const struct db_reply *reply, size_t statement, size_t row, const struct field *fields, void *ret,
	struct arena *arena, struct err *err);
/* All rows of a statement as an array of items of `size`. */
bool db_read_rows(const struct db_reply *reply, size_t statement, const struct field *fields, size_t size,
	void **ret_items, size_t *ret_count, struct arena *arena, struct err *err);
void db_reply_free(struct db_reply *reply);

#endif
