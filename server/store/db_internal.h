#ifndef SERVER_STORE_DB_INTERNAL_H
#define SERVER_STORE_DB_INTERNAL_H

/*
 * What the files of the database driver share. db.c owns the pool and the queue of waiting batches, db_conn.c one
 * connection and what is in flight on it, db_batch.c the parameters, db_reply.c the results, db_notify.c the listener.
 * Nobody else includes this.
 */

#include "common/arena.h"
#include "common/buf.h"
#include "server/store/db.h"
#include "server/store/db_link.h"

enum {
	BATCH_MAX_BYTES = 64 * 1024 * 1024,
	STATEMENT_LIMIT_MS = 60 * 1000,
	LOCK_LIMIT_MS = 20 * 1000,
};

struct db_command {
	struct db_command *next;
	unsigned query;
	int count;
	const char **values;
	int *lengths;
	int *formats; /* 1: raw bytes */
};

struct db_batch {
	struct db *db;
	struct db_batch *next;
	struct arena arena; /* the commands, until they are sent */
	struct db_command *first, *last;
	size_t bytes;
	uint64_t give_up_at_ms; /* of the loop's clock, while it waits */
	struct err err;         /* a parameter that cannot be sent */
	struct db_reply *reply;
	void (*done)(void *arg, struct db_reply *reply);
	void *arg;
};

struct batch_queue {
	struct db_batch *first, *last;
	size_t count, bytes;
};

struct db_reply {
	const struct db_statement *statements;
	struct err err;
	char constraint[64];
	size_t count; /* commands */
	size_t taken; /* of them have a result */
	struct db_result {
		unsigned query;
		PGresult *result;
	} * results;
	struct arena arena; /* decoded bytea */
	json_t *documents;  /* parsed columns, or NULL */
};

struct db_conn {
	struct db_link link; /* first: its callbacks get it */
	struct db *db;
	bool is_up; /* connected and prepared */
	size_t prepared;
	struct batch_queue sent;
};

struct db {
	uv_loop_t *loop;
	char *url;
	char *hosts; /* see db_hosts() */
	const struct db_statement *statements;
	size_t statement_count;
	int *param_counts; /* of each statement, by the server's description */
	struct db_conn *conns;
	size_t conn_count;
	size_t max_waiting;
	uint64_t max_wait_ms;
	struct batch_queue waiting;  /* for a connection */
	struct batch_queue finished; /* without one: `done` is due */
	uv_timer_t finish_timer;
	uv_timer_t wait_timer; /* for the oldest that waits */
	struct db_listener *listener;
	size_t handles; /* not closed yet */
	bool is_closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* db.c */
void db_queue_push(struct batch_queue *queue, struct db_batch *batch);
struct db_batch *db_queue_pop(struct batch_queue *queue); /* NULL when empty */
void db_complete(struct db_batch *batch);                 /* calls done, frees the batch */
void db_pump(struct db *db);                              /* sends what waits, as far as connections have room */
void db_handle_closed(void *db);

/* db_conn.c */
bool db_conn_open_first(struct db_conn *conn, struct err *err); /* blocking; fills db->param_counts */
void db_conn_open(struct db_conn *conn);
bool db_conn_has_room(const struct db_conn *conn);
void db_conn_send(struct db_conn *conn, struct db_batch *batch);
void db_conn_close(struct db_conn *conn); /* batches in flight go to db->finished */

/* db_batch.c */
void db_array_of_texts(struct buf *to, const struct str *items, size_t count);
void db_batch_drop(struct db_batch *batch); /* without its reply */

/* db_reply.c */
struct db_reply *db_reply_new(const struct db *db);
void db_reply_expect(struct db_reply *reply, unsigned query);
/* Kind and text of a failed result: "run_insert: ... (23505)". */
void db_result_error(const PGresult *result, const char *statement, struct err *err);
void db_reply_take(struct db_reply *reply, PGresult *result); /* owns it */
void db_reply_fail(struct db_reply *reply, const struct err *err);

/* db_notify.c */
struct db_listener *db_listener_new(struct db *db, const struct db_options *options);
struct db_link *db_listener_link(struct db_listener *listener);
void db_listener_open(struct db_listener *listener);
void db_listener_close(struct db_listener *listener);
void db_listener_free(struct db_listener *listener);

#endif
