#ifndef TESTS_ABUSE_PROBE_H
#define TESTS_ABUSE_PROBE_H

/* The parts of the probe: each file has a table of named functions, which return the exit code. */

#include <errno.h>

struct probe {
	const char *name; /* NULL ends the table */
	int (*run)(int argc, char **argv);
};

extern const struct probe probe_calls[]; /* system calls that a step must not have */
extern const struct probe probe_bombs[]; /* too much of something */
extern const struct probe probe_reach[]; /* others: processes, files, sockets */

/* "WHAT: done", or the name of errno. */
void say(const char *what, long result);

#endif
