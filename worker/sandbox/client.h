#ifndef WORKER_SANDBOX_CLIENT_H
#define WORKER_SANDBOX_CLIENT_H

/*
 * The way to sandboxes for the worker and the CLI. A `struct sandbox` is one running launcher, penstock-sandbox.
 * Requests are sent and return at once; what comes of them arrives as events, in order per job, when sandbox_fd() is
 * readable. So a loop polls that one descriptor, and open, run, close may be sent in one go. Nothing here blocks but
 * sandbox_start(), sandbox_wait() and sandbox_stop(). Not for use by two threads at once.
 *
 * A job: sandbox_open (OPENED or FAILED), then any steps and file moves (each ENDED, or FAILED when it could not even
 * be asked for), then sandbox_close (CLOSED). CLOSED always comes, and means: no process, no file of it is left, the
 * slot is free. An ENDED step has no process left either.
 */

#include "common/err.h"
#include "worker/sandbox/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox;

struct sandbox_options {
	const char *launcher;  /* path of penstock-sandbox; NULL: beside the running program */
	const char *state_dir; /* absolute; made when missing; one launcher at a time */
	unsigned slots;        /* 1 to 1024 */
	/* As root, slot N's processes own the ids from 100000 + 65536 * (first_range + N). Workers on one machine
	 * choose ranges that do not overlap. */
	unsigned first_range;
};

struct sandbox_facts {
	enum sandbox_profile profile;
	uint32_t layers; /* bit 1 << enum sandbox_layer_bit */
	unsigned slots;
	unsigned landlock_abi;   /* 0: none */
	unsigned cgroup_version; /* 0: none that can be used */
	char cgroup_obstacle[300];
};

/* The launcher inherits the rights of the caller: a worker that is root starts it and then drops its own. Fails with
 * what the machine does not offer, when no sandbox can be built at all. */
bool sandbox_start(const struct sandbox_options *options, struct sandbox **ret, struct err *err);
/* Ends every job, waits until the launcher has cleaned up (at most 15 s), frees. NULL is allowed. */
void sandbox_stop(struct sandbox *sandbox);
const struct sandbox_facts *sandbox_facts(const struct sandbox *sandbox);

struct sandbox_job_options {
	unsigned slot; /* chosen by the caller; free until OPENED, and again after CLOSED */
	enum sandbox_network network;
	enum sandbox_profile profile; /* at least; FULL fails where the machine has only USER */
	struct sandbox_limits limits;
	/* For egress, networks like "10.1.0.0/16" or "10.1.2.3", NULL-terminated, or NULL. This machine's own
	 * addresses, link-local and multicast are denied anyway; what is allowed wins over what is denied. */
	const char *const *denied;
	const char *const *allowed;
};

/* Numbers of jobs and steps are the client's, from 1, never used twice. */
bool sandbox_open(
	struct sandbox *sandbox, const struct sandbox_job_options *options, uint64_t *ret_job, struct err *err);
bool sandbox_close(struct sandbox *sandbox, uint64_t job, struct err *err);

struct sandbox_step_options {
	const char *const *arguments;   /* NULL-terminated; the first is the program's path inside */
	const char *const *environment; /* NULL-terminated, the whole of it */
	const char *directory;          /* NULL: /workspace */
	int out, err;                   /* stay the caller's; may be the same descriptor */
};

/* Arguments and environment are at most 140 KiB together. */
bool sandbox_run(struct sandbox *sandbox, uint64_t job, const struct sandbox_step_options *options, uint64_t *ret_step,
	struct err *err);
/* SIGTERM and the like go to every process of the step; SIGKILL ends it at once. */
bool sandbox_signal(struct sandbox *sandbox, uint64_t job, uint64_t step, int signal, struct err *err);

struct sandbox_files_options {
	enum sandbox_area area;
	int stream;                  /* stays the caller's; see stream.h */
	const char *const *patterns; /* collect only: see files.h; NULL-terminated */
	uint32_t max_files;
	uint64_t max_bytes;
};

/* Both end like a step: exit 0, or exit 1 and a text. The caller writes the stream, or reads it, meanwhile. */
bool sandbox_import(struct sandbox *sandbox, uint64_t job, const struct sandbox_files_options *options,
	uint64_t *ret_step, struct err *err);
bool sandbox_collect(struct sandbox *sandbox, uint64_t job, const struct sandbox_files_options *options,
	uint64_t *ret_step, struct err *err);

enum sandbox_event_kind { SANDBOX_OPENED, SANDBOX_ENDED, SANDBOX_CLOSED, SANDBOX_FAILED };

struct sandbox_event {
	enum sandbox_event_kind kind;
	uint64_t job, step;     /* step 0: the job itself */
	struct sandbox_end end; /* ENDED */
	struct err err;         /* FAILED */
};

int sandbox_fd(const struct sandbox *sandbox);
/* Takes one event without waiting; *ret_got says whether there was one. Fails when the launcher is gone: every job and
 * step is lost then, and sandbox_stop() and sandbox_start() begin anew. */
bool sandbox_next(struct sandbox *sandbox, struct sandbox_event *ret, bool *ret_got, struct err *err);
/* Waits for one event; ERR_TIMEOUT after timeout_ms. */
bool sandbox_wait(struct sandbox *sandbox, int timeout_ms, struct sandbox_event *ret, struct err *err);

const char *sandbox_end_name(enum sandbox_end_reason reason);

#endif
