#include "worker/sandbox/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_send(int socket, struct wire_head *head, struct str tail, const int *fds, size_t fd_count, int flags,
	struct err *err)
{
	BUG_ON(fd_count > WIRE_MAX_FDS);
	if (tail.n > WIRE_MAX_TAIL)
		return err_set(err, ERR_TOO_LARGE, "arguments and environment are %zu bytes; the limit is %d", tail.n,
			WIRE_MAX_TAIL);
	head->tail_bytes = (uint32_t)tail.n;
	struct iovec parts[2] = {{head, sizeof *head}, {(void *)(uintptr_t)tail.p, tail.n}};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = tail.n ? 2 : 1};
	if (fd_count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return true;
	if (errno == EPIPE || errno == ECONNRESET)
		return err_set(
			err, ERR_UPSTREAM, "the sandbox launcher is gone; its last words are in the worker's log");
	if (errno == EAGAIN || errno == ENOBUFS)
		return err_set(err, ERR_BUSY, "the sandbox launcher takes no more requests at the moment");
	return err_errno(err, "send to the sandbox launcher");
}

bool wire_fail(int socket, uint64_t job, uint64_t step, const struct err *why)
{
	struct wire_head head = {.kind = WIRE_FAILED, .job = job, .step = step};
	head.failed.kind = (uint32_t)why->kind;
	head.failed.os = why->os;
	snprintf(head.failed.text, sizeof head.failed.text, "%s", why->text);
	return wire_send(socket, &head, (struct str){0}, NULL, 0, 0, NULL);
}

void wire_close_fds(struct wire_message *message)
{
	for (size_t i = 0; i < message->fd_count; i++)
		close(message->fds[i]);
	message->fd_count = 0;
}

static void take_fds(struct msghdr *message, struct wire_message *ret)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
			if (ret->fd_count < WIRE_MAX_FDS)
				ret->fds[ret->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

enum wire_result wire_receive(int socket, struct wire_message *ret, char *space, int flags)
{
	*ret = (struct wire_message){0};
	struct iovec parts[2] = {{&ret->head, sizeof ret->head}, {space, WIRE_MAX_TAIL}};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control;
	struct msghdr message = {
		.msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes, .msg_controllen = sizeof control};
	ssize_t got;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return WIRE_NOTHING;
	if (got <= 0)
		return WIRE_GONE;
	take_fds(&message, ret);
	bool is_whole = !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && (size_t)got >= sizeof ret->head &&
			ret->head.tail_bytes == (size_t)got - sizeof ret->head;
	if (is_whole && ret->head.tail_bytes && space[ret->head.tail_bytes - 1] != 0)
		is_whole = false;
	if (!is_whole) {
		wire_close_fds(ret);
		return WIRE_BAD;
	}
	ret->tail = (struct str){space, ret->head.tail_bytes};
	return WIRE_GOT;
}

bool wire_strings(struct str *tail, size_t count, const char **ret)
{
	for (size_t i = 0; i < count; i++) {
		const char *end = tail->n ? memchr(tail->p, 0, tail->n) : NULL;
		if (!end)
			return false;
		ret[i] = tail->p;
		size_t used = (size_t)(end - tail->p) + 1;
		*tail = str_skip(*tail, used);
	}
	ret[count] = NULL;
	return true;
}
