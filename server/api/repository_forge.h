#ifndef SERVER_API_REPOSITORY_FORGE_H
#define SERVER_API_REPOSITORY_FORGE_H

/* Handlers that add a repository and tie it to its forge: address, webhook, credentials; context: struct server. */

#include "server/http/http_server.h"

struct forge;
struct git_address;

http_handler repositories_add;
http_handler repositories_secret;
http_handler repositories_credential_set;
http_handler repositories_credential_remove;
http_handler repositories_change; /* repository_change.c */
http_handler deliveries_list;

/* The forge's API, as the address tells it; "" when it does not, or the forge has none. */
struct str repository_guess_api_url(const struct forge *forge, const struct git_address *address, struct arena *arena);

#endif
