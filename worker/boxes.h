#ifndef WORKER_BOXES_H
#define WORKER_BOXES_H

/*
 * The sandbox launcher on the loop. A box is one slot of it, taken by one job at a time: events go to the job, and what
 * its steps print comes through a pipe of the job's own. The launcher itself is started before, since that
 * may need rights that the worker then drops.
 */

#include "worker/sandbox/client.h"

struct uv_loop_s;
struct boxes;
struct box;

struct box_user {
	/* Those of the job: SANDBOX_OPENED or FAILED first, SANDBOX_CLOSED last. */
	void (*event)(void *arg, const struct sandbox_event *event);
	/* box_read() has something. */
	void (*readable)(void *arg);
	void *arg;
};

/* `lost` runs once when the launcher has died, after every box had a SANDBOX_FAILED; a box_close() is then answered
 * with SANDBOX_CLOSED from here. The sandbox stays the caller's. */
struct boxes *boxes_open(
	struct uv_loop_s *loop, struct sandbox *sandbox, void (*lost)(void *arg, const struct err *err), void *arg);
/* Every box is closed already. */
void boxes_close(struct boxes *boxes, void (*closed)(void *arg), void *arg);
struct sandbox *boxes_sandbox(struct boxes *boxes);

/* Waits, when every slot is taken or still being emptied, for the first that is not. Events come later. The options'
 * lists stay valid until the box has opened. */
struct box *box_take(struct boxes *boxes, const struct sandbox_job_options *options, const struct box_user *user);
/* The launcher's number of the job; only after SANDBOX_OPENED. */
uint64_t box_job(const struct box *box);
/* SANDBOX_CLOSED follows, later. */
void box_close(struct box *box);
/* For sandbox_run(): steps can write to it, also by opening it again, and not read. */
int box_out(const struct box *box);
/* Up to n bytes of what was printed; 0 when there is nothing now. */
size_t box_read(struct box *box, char *to, size_t n);

#endif
