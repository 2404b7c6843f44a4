#ifndef SERVER_API_BOARD_H
#define SERVER_API_BOARD_H

/* What runs where, what is under way, what waits and why, and what the caller may do about it. Context: struct server.
 */

#include "server/http/http_server.h"

http_handler board_get;

#endif
