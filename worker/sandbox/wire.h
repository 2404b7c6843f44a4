#ifndef WORKER_SANDBOX_WIRE_H
#define WORKER_SANDBOX_WIRE_H

/*
 * One message between client and launcher, or launcher and the keeper of a slot, over a SOCK_SEQPACKET socket: a fixed
 * head, a tail of zero-terminated strings, and file descriptors. Both ends are the same build on the same machine, so
 * the head is a plain struct; what arrives is checked for size, count and termination here, for meaning by the reader.
 */

#include "common/err.h"
#include "common/str.h"
#include "worker/sandbox/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind {
	/* client to launcher, and on to the keeper */
	WIRE_OPEN = 1,
	WIRE_RUN,
	WIRE_IMPORT,
	WIRE_COLLECT,
	WIRE_SIGNAL,
	WIRE_CLOSE,
	/* launcher to keeper, once: maps and cgroups are made, set yourself up */
	WIRE_GO,
	/* back */
	WIRE_HELLO,
	WIRE_READY,
	WIRE_OPENED,
	WIRE_ENDED,
	WIRE_CLOSED,
	WIRE_FAILED, /* of the step if one is named, else of the job */
};

enum {
	WIRE_MAX_TAIL = 144 * 1024, /* arguments and environment of a step together */
	WIRE_MAX_FDS = 2,
	WIRE_MAX_STRINGS = 4096,
	WIRE_MAX_STEPS = 16, /* at a time in one job */
};

struct wire_open {
	uint32_t slot;
	uint32_t network;
	uint32_t profile; /* demanded */
	uint32_t denied;  /* strings in the tail: denied networks, then allowed ones */
	uint32_t allowed;
	struct sandbox_limits limits;
};

struct wire_run {
	uint32_t arguments; /* strings in the tail: cwd, arguments, environment */
	uint32_t variables;
};

struct wire_files {
	uint32_t area;
	uint32_t patterns; /* strings in the tail; collect only */
	uint32_t max_files;
	uint64_t max_bytes;
};

struct wire_hello {
	uint32_t layers; /* bit set of enum sandbox_layer_bit */
	uint32_t profile;
	uint32_t slots;
	uint32_t landlock_abi;
	uint32_t cgroup_version; /* 0: none usable, 1, 2 */
};

struct wire_failed {
	uint32_t kind; /* enum err_kind */
	int32_t os;
	char text[sizeof(((struct err *)0)->text)];
};

struct wire_head {
	uint32_t kind;
	uint32_t tail_bytes;
	uint64_t job;
	uint64_t step;
	union {
		struct wire_open open;
		struct wire_run run;
		struct wire_files files;
		struct wire_hello hello;
		struct wire_failed failed;
		struct sandbox_end end;
		int32_t signal;
	};
};

/* A received message; `tail` points into a buffer of the receiver's that the next receive reuses. */
struct wire_message {
	struct wire_head head;
	struct str tail;
	int fds[WIRE_MAX_FDS];
	size_t fd_count;
};

enum wire_result { WIRE_GOT, WIRE_NOTHING, WIRE_GONE, WIRE_BAD };

/* Sends one message. `fds` stay the caller's. A peer that is gone is ERR_UPSTREAM, a full socket ERR_BUSY. */
bool wire_send(int socket, struct wire_head *head, struct str tail, const int *fds, size_t fd_count, int flags,
	struct err *err);
bool wire_fail(int socket, uint64_t job, uint64_t step, const struct err *why);

/* Receives one message into `ret`, its tail into `space` of WIRE_MAX_TAIL bytes. WIRE_NOTHING only with MSG_DONTWAIT.
 * WIRE_BAD: a message that no honest peer sends; its descriptors are closed. Otherwise they are the caller's. */
enum wire_result wire_receive(int socket, struct wire_message *ret, char *space, int flags);
void wire_close_fds(struct wire_message *message);

/* Splits the tail into exactly `count` strings; ret has room for count + 1 and gets a NULL behind the last. */
bool wire_strings(struct str *tail, size_t count, const char **ret);

#endif
