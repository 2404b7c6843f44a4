#include "worker/sandbox/launcher/launcher.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/guard.h"
#include "worker/sandbox/launcher/net.h"
#include "worker/sandbox/launcher/volume.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENT_PATIENCE_MS = 10000, ORPHANS_MS = 5000 };

#define BIT(layer) (UINT32_C(1) << (layer))

/* ---- start ---- */

static void find_layers(struct launcher *launcher)
{
	const struct machine *machine = &launcher->machine;
	const bool *has = machine->cgroups.has;
	launcher->layers = BIT(SANDBOX_LAYER_USER_NS) | BIT(SANDBOX_LAYER_NAMESPACES) |
			   BIT(SANDBOX_LAYER_CAPABILITIES) | BIT(SANDBOX_LAYER_SECCOMP) | BIT(SANDBOX_LAYER_DISK) |
			   (machine->is_root ? BIT(SANDBOX_LAYER_ID_RANGE) : 0) |
			   (guard_landlock_abi() ? BIT(SANDBOX_LAYER_LANDLOCK) : 0) |
			   (has[CGROUP_MEMORY] ? BIT(SANDBOX_LAYER_MEMORY) : 0) |
			   /* Without a cgroup by rlimit, which the user namespace makes a count of the job's own. */
			   BIT(SANDBOX_LAYER_PROCESSES) | (has[CGROUP_CPU] ? BIT(SANDBOX_LAYER_CPU) : 0) |
			   (*net_egress_obstacle() ? 0 : BIT(SANDBOX_LAYER_EGRESS));
	bool is_full = has[CGROUP_MEMORY] && has[CGROUP_PIDS] && has[CGROUP_CPU];
	launcher->profile = is_full ? SANDBOX_PROFILE_FULL : SANDBOX_PROFILE_USER;
}

static bool send_hello(struct launcher *launcher, struct err *err)
{
	struct wire_head hello = {.kind = WIRE_HELLO};
	hello.hello.layers = launcher->layers;
	hello.hello.profile = launcher->profile;
	hello.hello.slots = launcher->machine.slots;
	hello.hello.landlock_abi = guard_landlock_abi();
	hello.hello.cgroup_version = (uint32_t)launcher->machine.cgroups.version;
	const char *why = launcher->machine.cgroups.why;
	return wire_send(launcher->client, &hello, (struct str){why, strlen(why) + 1}, NULL, 0, 0, err);
}

bool launcher_start(struct launcher *launcher, struct err *err)
{
	struct machine *machine = &launcher->machine;
	launcher->slots = mem_alloc(machine->slots * sizeof *launcher->slots);
	for (unsigned i = 0; i < machine->slots; i++)
		slot_init(&launcher->slots[i], i);
	if (!guard_prepare(err))
		return false;
	machine->has_volumes = machine->is_root && !*volume_obstacle();
	find_layers(launcher);
	struct wire_open first = {0};
	return slot_complete_limits(&first.limits, err) &&
	       slot_prepare(&launcher->slots[0], machine, &first, (struct str){0}, err) && send_hello(launcher, err);
}

/* ---- to the client ---- */

/* A client that takes nothing for that long is as good as dead, and all that depends on it ends. */
static void tell(struct launcher *launcher, struct wire_head *head)
{
	struct err err = {0};
	struct pollfd wait = {.fd = launcher->client, .events = POLLOUT};
	while (!wire_send(launcher->client, head, (struct str){0}, NULL, 0, MSG_DONTWAIT, &err)) {
		if (err.kind != ERR_BUSY || poll(&wait, 1, CLIENT_PATIENCE_MS) != 1) {
			shutdown(launcher->client, SHUT_RDWR);
			return;
		}
	}
}

static void tell_failed(struct launcher *launcher, uint64_t job, uint64_t step, const struct err *why)
{
	struct wire_head head = {.kind = WIRE_FAILED, .job = job, .step = step};
	head.failed.kind = (uint32_t)why->kind;
	head.failed.os = why->os;
	snprintf(head.failed.text, sizeof head.failed.text, "%s", why->text);
	tell(launcher, &head);
}

/* ---- from the client ---- */

static struct slot *find_job(struct launcher *launcher, uint64_t job)
{
	for (unsigned i = 0; job && i < launcher->machine.slots; i++) {
		if (launcher->slots[i].job == job)
			return &launcher->slots[i];
	}
	return NULL;
}

