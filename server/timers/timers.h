#ifndef SERVER_TIMERS_TIMERS_H
#define SERVER_TIMERS_TIMERS_H

/*
 * The slow tick: once a second every part looks for what a lost wake-up or a killed coordinator left undone; now and
 * then repositories are polled and tomorrow's partitions made. Work that one coordinator at a time does is a row,
 * claimed with skip locked.
 */

#include "server/server.h"

struct timers;

struct timers *timers_start(struct server *server);
void timers_close(struct timers *timers, void (*closed)(void *arg), void *arg);
void timers_free(struct timers *timers);

#endif
