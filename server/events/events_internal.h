#ifndef SERVER_EVENTS_EVENTS_INTERNAL_H
#define SERVER_EVENTS_EVENTS_INTERNAL_H

/* Private to server/events. */

#include "server/events/watch.h"

struct events {
	struct server *server;
	struct watch *watches[WATCH_KIND_COUNT];
	size_t count; /* watches that are not freed yet */
	void (*closed)(void *arg);
	void *closed_arg;
};

#endif
