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

/* The part of a slot that stays. */
struct slot {
	struct boxes *boxes;
	struct box *box; /* NULL: free */
	int in, out;
	uv_poll_t poll;
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
	unsigned slot_count, slots_made;
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
			box->slot->box = NULL;
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
			finish(take(slot->box));
		else if (slot->box->state != BOX_CLOSING)
			slot->box->user.event(slot->box->user.arg, &event);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct slot *slot = poll->data;
	(void)status;
	(void)events;
	char rest[4096];
	if (slot->box && slot->box->state == BOX_OPEN)
		slot->box->user.readable(slot->box->user.arg);
	else
		while (read(slot->in, rest, sizeof rest) > 0)
			; /* last words of a job that has ended */
}

static bool make_slot(struct boxes *boxes, struct slot *slot, struct err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, "make a pipe");
	*slot = (struct slot){.boxes = boxes, .in = ends[0], .out = ends[1]};
	/* Steps block when the log is slower than they are. */
	fcntl(slot->out, F_SETFL, O_WRONLY);
	fcntl(slot->out, F_SETPIPE_SZ, PIPE_BYTES);
	/* /dev/stdout works for steps, which are another user; reading another step's output back does not. */
	fchmod(slot->out, 0222);
	uv_poll_init(boxes->loop, &slot->poll, slot->in);
	slot->poll.data = slot;
	uv_poll_start(&slot->poll, UV_READABLE, on_readable);
	boxes->handles_open++;
	boxes->slots_made++;
	return true;
}

static void count_closed(struct boxes *boxes)
{
	if (--boxes->handles_open)
		return;
	void (*closed)(void *arg) = boxes->closed;
	void *arg = boxes->closed_arg;
	for (unsigned i = 0; i < boxes->slots_made; i++) {
		close(boxes->slots[i].in);
		close(boxes->slots[i].out);
	}
	free(boxes->slots);
	free(boxes);
	if (closed)
		closed(arg);
}

static void on_boxes_handle_closed(uv_handle_t *handle)
{
	count_closed(handle->data);
}

static void on_slot_handle_closed(uv_handle_t *handle)
{
	struct slot *slot = handle->data;
	count_closed(slot->boxes);
}

bool boxes_open(struct uv_loop_s *loop, struct sandbox *sandbox, void (*lost)(void *arg, const struct err *err),
	void *arg, struct boxes **ret, struct err *err)
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
	for (unsigned i = 0; i < boxes->slot_count; i++) {
		if (!make_slot(boxes, &boxes->slots[i], err)) {
			boxes_close(boxes, NULL, NULL);
			return false;
		}
	}
	*ret = boxes;
	return true;
}

void boxes_close(struct boxes *boxes, void (*closed)(void *arg), void *arg)
{
	boxes->closed = closed;
	boxes->closed_arg = arg;
	for (unsigned i = 0; i < boxes->slots_made; i++)
		uv_close((uv_handle_t *)&boxes->slots[i].poll, on_slot_handle_closed);
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
	if (!sandbox_open(box->boxes->sandbox, &box->options, &box->job, &err))
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
	return box->slot->out;
}

size_t box_read(struct box *box, char *to, size_t n)
{
	ssize_t got = read(box->slot->in, to, n);
	return got > 0 ? (size_t)got : 0;
}
