#ifndef SERVER_EVENTS_WATCH_H
#define SERVER_EVENTS_WATCH_H

/*
 * One open event stream and its rhythm: it looks when it is woken, when its client has read what was sent, and every
 * few seconds in case a wake-up was lost; never twice at once, never while the client is far behind. What a look does
 * and sends is its owner's. Embedded as the first member of the owner, who is freed by `release` when stream and look
 * are over.
 */

#include "common/buf.h"
#include "server/events/events.h"

#include <uv.h>

enum watch_kind { WATCH_RUN, WATCH_RUNS, WATCH_LOG, WATCH_ALARMS, WATCH_KIND_COUNT };

struct watch {
	struct watch *next; /* of its kind */
	struct events *events;
	enum watch_kind kind;
	int64_t key;            /* run or job; 0 */
	int64_t token, account; /* of whoever asked */
	struct http_stream *stream;
	uv_timer_t timer;
	void (*look)(struct watch *watch);    /* starts one; watch_looked() ends it */
	void (*release)(struct watch *watch); /* frees the owner */
	int64_t alive_at;                     /* monotonic: last bytes sent */
	bool is_looking, is_wanted, is_over, is_released;
};

/* Answers the exchange with the stream and looks for the first time; once the events are closing, refuses and releases.
 */
void watch_start(struct watch *watch, struct events *events, struct http_exchange *exchange, enum watch_kind kind,
	int64_t key, void (*look)(struct watch *watch), void (*release)(struct watch *watch));
void watch_wake(struct watch *watch);
/* The look is over; `again` when there is more to read at once. */
void watch_looked(struct watch *watch, bool again);
/* Ends the stream, at the latest after the look under way. */
void watch_end(struct watch *watch);
/* One server-sent event; id may be empty; takes the reference of data. The watch ends when its client has gone. */
void watch_send(struct watch *watch, const char *event, struct str id, json_t *data);
/* No event, only the place where a client that comes back goes on. */
void watch_send_id(struct watch *watch, struct str id);

#endif
