#ifndef SERVER_LOGS_LOGS_H
#define SERVER_LOGS_LOGS_H

/*
 * Logs of attempts: reading lines by range from frames or from a sealed blob, and sealing what has ended.
 */

#include "server/server.h"

struct logs;

struct logs *logs_new(struct server *server);
void logs_close(struct logs *logs, void (*closed)(void *arg), void *arg);
void logs_free(struct logs *logs);
/* The slow tick: seals logs of attempts that ended, drops empty days. */
void logs_tick(struct logs *logs);

#endif
