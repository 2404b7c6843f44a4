#ifndef TESTS_INTEGRATION_HTTP_PEER_H
#define TESTS_INTEGRATION_HTTP_PEER_H

/*
 * A blocking HTTP client that shows every byte, for tests of the server: what curl would hide (pipelining, slow and
 * leaving clients, malformed requests) is written out by the test. Each read gives up after ten seconds.
 */

#include <arpa/inet.h>
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	int fd;
	char bytes[1 << 20]; /* received and not yet read */
	size_t count;
};

struct reply {
	int status;
	char head[4096];
	char body[1 << 20];
	size_t body_bytes;
};

static inline int peer_connect(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {.tv_sec = 60};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static inline struct peer *peer_open(int port)
{
	struct peer *peer = calloc(1, sizeof *peer);
	ck_assert_ptr_nonnull(peer);
	peer->fd = peer_connect(port);
	return peer;
}

static inline void peer_close(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

static inline void peer_send(struct peer *peer, const char *text)
{
	size_t n = strlen(text);
	ck_assert_int_eq(send(peer->fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* False at the end of the connection. */
static inline bool peer_fill(struct peer *peer)
{
	ck_assert_uint_lt(peer->count, sizeof peer->bytes - 1);
	ssize_t n = recv(peer->fd, peer->bytes + peer->count, sizeof peer->bytes - 1 - peer->count, 0);
	if (n <= 0)
		return false;
	peer->count += (size_t)n;
	peer->bytes[peer->count] = 0;
	return true;
}

static inline void peer_drop(struct peer *peer, size_t n)
{
	memmove(peer->bytes, peer->bytes + n, peer->count - n + 1);
	peer->count -= n;
}

/* Up to and with `mark`; false when the connection ended before. */
static inline bool peer_take_until(struct peer *peer, const char *mark, char *to, size_t size)
{
	char *found;
	while (!(found = strstr(peer->bytes, mark)))
		if (!peer_fill(peer))
			return false;
	size_t n = (size_t)(found - peer->bytes) + strlen(mark);
	ck_assert_uint_lt(n, size);
	memcpy(to, peer->bytes, n);
	to[n] = 0;
	peer_drop(peer, n);
	return true;
}

static inline bool peer_take(struct peer *peer, size_t n, char *to)
{
	while (peer->count < n)
		if (!peer_fill(peer))
			return false;
	memcpy(to, peer->bytes, n);
	peer_drop(peer, n);
	return true;
}

static inline bool peer_take_chunks(struct peer *peer, struct reply *reply)
{
	char line[64];
	for (;;) {
		if (!peer_take_until(peer, "\r\n", line, sizeof line))
			return false;
		size_t n = strtoul(line, NULL, 16);
		ck_assert_uint_lt(reply->body_bytes + n, sizeof reply->body);
		if (!peer_take(peer, n, reply->body + reply->body_bytes) ||
			!peer_take_until(peer, "\r\n", line, sizeof line))
			return false;
		reply->body_bytes += n;
		if (n == 0)
			return true;
	}
}

/* The value of a header of the answer, or NULL; valid until the next call. */
static inline const char *reply_header(const struct reply *reply, const char *name)
{
	static _Thread_local char value[512];
	for (const char *line = strstr(reply->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
		size_t n = strlen(name);
		if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
			continue;
		snprintf(value, sizeof value, "%.*s", (int)strcspn(line + 4 + n, "\r"), line + 4 + n);
		return value;
	}
	return NULL;
}

/* One answer; false when the connection ended inside of it or before. `has_body` is false for HEAD. */
static inline bool peer_read(struct peer *peer, struct reply *reply, bool has_body)
{
	memset(reply, 0, sizeof *reply);
	if (!peer_take_until(peer, "\r\n\r\n", reply->head, sizeof reply->head))
		return false;
	ck_assert_int_eq(sscanf(reply->head, "HTTP/1.1 %d", &reply->status), 1);
	const char *chunked = reply_header(reply, "Transfer-Encoding");
	if (!has_body || reply->status == 204)
		return true;
	if (chunked)
		return peer_take_chunks(peer, reply);
	const char *length = reply_header(reply, "Content-Length");
	size_t n = length ? strtoul(length, NULL, 10) : 0;
	ck_assert_uint_lt(n, sizeof reply->body);
	reply->body_bytes = n;
	return peer_take(peer, n, reply->body);
}

#endif
