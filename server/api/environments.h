#ifndef SERVER_API_ENVIRONMENTS_H
#define SERVER_API_ENVIRONMENTS_H

/* Handlers of environments as the configuration in force has them; context: struct server. */

#include "server/http/http_server.h"

http_handler environments_list;
http_handler environments_get;
http_handler environments_create;

#endif
