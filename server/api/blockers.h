#ifndef SERVER_API_BLOCKERS_H
#define SERVER_API_BLOCKERS_H

/* Handlers of stops of the line; context: struct server. */

#include "server/http/http_server.h"

http_handler blockers_list;
http_handler blockers_place;
http_handler blockers_lift;
http_handler blockers_override; /* one run passes them, and freezes and windows */

#endif
