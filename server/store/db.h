#ifndef SERVER_STORE_DB_H
#define SERVER_STORE_DB_H

/*
 * PostgreSQL on the loop: a small pool of libpq connections in pipeline mode. Statements are the files of sql/queries/,
 * one each, prepared when a connection opens, so that a wrong query stops the start. A transaction is one batch up to
 * one sync, without BEGIN. A lost connection is opened again with back-off while the server goes on; its batches
 * complete with ERR_UPSTREAM (a batch whose sync was sent may or may not have been committed: the text says "outcome
 * unknown").
 *
 * The statements that guard a change of state raise SQLSTATE PS001 when it is stale; that, serialisation failures and
 * deadlocks come back as ERR_CONFLICT, a unique violation as ERR_CONFLICT with the constraint in db_reply.constraint.
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
	/* LISTEN on a connection of its own; NULL: none. Runs also with an empty payload after each reconnect: look at
	 * the rows. */
	const char *channel;
	void (*on_notify)(void *arg, struct str payload);
	void *arg;
};

/* Connects and prepares before it returns (blocking, at the start only). */
bool db_open(struct uv_loop_s *loop, const struct db_options *options, struct db **ret, struct err *err);
void db_close(struct db *db, void (*closed)(void *arg), void *arg);
bool db_is_up(const struct db *db);

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
bool db_is_null(const struct db_reply *reply, size_t statement, size_t row, size_t column);
struct str db_text(const struct db_reply *reply, size_t statement, size_t row, size_t column);
int64_t db_i64(
	const struct db_reply *reply, size_t statement, size_t row, size_t column); /* 0 when null; BUG on no number */
/* Maps a row by the field table: each field must have a column of its name and each column a field, else ERR_BUG.
 * NULL columns leave the field at zero. FIELD_JSON columns are parsed (owned by the reply), FIELD_STRS are text[].
 * bytea comes as FIELD_STR with the raw bytes. */
bool db_read_row(const struct db_reply *reply, size_t statement, size_t row, const struct field *fields, void *ret,
	struct arena *arena, struct err *err);
/* All rows of a statement as an array of items of `size`. */
bool db_read_rows(const struct db_reply *reply, size_t statement, const struct field *fields, size_t size,
	void **ret_items, size_t *ret_count, struct arena *arena, struct err *err);
void db_reply_free(struct db_reply *reply);

#endif
