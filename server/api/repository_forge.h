#ifndef SERVER_API_REPOSITORY_FORGE_H
#define SERVER_API_REPOSITORY_FORGE_H

/* Handlers that add a repository and tie it to its forge: address, webhook, credentials; context: struct server. */

#include "server/http/http_server.h"

http_handler repositories_add;
http_handler repositories_secret;
http_handler repositories_credential_set;
http_handler repositories_credential_remove;
http_handler deliveries_list;

#endif
