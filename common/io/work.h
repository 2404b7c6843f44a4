#ifndef COMMON_IO_WORK_H
#define COMMON_IO_WORK_H

/*
 * Blocking or heavy work (libgit2, argon2, compression, file writes) on libuv's thread pool. `run` runs on a pool
 * thread and touches only what it was given; `done` runs on the loop exactly once, on cancellation too (is_cancelled).
 */

#include <stdbool.h>

struct uv_loop_s;

void work_submit(struct uv_loop_s *loop, void (*run)(void *arg), void (*done)(void *arg, bool is_cancelled), void *arg);

#endif
