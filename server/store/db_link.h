#ifndef SERVER_STORE_DB_LINK_H
#define SERVER_STORE_DB_LINK_H

/*
 * One libpq connection on the loop, of the pool or of the listener: connects without blocking (but for name look-up,
 * which libpq cannot do otherwise), watches the socket, and connects again with back-off when it is lost. Whoever
 * embeds it says what goes over it. Used by the store's own files only.
 */

#include "common/err.h"

#include <libpq-fe.h>
#include <uv.h>

struct db_link;
struct link_poll;

struct db_link_calls {
	void (*on_connected)(struct db_link *link); /* fresh, non-blocking */
	void (*on_ready)(struct db_link *link);     /* input was consumed: take the results */
	/* The connection is gone; link->pg is NULL. A new attempt is under way already. */
	void (*on_lost)(struct db_link *link, const struct err *err);
};

enum db_link_state { LINK_DOWN, LINK_CONNECTING, LINK_CONNECTED, LINK_CLOSED };

struct db_link {
	uv_loop_t *loop;
	const char *url; /* the owner keeps it */
	const struct db_link_calls *calls;
	size_t *handles; /* the owner's count of handles that are not closed yet */
	void (*on_handle_closed)(void *arg);
	void *arg;
	enum db_link_state state;
	PGconn *pg;
	struct link_poll *poll;
	uv_timer_t timer; /* limit of an attempt, or back-off before the next */
	unsigned failures;
	struct err last_err;
	char last_words[200]; /* why the server ended the connection, or empty */
};

/* Connects, blocking, and checks the server's version. */
bool db_connect_blocking(const char *url, PGconn **ret, struct err *err);
/* Error of the connection as a whole: ERR_UPSTREAM, one line. */
bool db_link_error(PGconn *pg, const char *what, struct err *err);

/* Starts an attempt at once; with `pg`, an open blocking connection, takes it over instead and on_connected is not
 * called. */
void db_link_start(struct db_link *link, PGconn *pg);
/* What was put into libpq's buffer goes out as the socket takes it. A loss that shows here is reported later, from the
 * loop. */
void db_link_flush(struct db_link *link);
/* The connection turned out useless: on_lost runs, then it is tried again. */
void db_link_drop(struct db_link *link, const struct err *err);
/* Keeps the reason when the result is the server's last word, or libpq's own: no result follows it. */
bool db_link_is_last_word(struct db_link *link, const PGresult *result);
/* It works: the next loss starts with the shortest back-off. */
void db_link_worked(struct db_link *link);
void db_link_close(struct db_link *link);

#endif
