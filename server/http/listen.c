#include "server/http/listen.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool bind_to(int fd, const struct addrinfo *where, const char *address, int port, struct err *err)
{
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return true;
	if (errno == EADDRINUSE)
		return err_set(err, ERR_CONFLICT, "port %d on %s is taken by another program; choose another port",
			port, address);
	if (errno == EACCES)
		return err_set(
			err, ERR_DENIED, "port %d on %s needs privileges; choose a port above 1023", port, address);
	return err_errno(err, "listening on %s port %d", address, port);
}

bool listen_on(const char *address, int port, int *ret_fd, int *ret_port, struct err *err)
{
	char service[16];
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *found;
	const char *numeric = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address;
	if (port < 0 || port > 65535)
		return err_set(err, ERR_INVALID, "%d is not a port; use 0 to 65535", port);
	snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(numeric, service, &hints, &found) != 0)
		return err_set(err, ERR_INVALID,
			"\"%s\" is not an address to listen on; use a number such as 127.0.0.1 or ::", address);
	auto_fd int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = fd >= 0 ? bind_to(fd, found, address, port, err) : err_errno(err, "socket");
	freeaddrinfo(found);
	if (!ok)
		return false;

	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = {.v6 = {0}};
	socklen_t size = sizeof bound;
	if (getsockname(fd, &bound.any, &size) != 0)
		return err_errno(err, "getsockname");
	*ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	*ret_fd = take_fd(&fd);
	return true;
}

bool listen_read_file(const char *path, char **ret, struct err *err)
{
	enum { FILE_MAX_BYTES = 1 << 20 };
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "%s", path);
	auto_free char *text = mem_alloc(FILE_MAX_BYTES + 1);
	size_t used = 0;
	ssize_t n;
	while ((n = read(fd, text + used, FILE_MAX_BYTES - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		return err_errno(err, "%s", path);
	if (used == FILE_MAX_BYTES)
		return err_set(err, ERR_TOO_LARGE, "%s is larger than 1 MiB", path);
	*ret = take(text);
	return true;
}
