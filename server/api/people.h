#ifndef SERVER_API_PEOPLE_H
#define SERVER_API_PEOPLE_H

/* Handlers of sessions and accounts; context: struct server. */

#include "server/http/http_server.h"

http_handler people_login;
http_handler people_logout;
http_handler people_me;
http_handler accounts_list;
http_handler accounts_create;
http_handler accounts_disable;
http_handler accounts_enable;
http_handler accounts_password;

#endif
