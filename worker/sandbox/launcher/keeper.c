#include "worker/sandbox/launcher/keeper.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/guard.h"
#include "worker/sandbox/launcher/helper.h"
#include "worker/sandbox/launcher/ipc.h"
#include "worker/sandbox/launcher/net.h"
#include "worker/sandbox/launcher/step.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	uint64_t step;
	pid_t pid; /* of its pid 1; 0: this place is free */
	int report;
};

struct keeper {
	int socket, signals, self;
	bool has_cgroup;
	struct root_plan plan;
	uint32_t processes;
	uint64_t job; /* 0: none open */
	bool is_closing;
	bool is_cleared; /* closing, and workspace and home are out of sight */
	struct child children[WIRE_MAX_STEPS];
	struct helper helper;
	char space[WIRE_MAX_TAIL];
	const char *strings[WIRE_MAX_STRINGS + 1];
};

static struct keeper keeper;

/* ---- set-up ---- */

/* The account inside, with all capabilities of the user namespace kept for the set-up of steps. */
static bool become_account(const struct keeper_spec *spec, struct err *err)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		return err_errno(err, "set securebits");
	if (spec->can_set_groups && setgroups(0, NULL) < 0)
		return err_errno(err, "drop groups");
	if (setresgid(ROOT_GID, ROOT_GID, ROOT_GID) < 0 || setresuid(ROOT_UID, ROOT_UID, ROOT_UID) < 0)
		return err_errno(err, "become the account of the slot");
	step_die_with_parent(spec->launcher);
	return guard_bound_capabilities(err);
}

/* GO's tail: what egress must not reach, and what it may all the same. */
static bool set_up_network(struct wire_message *go, struct err *err)
{
	const struct wire_open *open = &go->head.open;
	if (!net_loopback_up(err))
		return false;
	if (open->network != SANDBOX_NETWORK_EGRESS)
		return true;
	net_no_ipv6();
	static const char *denied[WIRE_MAX_STRINGS + 1], *allowed[WIRE_MAX_STRINGS + 1];
	if (open->denied > WIRE_MAX_STRINGS || open->allowed > WIRE_MAX_STRINGS ||
		!wire_strings(&go->tail, open->denied, denied) || !wire_strings(&go->tail, open->allowed, allowed))
		return err_set(err, ERR_BUG, "bad list of networks");
	return net_deny(denied, allowed, err);
}

