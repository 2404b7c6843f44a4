#ifndef SERVER_EVENTS_EVENTS_H
#define SERVER_EVENTS_EVENTS_H

/*
 * Who watches what: the open event streams, and the wake-ups that make them look. A wake-up says only that something
 * may have changed; what a stream sends is read from the rows, so one that is lost or doubled does no harm. Wake-ups
 * also go to the other coordinators, coalesced.
 */

#include "server/http/http_server.h"
#include "server/server.h"

#include <stdint.h>

struct events;

struct events *events_new(struct server *server);
void events_close(struct events *events, void (*closed)(void *arg), void *arg); /* ends every stream */
void events_free(struct events *events);

/* Looks, every few ticks, whose token or session has ended meanwhile, and ends their streams. */
void events_tick(struct events *events);
/* This one was: its streams end at once. */
void events_withdrawn(struct events *events, int64_t token);

struct server *events_server(const struct events *events);

/* NULL events: nobody listens (tools and tests). */
void events_run_changed(struct events *events, int64_t run);
void events_log_grew(struct events *events, int64_t job);
void events_alarms_changed(struct events *events);
/* This coordinator has another version of it; each finds that by itself, so nobody else is told. */
void events_configuration_changed(struct events *events, int64_t version);
/* From another coordinator: "r12 l7 r13 a0 q" and so on; empty: everything may have changed. */
void events_heard(struct events *events, struct str payload);

/* Handlers of the server-sent streams; context: struct server. */
http_handler events_watch_run;
http_handler events_watch_runs;
http_handler events_watch_alarms;

#endif
