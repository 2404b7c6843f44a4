#ifndef SERVER_API_GITOPS_GRANTS_H
#define SERVER_API_GITOPS_GRANTS_H

/* Handlers of /api/v1/repositories/{repository}/gitops: whose runs may commit into it; context: struct server. */

#include "server/http/http_server.h"

http_handler gitops_grants_list;
http_handler gitops_grants_set;
http_handler gitops_grants_remove;

#endif
