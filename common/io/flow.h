#ifndef COMMON_IO_FLOW_H
#define COMMON_IO_FLOW_H

/*
 * What has to happen in order, read from top to bottom: a flow is an array of steps, run on the loop's thread. A step
 * returns what happens next, so "forgot to answer" does not compile. A step that starts an operation returns FLOW_WAIT;
 * the operation's callback calls flow_resume() exactly once, and the step behind runs. Each flow ends exactly once,
 * through on_end, with `err.kind == ERR_NONE` when it worked. Its arena dies with it.
 *
 * A flow is embedded as the first member of the struct that holds what its steps share.
 */

#include "common/arena.h"
#include "common/err.h"

enum flow_next { FLOW_CONTINUE, FLOW_WAIT, FLOW_DONE, FLOW_FAIL };

struct flow;
typedef enum flow_next flow_step(struct flow *flow);

struct flow {
	flow_step *const *steps; /* NULL-terminated; running off the end is FLOW_DONE */
	size_t at;
	struct arena arena;
	struct err err; /* set by the step that returns FLOW_FAIL */
	void (*on_end)(struct flow *flow);
	void (*release)(void *held); /* of the reply that the last operation left, see flow_hold() */
	void *held;
	bool is_running;
	bool is_resumed; /* an operation that completes inside the step that started it */
	bool is_failed;  /* the same, by flow_fail() */
};

/* A zeroed, heap-allocated owner of `size` bytes, the flow first. */
void *flow_new(size_t size, flow_step *const *steps, void (*on_end)(struct flow *flow));
/* Runs until the first wait. on_end may have been called, and the flow freed by it, before this returns. */
void flow_start(struct flow *flow);
void flow_resume(struct flow *flow);
/* Ends a waiting flow from the callback of a failed operation. */
void flow_fail(struct flow *flow, const struct err *err);
/* The next step to run is `step` of the table, in place of the one behind: loops and branches. A step that jumps then
 * returns FLOW_CONTINUE or FLOW_WAIT, a callback then calls flow_resume(). */
void flow_jump(struct flow *flow, flow_step *step);
/* Starts again from the top with a fresh arena, for a conflict that is loaded again. What the owner's members point to
 * in the arena is gone. A step that restarts then returns FLOW_CONTINUE; from a callback the flow runs at once. */
void flow_restart(struct flow *flow);
/* Keeps the reply of an operation until the next flow_hold() or the end. */
void flow_hold(struct flow *flow, void *held, void (*release)(void *held));
/* For on_end: frees held, arena and the owner. */
void flow_free(struct flow *flow);

#endif
