#ifndef SERVER_API_CONFIGURATION_H
#define SERVER_API_CONFIGURATION_H

/* Handlers of the configuration document; context: struct server. */

#include "server/http/http_server.h"

http_handler configuration_get;
http_handler configuration_put;
http_handler configuration_compare;
http_handler configuration_history;
http_handler configuration_get_version;
http_handler configuration_compare_versions;
http_handler configuration_revert;

#endif