/* Refuses, and names the layer, rather than running a job with less than it asked for. */
static bool can_open(struct launcher *launcher, const struct wire_message *message, struct err *err)
{
	const struct wire_open *open = &message->head.open;
	if (message->head.job == 0 || find_job(launcher, message->head.job))
		return err_set(err, ERR_INVALID, "a job needs a number of its own");
	if (open->slot >= launcher->machine.slots)
		return err_set(err, ERR_INVALID, "slot %u: this launcher has slots 0 to %u", open->slot,
			launcher->machine.slots - 1);
	if (launcher->slots[open->slot].job)
		return err_set(err, ERR_CONFLICT, "slot %u is taken by another job", open->slot);
	if (open->network > SANDBOX_NETWORK_EGRESS || open->profile > SANDBOX_PROFILE_FULL)
		return err_set(err, ERR_INVALID, "unknown network or profile");
	struct str rest = message->tail;
	const char *strings[WIRE_MAX_STRINGS + 1];
	if (open->denied > WIRE_MAX_STRINGS || open->allowed > WIRE_MAX_STRINGS ||
		!wire_strings(&rest, open->denied, strings) || !wire_strings(&rest, open->allowed, strings))
		return err_set(err, ERR_INVALID, "bad list of networks");
	if (open->profile == SANDBOX_PROFILE_FULL && launcher->profile != SANDBOX_PROFILE_FULL)
		return err_set(err, ERR_UNSUPPORTED,
			"the job demands sandbox profile \"full\", but this worker can only limit memory and CPU with cgroups: %.300s",
			*launcher->machine.cgroups.why ? launcher->machine.cgroups.why : "a controller is missing");
	if (open->network == SANDBOX_NETWORK_EGRESS && *net_egress_obstacle())
		return err_set(err, ERR_UNSUPPORTED, "the job wants network egress: %s", net_egress_obstacle());
	return true;
}

static void open_job(struct launcher *launcher, struct wire_message *message)
{
	struct err err = {0};
	struct wire_open *open = &message->head.open;
	uint64_t job = message->head.job;
	if (!can_open(launcher, message, &err) || !slot_complete_limits(&open->limits, &err)) {
		tell_failed(launcher, job, 0, &err);
		return;
	}
	struct slot *slot = &launcher->slots[open->slot];
	if (slot_prepare(slot, &launcher->machine, open, message->tail, &err) &&
		wire_send(slot->socket, &message->head, (struct str){0}, NULL, 0, MSG_DONTWAIT, &err)) {
		slot->job = job;
		slot->is_closing = false;
		return;
	}
	err_wrap(&err, "open slot %u", open->slot);
	tell_failed(launcher, job, 0, &err);
}

static void pass_on_step(struct launcher *launcher, struct wire_message *message)
{
	struct err err = {0};
	uint64_t step = message->head.step;
	struct slot *slot = find_job(launcher, message->head.job);
	if (step == 0)
		err_set(&err, ERR_INVALID, "a step needs a number");
	else if (!slot || slot->is_closing)
		err_set(&err, ERR_NOT_FOUND, "no open job %llu", (unsigned long long)message->head.job);
	else if (!slot->keeper)
		err_set(&err, ERR_UPSTREAM, "the sandbox of this job has died");
	else if (!slot_add_step(slot, step))
		err_set(&err, ERR_BUSY, "a job runs at most %d steps at a time", WIRE_MAX_STEPS);
	else if (!wire_send(slot->socket, &message->head, message->tail, message->fds, message->fd_count, MSG_DONTWAIT,
			 &err))
		slot_remove_step(slot, step);
	if (err.kind != ERR_NONE)
		tell_failed(launcher, message->head.job, step, &err);
	explicit_bzero(launcher->space, message->tail.n);
}

static void pass_on_signal(struct launcher *launcher, struct wire_message *message)
{
	struct slot *slot = find_job(launcher, message->head.job);
	int signal = message->head.signal;
	if (slot && slot->keeper && signal > 0 && signal < NSIG)
		wire_send(slot->socket, &message->head, (struct str){0}, NULL, 0, MSG_DONTWAIT, NULL);
}

static void tell_closed(struct launcher *launcher, struct slot *slot)
{
	struct wire_head closed = {.kind = WIRE_CLOSED, .job = slot->job};
	slot->job = 0;
	slot->is_closing = false;
	memset(slot->steps, 0, sizeof slot->steps);
	tell(launcher, &closed);
}

static void close_job(struct launcher *launcher, struct wire_message *message)
{
	struct slot *slot = find_job(launcher, message->head.job);
	if (!slot) {
		/* It was never opened, or its opening failed: closed is what the caller wants it to be. */
		struct wire_head closed = {.kind = WIRE_CLOSED, .job = message->head.job};
		tell(launcher, &closed);
		return;
	}
	if (slot->is_closing)
		return;
	slot->is_closing = true;
	if (slot->keeper && wire_send(slot->socket, &message->head, (struct str){0}, NULL, 0, MSG_DONTWAIT, NULL))
		return;
	slot_tear_down(slot, &launcher->machine);
	tell_closed(launcher, slot);
}

static void handle_request(struct launcher *launcher, struct wire_message *message)
{
	switch ((enum wire_kind)message->head.kind) {
	case WIRE_OPEN:
		open_job(launcher, message);
		break;
	case WIRE_RUN:
	case WIRE_IMPORT:
	case WIRE_COLLECT:
		pass_on_step(launcher, message);
		break;
	case WIRE_SIGNAL:
		pass_on_signal(launcher, message);
		break;
	case WIRE_CLOSE:
		close_job(launcher, message);
		break;
	case WIRE_GO:
	case WIRE_HELLO:
	case WIRE_READY:
	case WIRE_OPENED:
	case WIRE_ENDED:
	case WIRE_CLOSED:
	case WIRE_FAILED:
		/* Not a client's to say, or no kind at all: not answered, since it names nothing to answer for. */
		break;
	}
	wire_close_fds(message);
}

