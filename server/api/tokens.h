#ifndef SERVER_API_TOKENS_H
#define SERVER_API_TOKENS_H

/* Handlers of tokens and sessions; context: struct server. */

#include "server/http/http_server.h"

http_handler tokens_create;
http_handler tokens_list;
http_handler tokens_withdraw;

#endif
