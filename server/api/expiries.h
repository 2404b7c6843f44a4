#ifndef SERVER_API_EXPIRIES_H
#define SERVER_API_EXPIRIES_H

/* How long what is deployed to an environment stays. Context: struct server. */

#include "server/http/http_server.h"

http_handler expiries_list;
http_handler expiries_set;

#endif