/* ---- from the keepers ---- */

static void lose_keeper(struct launcher *launcher, struct slot *slot)
{
	uint64_t lost[WIRE_MAX_STEPS];
	memcpy(lost, slot->steps, sizeof lost);
	memset(slot->steps, 0, sizeof slot->steps);
	slot_tear_down(slot, &launcher->machine);
	for (size_t i = 0; i < WIRE_MAX_STEPS; i++) {
		if (!lost[i])
			continue;
		struct wire_head ended = {.kind = WIRE_ENDED, .job = slot->job, .step = lost[i]};
		ended.end.reason = SANDBOX_END_LOST;
		snprintf(ended.end.text, sizeof ended.end.text, "the sandbox of slot %u died under the step",
			slot->number);
		tell(launcher, &ended);
	}
	if (slot->is_closing)
		tell_closed(launcher, slot);
}

static void handle_report(struct launcher *launcher, struct slot *slot, struct wire_message *message)
{
	struct wire_head *head = &message->head;
	struct err err;
	switch ((enum wire_kind)head->kind) {
	case WIRE_ENDED:
		if (!slot_remove_step(slot, head->step))
			break;
		slot_explain_end(slot, &head->end);
		tell(launcher, head);
		break;
	case WIRE_OPENED:
		tell(launcher, head);
		break;
	case WIRE_CLOSED:
		tell_closed(launcher, slot);
		break;
	case WIRE_FAILED:
		err_set(&err, (enum err_kind)(head->failed.kind < ERR_KIND_COUNT ? head->failed.kind : ERR_BUG),
			"%.470s", head->failed.text);
		if (head->step && slot_remove_step(slot, head->step))
			tell_failed(launcher, head->job, head->step, &err);
		else if (!slot->is_closing)
			tell_failed(launcher, slot->job, 0, &err);
		break;
	case WIRE_OPEN:
	case WIRE_RUN:
	case WIRE_IMPORT:
	case WIRE_COLLECT:
	case WIRE_SIGNAL:
	case WIRE_CLOSE:
	case WIRE_GO:
	case WIRE_HELLO:
	case WIRE_READY:
		lose_keeper(launcher, slot);
		break;
	}
	wire_close_fds(message);
}

/* ---- loop ---- */

static void read_keeper(struct launcher *launcher, struct slot *slot)
{
	struct wire_message message;
	enum wire_result result = wire_receive(slot->socket, &message, launcher->space, MSG_DONTWAIT);
	if (result == WIRE_GOT)
		handle_report(launcher, slot, &message);
	else if (result != WIRE_NOTHING)
		lose_keeper(launcher, slot);
}

/* False when the client is gone. A message that no client of this build sends is as final as a closed socket. */
static bool read_client(struct launcher *launcher)
{
	struct wire_message message;
	enum wire_result result = wire_receive(launcher->client, &message, launcher->space, MSG_DONTWAIT);
	if (result == WIRE_GOT)
		handle_request(launcher, &message);
	return result == WIRE_GOT || result == WIRE_NOTHING;
}

/* False when it is time to go. */
static bool read_signals(struct launcher *launcher)
{
	struct signalfd_siginfo info;
	bool stay = true;
	while (read(launcher->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo != SIGCHLD)
			stay = false;
	}
	return stay;
}

void launcher_serve(struct launcher *launcher)
{
	unsigned slots = launcher->machine.slots;
	auto_free struct pollfd *polls = mem_alloc((slots + 2) * sizeof *polls);
	for (;;) {
		polls[0] = (struct pollfd){.fd = launcher->client, .events = POLLIN};
		polls[1] = (struct pollfd){.fd = launcher->signals, .events = POLLIN};
		for (unsigned i = 0; i < slots; i++)
			polls[2 + i] = (struct pollfd){.fd = launcher->slots[i].socket, .events = POLLIN};
		if (poll(polls, slots + 2, -1) < 0 && errno != EINTR)
			return;
		for (unsigned i = 0; i < slots; i++) {
			if (polls[2 + i].revents && launcher->slots[i].socket >= 0)
				read_keeper(launcher, &launcher->slots[i]);
		}
		if (polls[0].revents && !read_client(launcher))
			return;
		if (polls[1].revents && !read_signals(launcher))
			return;
	}
}

/* Steps whose keeper is dead were killed by the kernel and came to us; wait until the last is gone. */
static void wait_for_orphans(void)
{
	for (int i = 0; i < ORPHANS_MS; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return;
		if (pid == 0)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

void launcher_stop(struct launcher *launcher)
{
	for (unsigned i = 0; launcher->slots && i < launcher->machine.slots; i++)
		slot_tear_down(&launcher->slots[i], &launcher->machine);
	wait_for_orphans();
	cgroup_tree_close(&launcher->machine.cgroups);
}
