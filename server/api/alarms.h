#ifndef SERVER_API_ALARMS_H
#define SERVER_API_ALARMS_H

/* Handlers of alarms; context: struct server. Their webhooks are server/alarms/alarms.h's. */

#include "server/http/http_server.h"

http_handler alarms_list;
http_handler alarms_get;
http_handler alarms_test;
http_handler alarms_secret;

#endif
