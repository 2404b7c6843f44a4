#ifndef SERVER_OUTBOX_OUTBOX_H
#define SERVER_OUTBOX_OUTBOX_H

/*
 * Messages for the world outside: rows written in the transaction of what they tell, sent behind it, at least once and
 * in the order of their key, by whichever coordinator takes them. What cannot be sent now is tried again, ever more
 * seldom; what nobody can send is given up with the reason.
 */

#include "server/server.h"

struct outbox;

struct outbox *outbox_new(struct server *server);
/* Calls out must have been ended before (http_client_close). */
void outbox_close(struct outbox *outbox, void (*closed)(void *arg), void *arg);
void outbox_free(struct outbox *outbox);

/* Sends what is due; called by the slow tick. */
void outbox_tick(struct outbox *outbox);

#endif
