#ifndef SERVER_API_SERVICE_H
#define SERVER_API_SERVICE_H

/* Health, figures, version, and the web pages; context: struct server. */

#include "server/http/http_server.h"

http_handler service_healthz;
http_handler service_readyz;
http_handler service_metrics;
http_handler service_version;
http_handler service_pages;

#endif
