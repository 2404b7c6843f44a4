#ifndef SERVER_EVENTS_EVENTS_INTERNAL_H
#define SERVER_EVENTS_EVENTS_INTERNAL_H

/* Private to server/events. */

#include "server/events/watch.h"

struct events {
	struct server *server;
	struct watch *watches[WATCH_KIND_COUNT];
	size_t count;          /* watches that are not freed yet */
	int64_t configuration; /* the version that came into force since the start; 0: none did */
	int64_t checked_at;    /* monotonic: callers were looked at */
	bool is_checking;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* callers.c */
size_t events_count_of(const struct events *events, int64_t account);

#endif