/* Beside the launcher, as a worker finds the launcher beside itself; -1: it is not there. */
static int open_policy(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
	path[n > 0 ? n : 0] = 0;
	char *slash = strrchr(path, '/');
	if (!slash)
		return -1;
	snprintf(slash, 32, "/penstock-policy");
	return open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static bool set_up(const struct keeper_spec *spec, struct wire_message *go, struct err *err)
{
	keeper.plan = (struct root_plan){.volume = -1,
		.policy = open_policy(),
		.disk_bytes = spec->disk_bytes,
		.inodes = spec->inodes,
		.network = (enum sandbox_network)go->head.open.network};
	/* Before the change of account, as above: the way to the volume is open to root only. */
	if (spec->volume) {
		keeper.plan.volume = open(spec->volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (keeper.plan.volume < 0)
			return err_errno(err, "open %s", spec->volume);
	}
	if (!become_account(spec, err))
		return false;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_errno(err, "make a cgroup namespace");
	if (sethostname("penstock", strlen("penstock")) < 0)
		return err_errno(err, "set the host name");
	if (!set_up_network(go, err) || !root_build(&keeper.plan, err) || !guard_confine(err))
		return false;
	prctl(PR_SET_DUMPABLE, 0);
	return true;
}

/* ---- children ---- */

static struct child *find_child(uint64_t step)
{
	for (size_t i = 0; i < COUNT_OF(keeper.children); i++) {
		if (keeper.children[i].pid && keeper.children[i].step == step)
			return &keeper.children[i];
	}
	return NULL;
}

static struct child *free_child(void)
{
	for (size_t i = 0; i < COUNT_OF(keeper.children); i++) {
		if (!keeper.children[i].pid)
			return &keeper.children[i];
	}
	return NULL;
}

static bool has_children(void)
{
	for (size_t i = 0; i < COUNT_OF(keeper.children); i++) {
		if (keeper.children[i].pid)
			return true;
	}
	return false;
}

static bool run_step(struct wire_message *message, struct child *child, struct err *err)
{
	const struct wire_run *run = &message->head.run;
	const char **strings = keeper.strings;
	/* Both lists end with a NULL, so the first needs a place of its own in front of the second. */
	const char *cwd[2];
	static const char *arguments[WIRE_MAX_STRINGS + 1];
	if (message->fd_count != 2 || run->arguments == 0 || run->arguments > WIRE_MAX_STRINGS ||
		run->variables > WIRE_MAX_STRINGS || !wire_strings(&message->tail, 1, cwd) ||
		!wire_strings(&message->tail, run->arguments, arguments) ||
		!wire_strings(&message->tail, run->variables, strings))
		return err_set(err, ERR_INVALID, "a step needs a program, a directory and two outputs");
	struct step_spec spec = {.cwd = cwd[0],
		.arguments = arguments,
		.environment = strings,
		.out = message->fds[0],
		.err = message->fds[1],
		.root = &keeper.plan,
		.processes = keeper.has_cgroup ? 0 : keeper.processes + WIRE_MAX_STEPS + 2,
		.parent = keeper.self};
	if (!step_start(&spec, &child->pid, &child->report, err))
		return false;
	child->step = message->head.step;
	return true;
}

/* A step, or a request to the helper. */
static void start_step(struct wire_message *message)
{
	struct err err = {0};
	uint64_t step = message->head.step;
	struct child *child = free_child();
	bool ok = true;
	if (keeper.is_closing || message->head.job != keeper.job || !keeper.job)
		ok = err_set(&err, ERR_CONFLICT, "the job is closed");
	else if (message->head.kind != WIRE_RUN)
		ok = helper_ask(&keeper.helper, message, keeper.self, &err);
	else if (!child)
		ok = err_set(&err, ERR_BUSY, "a job runs at most %d steps at a time", WIRE_MAX_STEPS);
	else
		ok = run_step(message, child, &err);
	if (!ok)
		wire_fail(keeper.socket, message->head.job, step, &err);
	/* Environments hold secrets, and the memory is copied into later steps. */
	explicit_bzero(keeper.space, message->head.tail_bytes);
}

/* ---- the end of a job ---- */

static void give_up(const struct err *err)
{
	wire_fail(keeper.socket, keeper.job, 0, err);
	_exit(1);
}

static void finish_close(void)
{
	struct err err = {0};
	if (!root_place(&err))
		give_up(&err);
	struct wire_head head = {.kind = WIRE_CLOSED, .job = keeper.job};
	keeper.job = 0;
	keeper.is_closing = keeper.is_cleared = false;
	wire_send(keeper.socket, &head, (struct str){0}, NULL, 0, 0, NULL);
}

/* True when there is nothing left to wait for. */
static bool clear(void)
{
	struct err err = {0};
	struct wire_message empty = {.head.kind = WIRE_CLOSE};
	bool is_empty;
	ipc_clear();
	if (!root_clear(&keeper.plan, &is_empty, &err) ||
		(!is_empty && !helper_ask(&keeper.helper, &empty, keeper.self, &err)))
		give_up(&err);
	keeper.is_cleared = true;
	return is_empty;
}

/* First the steps end, then the files go, then the helper ends. */
static void close_when_quiet(void)
{
	if (!keeper.is_closing || has_children() || keeper.helper.step_count)
		return;
	if (!keeper.is_cleared && !clear())
		return;
	if (keeper.helper.pid)
		kill(keeper.helper.pid, SIGKILL);
	else
		finish_close();
}

static void fill_end(struct sandbox_end *end, const struct step_report *report)
{
	int status = report->status;
	snprintf(end->text, sizeof end->text, "%.199s", report->text);
	if (!report->has_started) {
		end->reason = SANDBOX_END_NOT_STARTED;
	} else if (WIFSIGNALED(status)) {
		end->reason = SANDBOX_END_SIGNAL;
		end->signal = WTERMSIG(status);
	} else {
		end->reason = SANDBOX_END_EXIT;
		end->exit_code = WEXITSTATUS(status);
	}
	if (report->has_started && report->is_disk_full && status != 0)
		end->reason = SANDBOX_END_DISK_FULL;
}

static void tell_end(uint64_t step, const struct step_report *report, const struct rusage *usage)
{
	struct wire_head head = {.kind = WIRE_ENDED, .job = keeper.job, .step = step};
	fill_end(&head.end, report);
	head.end.cpu_us = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec +
			  usage->ru_stime.tv_usec;
	head.end.memory_peak_bytes = (uint64_t)usage->ru_maxrss * 1024;
	wire_send(keeper.socket, &head, (struct str){0}, NULL, 0, 0, NULL);
}

static void end_child(struct child *child, int status, const struct rusage *usage)
{
	struct step_report report = {0};
	/* Nothing written: pid 1 itself was killed, by us or by the kernel short of memory. */
	if (read(child->report, &report, sizeof report) != (ssize_t)sizeof report)
		report = (struct step_report){.has_started = true, .status = status};
	close(child->report);
	uint64_t step = child->step;
	*child = (struct child){0};
	tell_end(step, &report, usage);
}

/* What moving files cost is not the step's whose files they are. */
static void tell_moved(uint64_t step, const struct step_report *report)
{
	struct err err = {0};
	if (step) {
		tell_end(step, report, &(struct rusage){0});
	} else if (report->status != 0) {
		err_set(&err, ERR_SYSTEM, "empty the workspace: %s", report->text);
		give_up(&err);
	}
}

static void read_helper(void)
{
	uint64_t step;
	struct step_report report;
	while (helper_next(&keeper.helper, &step, &report))
		tell_moved(step, &report);
}

static void end_helper(int status)
{
	uint64_t step;
	struct step_report report;
	read_helper();
	while (helper_lost(&keeper.helper, status, &step, &report))
		tell_moved(step, &report);
}

static void reap(void)
{
	struct signalfd_siginfo info;
	while (read(keeper.signals, &info, sizeof info) == (ssize_t)sizeof info)
		;
	int status;
	struct rusage usage;
	pid_t pid;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		if (pid == keeper.helper.pid)
			end_helper(status);
		for (size_t i = 0; i < COUNT_OF(keeper.children); i++) {
			if (keeper.children[i].pid == pid) {
				end_child(&keeper.children[i], status, &usage);
				break;
			}
		}
	}
}

/* ---- messages ---- */

static void open_job(const struct wire_message *message)
{
	struct err err = {0};
	/* Names of System V and POSIX queues outlive processes: a fresh ipc namespace takes the old ones away. */
	if (unshare(CLONE_NEWIPC) < 0) {
		err_errno(&err, "make an ipc namespace");
		wire_fail(keeper.socket, message->head.job, 0, &err);
		return;
	}
	keeper.job = message->head.job;
	keeper.processes = message->head.open.limits.processes;
	struct wire_head head = {.kind = WIRE_OPENED, .job = keeper.job};
	wire_send(keeper.socket, &head, (struct str){0}, NULL, 0, 0, NULL);
}

static void close_job(const struct wire_message *message)
{
	if (message->head.job != keeper.job || keeper.is_closing)
		return;
	keeper.is_closing = true;
	for (size_t i = 0; i < COUNT_OF(keeper.children); i++) {
		if (keeper.children[i].pid)
			kill(keeper.children[i].pid, SIGKILL);
	}
	if (keeper.helper.step_count)
		kill(keeper.helper.pid, SIGKILL);
	close_when_quiet();
}

/* A helper that is told to end takes with it all that it was asked. */
static void signal_step(uint64_t step, int number)
{
	struct child *child = find_child(step);
	if (child)
		kill(child->pid, number);
	else if (step && helper_is_asked(&keeper.helper, step))
		kill(keeper.helper.pid, number);
}

static void handle(struct wire_message *message)
{
	switch ((enum wire_kind)message->head.kind) {
	case WIRE_OPEN:
		open_job(message);
		break;
	case WIRE_RUN:
	case WIRE_IMPORT:
	case WIRE_COLLECT:
		start_step(message);
		break;
	case WIRE_SIGNAL:
		signal_step(message->head.step, message->head.signal);
		break;
	case WIRE_CLOSE:
		close_job(message);
		break;
	case WIRE_GO:
	case WIRE_HELLO:
	case WIRE_READY:
	case WIRE_OPENED:
	case WIRE_ENDED:
	case WIRE_CLOSED:
	case WIRE_FAILED:
		_exit(1);
	}
	wire_close_fds(message);
}

static void serve(void)
{
	struct pollfd polls[3] = {
		{keeper.socket, POLLIN, 0}, {keeper.signals, POLLIN, 0}, {keeper.helper.sockets[0], POLLIN, 0}};
	for (;;) {
		if (poll(polls, COUNT_OF(polls), -1) < 0 && errno != EINTR)
			_exit(1);
		if (polls[2].revents)
			read_helper();
		if (polls[1].revents)
			reap();
		close_when_quiet();
		if (!polls[0].revents)
			continue;
		struct wire_message message;
		enum wire_result result = wire_receive(keeper.socket, &message, keeper.space, MSG_DONTWAIT);
		if (result == WIRE_GOT)
			handle(&message);
		else if (result != WIRE_NOTHING)
			_exit(0);
	}
}

_Noreturn void keeper_run(const struct keeper_spec *spec)
{
	step_die_with_parent(spec->launcher);
	keeper.socket = spec->socket;
	keeper.has_cgroup = spec->has_cgroup;
	struct wire_message go;
	if (wire_receive(keeper.socket, &go, keeper.space, 0) != WIRE_GOT || go.head.kind != WIRE_GO ||
		go.fd_count != COUNT_OF(keeper.helper.sockets))
		_exit(1);
	memcpy(keeper.helper.sockets, go.fds, sizeof keeper.helper.sockets);
	struct err err = {0};
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	keeper.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	keeper.self = pidfd_open(getpid(), 0);
	if (!set_up(spec, &go, &err)) {
		wire_fail(keeper.socket, 0, 0, &err);
		_exit(1);
	}
	struct wire_head ready = {.kind = WIRE_READY};
	wire_send(keeper.socket, &ready, (struct str){0}, NULL, 0, 0, NULL);
	serve();
	_exit(0);
}
