#ifndef SERVER_HTTP_LISTEN_H
#define SERVER_HTTP_LISTEN_H

/* Listening sockets and the files that go with them, with errors that a person can act on. Used by http_server.c. */

#include "common/err.h"

/* `address` is "127.0.0.1", "::1", "0.0.0.0", "::" or "localhost"; port 0 takes any, *ret_port says which. */
bool listen_on(const char *address, int port, int *ret_fd, int *ret_port, struct err *err);
/* The whole of a small text file; the caller frees. */
bool listen_read_file(const char *path, char **ret, struct err *err);

#endif
