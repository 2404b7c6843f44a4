#ifndef SERVER_OUTBOX_PUBLIC_URL_H
#define SERVER_OUTBOX_PUBLIC_URL_H

/* The address that people and forges know this server by. */

#include "common/arena.h"

struct server;

/* "https://ci.example.org": as set, or else http with the address and port that it listens on. */
struct str public_url(const struct server *server, struct arena *arena);
/* The page of "web#42"; "" when that is no name of a run. */
struct str public_url_of_run(const struct server *server, struct str run, struct arena *arena);

#endif
