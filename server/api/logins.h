#ifndef SERVER_API_LOGINS_H
#define SERVER_API_LOGINS_H

/* Which login on a forge is which account: its approving reviews count at gates. Context: struct server. */

#include "server/http/http_server.h"

http_handler logins_list;
http_handler logins_set;

#endif
