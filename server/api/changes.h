#ifndef SERVER_API_CHANGES_H
#define SERVER_API_CHANGES_H

/* What lies between two versions of a service: its commits, from the mirror. Context: struct server. */

#include "server/http/http_server.h"

http_handler changes_list;

#endif
