#ifndef COMMON_IO_PROC_H
#define COMMON_IO_PROC_H

/*
 * A child process by posix_spawn and a pidfd on the loop: no fork of a large process, no SIGCHLD handler. The child
 * leads a process group of its own, has default signals, and inherits no descriptor but 0 to 2. Output is collected up
 * to a ceiling; above it the group is killed and the result says so. `done` runs exactly once, when the child has
 * exited and its output is at its end (a grandchild that keeps it open is killed after a second).
 */

#include "common/err.h"
#include "common/str.h"

#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct proc;

struct proc_options {
	const char *const *argv;        /* argv[0] is looked up in PATH */
	const char *const *environment; /* NULL: the parent's */
	const char *directory;          /* NULL: the parent's */
	struct str input;               /* given on stdin; copied */
	size_t output_max_bytes;        /* of stdout; 0: none wanted, stdout is /dev/null */
	size_t error_max_bytes;         /* of stderr, the tail is kept; 0: inherits stderr */
	int64_t timeout_ms;             /* then SIGKILL; 0: none */
	int output_fd;                  /* > 0: stdout goes there instead */
};

struct proc_result {
	int exit_code; /* -1 when a signal ended it */
	int signal;
	bool is_timeout;
	bool is_output_full;
	struct str output;
	struct str error;
	int64_t duration_us;
};

/* On failure to start, `done` is not called. The result lives until `done` returns. */
bool proc_start(struct uv_loop_s *loop, const struct proc_options *options,
	void (*done)(void *arg, const struct proc_result *result), void *arg, struct proc **ret_proc, struct err *err);
/* Signals the whole group; allowed until `done` runs. */
void proc_kill(struct proc *proc, int signal);

#endif
