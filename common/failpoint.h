#ifndef COMMON_FAILPOINT_H
#define COMMON_FAILPOINT_H

/*
 * Places where a test lets a program die or stall: FAILPOINT("trigger.claimed") stands where a state has just been
 * reached and nobody has been told, or where a file is half made. The environment arms one of a process,
 * PENSTOCK_FAILPOINT=NAME[:NTH][=kill|=sleep MS]: when it is reached for the NTH time (1 by default) the process kills
 * itself as a power cut would (the default), or its thread sleeps so long. Only builds with the CMake option
 * PENSTOCK_FAILPOINTS know any of this; in others FAILPOINT() is nothing. May be reached from any thread.
 */

#include "common/err.h"

#include <stdbool.h>

#ifdef PENSTOCK_FAILPOINTS

/* The names are collected by the linker, so that a program can list what is in it. */
#define FAILPOINT(name)                                                                                                \
	do {                                                                                                           \
		static const char *const failpoint __attribute__((section("penstock_failpoints"), used)) = (name);     \
		failpoint_reached(failpoint);                                                                          \
	} while (0)

void failpoint_reached(const char *name);
/* For main(), first of all. text: of PENSTOCK_FAILPOINT, NULL: none. ERR_INVALID: no such place in this program, or not
 * written as above. */
bool failpoint_arm(const char *text, struct err *err);
/* For main(): `--failpoints` as the only argument prints the names, one a line, and true is returned: leave. */
bool failpoint_list(int argc, char **argv);

#else

#define FAILPOINT(name) ((void)0)

static inline bool failpoint_arm(const char *text, struct err *err)
{
	(void)text;
	(void)err;
	return true;
}

static inline bool failpoint_list(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return false;
}

#endif

#endif
