#ifndef SERVER_API_REPOSITORIES_H
#define SERVER_API_REPOSITORIES_H

/* Handlers of repositories, triggers and workers; context: struct server. */

#include "server/http/http_server.h"

http_handler repositories_list;
http_handler repositories_get;
http_handler repositories_remove;
http_handler repositories_poll;
http_handler triggers_list;
http_handler workers_list;
http_handler workers_drain;
http_handler workers_resume;

#endif
