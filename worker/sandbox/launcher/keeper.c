#include "worker/sandbox/launcher/keeper.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/files.h"
#include "worker/sandbox/launcher/guard.h"
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
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* A step, or a helper that moves or removes files. */
struct child {
	uint64_t step; /* 0: the helper that empties the volume */
	pid_t pid;     /* 0: this place is free */
	int report;
};

struct keeper {
	int socket, signals, self;
	bool has_cgroup;
	struct root_plan plan;
	uint32_t processes;
	uint64_t job; /* 0: none open */
	bool is_closing;
	struct child children[WIRE_MAX_STEPS + 1];
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

/* The last place is the emptying helper's. */
static struct child *free_child(void)
{
	for (size_t i = 0; i < WIRE_MAX_STEPS; i++) {
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
	return step_start(&spec, &child->pid, &child->report, err);
}

static bool is_disk_full(int area)
{
	struct statvfs st;
	return fstatvfs(area, &st) == 0 && (st.f_bavail == 0 || (st.f_files && st.f_favail == 0));
}

/* message NULL: empty the volume. */
static bool move_files(const struct wire_message *message, int area, struct err *err)
{
	if (!message)
		return files_remove_all(area, err);
	const struct wire_files *files = &message->head.files;
	if (message->head.kind == WIRE_IMPORT)
		return files_import(area, message->fds[0], files->max_files, files->max_bytes, err);
	return files_collect(area, message->fds[0], keeper.strings, files->max_files, files->max_bytes, err);
}

static const char *area_path(const struct wire_message *message)
{
	if (!message)
		return ROOT_VOLUME;
	return message->head.files.area == SANDBOX_AREA_HOME ? SANDBOX_HOME_PATH : SANDBOX_WORKSPACE_PATH;
}

static _Noreturn void run_helper(const struct wire_message *message, int report_to)
{
	step_die_with_parent(keeper.self);
	const char *writable[] = {area_path(message), NULL};
	struct step_report report = {.has_started = true};
	struct err err = {0};
	int ruleset = -1;
	step_volunteer_for_oom("/mnt/self/oom_score_adj", NULL); /* the host's /proc, see root.h */
	auto_fd int area = open(writable[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	umask(022);
	bool ok = area >= 0 || err_errno(&err, "open %s", writable[0]);
	ok = ok && guard_landlock_make(writable, &ruleset, &err) && guard_set_rlimits(0, &err) &&
	     guard_keep_capabilities(0, &err) && guard_enter(ruleset, &err) && move_files(message, area, &err);
	if (!ok) {
		report.status = W_EXITCODE(1, 0);
		report.is_disk_full = err.os == ENOSPC || (area >= 0 && is_disk_full(area));
		snprintf(report.text, sizeof report.text, "%.199s", err.text);
	}
	_exit(write(report_to, &report, sizeof report) < 0);
}

static bool run_files(struct wire_message *message, struct child *child, struct err *err)
{
	if (message && (message->fd_count != 1 || message->head.files.patterns > WIRE_MAX_STRINGS ||
			       !wire_strings(&message->tail, message->head.files.patterns, keeper.strings)))
		return err_set(err, ERR_INVALID, "moving files needs a stream and patterns");
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		run_helper(message, report[1]);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return err_errno(err, "fork");
	}
	child->pid = pid;
	child->report = report[0];
	return true;
}

static void start_child(struct wire_message *message)
{
	struct err err = {0};
	uint64_t step = message->head.step;
	struct child *child = free_child();
	bool ok = true;
	if (keeper.is_closing || message->head.job != keeper.job || !keeper.job)
		ok = err_set(&err, ERR_CONFLICT, "the job is closed");
	else if (!child)
		ok = err_set(&err, ERR_BUSY, "a job runs at most %d steps at a time", WIRE_MAX_STEPS);
	else if (message->head.kind == WIRE_RUN)
		ok = run_step(message, child, &err);
	else
		ok = run_files(message, child, &err);
	if (ok)
		child->step = step;
	else
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
	keeper.is_closing = false;
	wire_send(keeper.socket, &head, (struct str){0}, NULL, 0, 0, NULL);
}

static void close_when_quiet(void)
{
	if (!keeper.is_closing || has_children())
		return;
	struct err err = {0};
	bool is_empty;
	ipc_clear();
	if (!root_clear(&keeper.plan, &is_empty, &err))
		give_up(&err);
	if (is_empty) {
		finish_close();
		return;
	}
	struct child *child = &keeper.children[WIRE_MAX_STEPS];
	child->step = 0;
	if (!run_files(NULL, child, &err))
		give_up(&err);
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

static void end_child(struct child *child, int status, const struct rusage *usage)
{
	struct step_report report = {0};
	/* Nothing written: pid 1 itself was killed, by us or by the kernel short of memory. */
	if (read(child->report, &report, sizeof report) != (ssize_t)sizeof report)
		report = (struct step_report){.has_started = true, .status = status};
	close(child->report);
	uint64_t step = child->step;
	*child = (struct child){0};
	if (step == 0) {
		struct err err = {0};
		if (report.status != 0) {
			err_set(&err, ERR_SYSTEM, "empty the workspace: %s", report.text);
			give_up(&err);
		}
		finish_close();
		return;
	}
	struct wire_head head = {.kind = WIRE_ENDED, .job = keeper.job, .step = step};
	fill_end(&head.end, &report);
	head.end.cpu_us = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec +
			  usage->ru_stime.tv_usec;
	head.end.memory_peak_bytes = (uint64_t)usage->ru_maxrss * 1024;
	wire_send(keeper.socket, &head, (struct str){0}, NULL, 0, 0, NULL);
	close_when_quiet();
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
	close_when_quiet();
}

static void handle(struct wire_message *message)
{
	struct child *child;
	switch ((enum wire_kind)message->head.kind) {
	case WIRE_OPEN:
		open_job(message);
		break;
	case WIRE_RUN:
	case WIRE_IMPORT:
	case WIRE_COLLECT:
		start_child(message);
		break;
	case WIRE_SIGNAL:
		child = find_child(message->head.step);
		if (child && message->head.step)
			kill(child->pid, message->head.signal);
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
	struct pollfd polls[2] = {{keeper.socket, POLLIN, 0}, {keeper.signals, POLLIN, 0}};
	for (;;) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (polls[1].revents)
			reap();
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
	if (wire_receive(keeper.socket, &go, keeper.space, 0) != WIRE_GOT || go.head.kind != WIRE_GO)
		_exit(1);
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
