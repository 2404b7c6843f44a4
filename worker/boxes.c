#include "worker/boxes.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { PIPE_BYTES = 1 << 20, EVENTS_AT_ONCE = 64 };

enum box_state { BOX_WAITING, BOX_OPEN, BOX_CLOSING };

/* What a job's steps print comes through here. Each job gets a fresh one: a step can make a pipe small, non-blocking or
 * closed to others, and leave bytes in it, and none of that is the next job's. */
struct line {
	struct boxes *boxes;
	struct box *box; /* NULL: its job has left */
	int in, out;
	uv_poll_t poll;
};

struct slot {
	struct box *box; /* NULL: free */
	struct line *line;
};

struct box {
	struct boxes *boxes;
	struct box *next; /* of those that wait, or are orphaned */
	enum box_state state;
	struct slot *slot; /* NULL while waiting */
	struct sandbox_job_options options;
	struct box_user user;
	uint64_t job;
};

struct boxes {
	struct sandbox *sandbox;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t later; /* what must not happen inside the caller's call */
	struct slot *slots;
	unsigned slot_count;
	struct box *waiting;
	struct box *orphans; /* closed from here, in the next turn of the loop */
	bool is_dead;
	void (*lost)(void *arg, const struct err *err);
	void *lost_arg;
	unsigned handles_open;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void open_waiting(struct boxes *boxes);
static void on_later(uv_timer_t *timer);
static struct box *leave(struct slot *slot);

static void send_failed(struct box *box, const struct err *err)
{
	struct sandbox_event event = {.kind = SANDBOX_FAILED, .job = box->job, .err = *err};
	box->user.event(box->user.arg, &event);
}

/* The box is in no slot and no list any more. */
static void finish(struct box *box)
{
	struct sandbox_event event = {.kind = SANDBOX_CLOSED, .job = box->job};
	struct boxes *boxes = box->boxes;
	struct box_user user = box->user;
	free(box);
	user.event(user.arg, &event);
	open_waiting(boxes);
}

static void finish_orphans(struct boxes *boxes)
{
	while (boxes->orphans) {
		struct box *box = boxes->orphans;
		boxes->orphans = box->next;
		if (box->slot)
			leave(box->slot);
		finish(box);
	}
}

static void die(struct boxes *boxes, const struct err *err)
{
	boxes->is_dead = true;
	uv_poll_stop(&boxes->poll);
	for (unsigned i = 0; i < boxes->slot_count; i++) {
		struct box *box = boxes->slots[i].box;
		if (box && box->state == BOX_CLOSING) {
			box->next = boxes->orphans;
			boxes->orphans = box;
		} else if (box) {
			send_failed(box, err);
		}
	}
	uv_timer_start(&boxes->later, on_later, 0, 0);
	boxes->lost(boxes->lost_arg, err);
}

static struct slot *slot_of(struct boxes *boxes, uint64_t job)
{
	for (unsigned i = 0; i < boxes->slot_count; i++)
		if (boxes->slots[i].box && boxes->slots[i].box->job == job)
			return &boxes->slots[i];
	return NULL;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct boxes *boxes = poll->data;
	struct sandbox_event event;
	struct err err;
	(void)status;
	(void)events;
	for (int i = 0; i < EVENTS_AT_ONCE && !boxes->is_dead; i++) {
		bool got;
		if (!sandbox_next(boxes->sandbox, &event, &got, &err)) {
			die(boxes, &err);
			return;
		}
		if (!got)
			return;
		struct slot *slot = slot_of(boxes, event.job);
		if (!slot)
			continue;
		if (event.kind == SANDBOX_CLOSED)
			finish(leave(slot));
		else if (slot->box->state != BOX_CLOSING)
			slot->box->user.event(slot->box->user.arg, &event);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct line *line = poll->data;
	(void)status;
	(void)events;
	char rest[4096];
	if (line->box && line->box->state == BOX_OPEN)
		line->box->user.readable(line->box->user.arg);
	else
		while (read(line->in, rest, sizeof rest) > 0)
			; /* last words of a job that has ended */
}

static bool make_line(struct box *box, struct err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, "make a pipe");
	struct line *line = mem_alloc(sizeof *line);
	*line = (struct line){.boxes = box->boxes, .box = box, .in = ends[0], .out = ends[1]};
	fcntl(line->out, F_SETPIPE_SZ, PIPE_BYTES);
	/* /dev/stdout works for steps, which are another user; reading another step's output back does not. */
	fchmod(line->out, 0222);
	uv_poll_init(box->boxes->loop, &line->poll, line->in);
	line->poll.data = line;
	uv_poll_start(&line->poll, UV_READABLE, on_readable);
	box->boxes->handles_open++;
	box->slot->line = line;
	return true;
}

static void count_closed(struct boxes *boxes)
{
	if (--boxes->handles_open)
		return;
	void (*closed)(void *arg) = boxes->closed;
	void *arg = boxes->closed_arg;
	free(boxes->slots);
	free(boxes);
	if (closed)
		closed(arg);
}

static void on_boxes_handle_closed(uv_handle_t *handle)
{
	count_closed(handle->data);
}

static void on_line_closed(uv_handle_t *handle)
{
	struct line *line = handle->data;
	struct boxes *boxes = line->boxes;
	close(line->in);
	close(line->out);
	free(line);
	count_closed(boxes);
}

static struct box *leave(struct slot *slot)
{
	if (slot->line) {
		slot->line->box = NULL;
		uv_close((uv_handle_t *)&slot->line->poll, on_line_closed);
	}
	slot->line = NULL;
	return take(slot->box);
}

struct boxes *boxes_open(
	struct uv_loop_s *loop, struct sandbox *sandbox, void (*lost)(void *arg, const struct err *err), void *arg)
{
	struct boxes *boxes = mem_alloc(sizeof *boxes);
	*boxes = (struct boxes){.loop = loop, .sandbox = sandbox, .lost = lost, .lost_arg = arg};
	boxes->slot_count = sandbox_facts(sandbox)->slots;
	boxes->slots = mem_alloc(boxes->slot_count * sizeof *boxes->slots);
	uv_poll_init(loop, &boxes->poll, sandbox_fd(sandbox));
	boxes->poll.data = boxes;
	uv_poll_start(&boxes->poll, UV_READABLE, on_event);
	uv_timer_init(loop, &boxes->later);
	boxes->later.data = boxes;
	boxes->handles_open = 2;
	return boxes;
}

void boxes_close(struct boxes *boxes, void (*closed)(void *arg), void *arg)
{
	boxes->closed = closed;
	boxes->closed_arg = arg;
	uv_close((uv_handle_t *)&boxes->later, on_boxes_handle_closed);
	uv_close((uv_handle_t *)&boxes->poll, on_boxes_handle_closed);
}

struct sandbox *boxes_sandbox(struct boxes *boxes)
{
	return boxes->sandbox;
}

static void open_in(struct slot *slot, struct box *box)
{
	struct err err;
	slot->box = box;
	box->slot = slot;
	box->state = BOX_OPEN;
	box->options.slot = (unsigned)(slot - box->boxes->slots);
	if (!make_line(box, &err) || !sandbox_open(box->boxes->sandbox, &box->options, &box->job, &err))
		send_failed(box, &err);
}

static void open_waiting(struct boxes *boxes)
{
	for (unsigned i = 0; i < boxes->slot_count && boxes->waiting; i++) {
		if (boxes->slots[i].box)
			continue;
		struct box *box = boxes->waiting;
		boxes->waiting = box->next;
		open_in(&boxes->slots[i], box);
	}
}

static void on_later(uv_timer_t *timer)
{
	struct boxes *boxes = timer->data;
	finish_orphans(boxes);
	open_waiting(boxes);
}

struct box *box_take(struct boxes *boxes, const struct sandbox_job_options *options, const struct box_user *user)
{
	struct box *box = mem_alloc(sizeof *box);
	*box = (struct box){.boxes = boxes, .options = *options, .user = *user};
	struct box **last = &boxes->waiting;
	while (*last)
		last = &(*last)->next;
	*last = box;
	uv_timer_start(&boxes->later, on_later, 0, 0);
	return box;
}

uint64_t box_job(const struct box *box)
{
	return box->job;
}

void box_close(struct box *box)
{
	struct boxes *boxes = box->boxes;
	bool is_asked = false;
	if (box->state == BOX_WAITING) {
		struct box **at = &boxes->waiting;
		while (*at != box)
			at = &(*at)->next;
		*at = box->next;
	} else if (box->job && !boxes->is_dead) {
		is_asked = sandbox_close(boxes->sandbox, box->job, NULL);
	}
	box->state = BOX_CLOSING;
	if (is_asked)
		return;
	box->next = boxes->orphans;
	boxes->orphans = box;
	uv_timer_start(&boxes->later, on_later, 0, 0);
}

int box_out(const struct box *box)
{
	/* Steps block when the log is slower than they are, whatever the step before has set. */
	fcntl(box->slot->line->out, F_SETFL, 0);
	return box->slot->line->out;
}

size_t box_read(struct box *box, char *to, size_t n)
{
	ssize_t got = box->slot && box->slot->line ? read(box->slot->line->in, to, n) : 0;
	return got > 0 ? (size_t)got : 0;
}
