#include "worker/sandbox/client.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELLO_MS = 20000, STOP_MS = 15000, LAUNCHER_FD = 3 };

struct sandbox {
	pid_t pid;
	int socket;
	uint64_t next_number;
	struct sandbox_facts facts;
	char space[WIRE_MAX_TAIL];
};

const char *sandbox_end_name(enum sandbox_end_reason reason)
{
	static const char *const names[] = {
#define X(constant, name) name,
		SANDBOX_ENDS(X)
#undef X
	};
	return reason < SANDBOX_END_COUNT ? names[reason] : "unknown";
}

/* ---- the launcher's life ---- */

static bool find_launcher(const struct sandbox_options *options, char ret[static PATH_MAX], struct err *err)
{
	if (options->launcher) {
		snprintf(ret, PATH_MAX, "%s", options->launcher);
	} else {
		ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 32);
		ret[n > 0 ? n : 0] = 0;
		char *slash = strrchr(ret, '/');
		if (!slash)
			return err_errno(err, "find the running program");
		snprintf(slash, 32, "/penstock-sandbox");
	}
	if (access(ret, X_OK) < 0)
		return err_errno(err, "the sandbox launcher %s cannot be run", ret);
	return true;
}

/* An empty environment and no descriptor but the socket and stderr: what the launcher does not have, it cannot leak. */
static bool spawn_launcher(
	const char *path, const struct sandbox_options *options, int socket, pid_t *ret, struct err *err)
{
	char slots[16], range[16];
	snprintf(slots, sizeof slots, "%u", options->slots);
	snprintf(range, sizeof range, "%u", options->first_range);
	char *arguments[] = {(char *)(uintptr_t)path, "--state", (char *)(uintptr_t)options->state_dir, "--slots",
		slots, "--first-range", range, NULL};
	char *environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, socket, LAUNCHER_FD);
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int rc = posix_spawn(ret, path, &actions, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	errno = rc;
	return rc == 0 || err_errno(err, "start %s", path);
}

static bool read_hello(struct sandbox *sandbox, struct err *err)
{
	struct pollfd wait = {.fd = sandbox->socket, .events = POLLIN};
	if (poll(&wait, 1, HELLO_MS) != 1)
		return err_set(err, ERR_TIMEOUT, "the sandbox launcher does not answer after %d s", HELLO_MS / 1000);
	struct wire_message message;
	if (wire_receive(sandbox->socket, &message, sandbox->space, 0) != WIRE_GOT)
		return err_set(err, ERR_SYSTEM, "the sandbox launcher died at its start");
	wire_close_fds(&message);
	const struct wire_head *head = &message.head;
	if (head->kind == WIRE_FAILED) {
		err_set(err, (enum err_kind)head->failed.kind, "%s", head->failed.text);
		return err_wrap(err, "no sandbox can be built on this machine");
	}
	if (head->kind != WIRE_HELLO)
		return err_set(err, ERR_BUG, "the sandbox launcher said %u instead of hello", head->kind);
	sandbox->facts = (struct sandbox_facts){.profile = (enum sandbox_profile)head->hello.profile,
		.layers = head->hello.layers,
		.slots = head->hello.slots,
		.landlock_abi = head->hello.landlock_abi,
		.cgroup_version = head->hello.cgroup_version};
	const char *obstacle[2];
	if (wire_strings(&message.tail, 1, obstacle))
		snprintf(sandbox->facts.cgroup_obstacle, sizeof sandbox->facts.cgroup_obstacle, "%s", obstacle[0]);
	return true;
}

bool sandbox_start(const struct sandbox_options *options, struct sandbox **ret, struct err *err)
{
	char path[PATH_MAX];
	if (!find_launcher(options, path, err))
		return false;
	if (options->state_dir[0] != '/')
		return err_set(err, ERR_INVALID, "the sandbox's state directory must be an absolute path, not %s",
			options->state_dir);
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return err_errno(err, "make a socket pair");
	/* dup2 onto itself would keep the close-on-exec flag. */
	auto_fd int theirs = fcntl(sockets[1], F_DUPFD_CLOEXEC, LAUNCHER_FD + 1);
	close(sockets[1]);
	struct sandbox *sandbox = mem_alloc(sizeof *sandbox);
	sandbox->socket = sockets[0];
	sandbox->next_number = 1;
	bool ok = spawn_launcher(path, options, theirs, &sandbox->pid, err);
	mem_close_at(&theirs);
	theirs = -1;
	if (ok && read_hello(sandbox, err)) {
		*ret = sandbox;
		return true;
	}
	sandbox_stop(sandbox);
	return false;
}

void sandbox_stop(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	close(sandbox->socket);
	int64_t deadline = clock_mono_us() + STOP_MS * US_PER_MS;
	while (sandbox->pid > 0 && waitpid(sandbox->pid, NULL, WNOHANG) == 0) {
		if (clock_mono_us() > deadline) {
			kill(sandbox->pid, SIGKILL);
			waitpid(sandbox->pid, NULL, 0);
			break;
		}
		poll(NULL, 0, 1);
	}
	free(sandbox);
}

const struct sandbox_facts *sandbox_facts(const struct sandbox *sandbox)
{
	return &sandbox->facts;
}

int sandbox_fd(const struct sandbox *sandbox)
{
	return sandbox->socket;
}

/* ---- requests ---- */

static uint32_t add_strings(struct buf *tail, const char *const *strings)
{
	uint32_t count = 0;
	for (; strings && strings[count]; count++)
		buf_add(tail, strings[count], strlen(strings[count]) + 1);
	return count;
}

static bool ask(struct sandbox *sandbox, struct wire_head *head, struct buf *tail, const int *fds, size_t fd_count,
	struct err *err)
{
	if (tail && tail->is_full)
		return err_set(err, ERR_TOO_LARGE, "arguments and environment of a step are limited to %d KiB",
			WIRE_MAX_TAIL / 1024);
	struct str text = tail ? buf_str(tail) : (struct str){0};
	return wire_send(sandbox->socket, head, text, fds, fd_count, MSG_DONTWAIT, err);
}

bool sandbox_open(
	struct sandbox *sandbox, const struct sandbox_job_options *options, uint64_t *ret_job, struct err *err)
{
	struct wire_head head = {.kind = WIRE_OPEN, .job = sandbox->next_number};
	auto_buf tail = BUF_INIT(WIRE_MAX_TAIL);
	head.open.slot = options->slot;
	head.open.network = options->network;
	head.open.profile = options->profile;
	head.open.limits = options->limits;
	head.open.denied = add_strings(&tail, options->denied);
	head.open.allowed = add_strings(&tail, options->allowed);
	if (!ask(sandbox, &head, &tail, NULL, 0, err))
		return false;
	*ret_job = sandbox->next_number++;
	return true;
}

bool sandbox_close(struct sandbox *sandbox, uint64_t job, struct err *err)
{
	struct wire_head head = {.kind = WIRE_CLOSE, .job = job};
	return ask(sandbox, &head, NULL, NULL, 0, err);
}

bool sandbox_run(struct sandbox *sandbox, uint64_t job, const struct sandbox_step_options *options, uint64_t *ret_step,
	struct err *err)
{
	if (!options->arguments || !options->arguments[0] || options->arguments[0][0] != '/')
		return err_set(err, ERR_INVALID, "a step needs the absolute path of a program");
	struct wire_head head = {.kind = WIRE_RUN, .job = job, .step = sandbox->next_number};
	auto_buf tail = BUF_INIT(WIRE_MAX_TAIL);
	const char *directory[] = {options->directory ? options->directory : SANDBOX_WORKSPACE_PATH, NULL};
	add_strings(&tail, directory);
	head.run.arguments = add_strings(&tail, options->arguments);
	head.run.variables = add_strings(&tail, options->environment);
	int fds[2] = {options->out, options->err};
	if (!ask(sandbox, &head, &tail, fds, 2, err))
		return false;
	*ret_step = sandbox->next_number++;
	return true;
}

bool sandbox_signal(struct sandbox *sandbox, uint64_t job, uint64_t step, int signal, struct err *err)
{
	struct wire_head head = {.kind = WIRE_SIGNAL, .job = job, .step = step};
	head.signal = signal;
	return ask(sandbox, &head, NULL, NULL, 0, err);
}

static bool move_files(struct sandbox *sandbox, enum wire_kind kind, uint64_t job,
	const struct sandbox_files_options *options, uint64_t *ret_step, struct err *err)
{
	struct wire_head head = {.kind = kind, .job = job, .step = sandbox->next_number};
	auto_buf tail = BUF_INIT(WIRE_MAX_TAIL);
	head.files.area = options->area;
	head.files.max_files = options->max_files;
	head.files.max_bytes = options->max_bytes;
	head.files.patterns = add_strings(&tail, options->patterns);
	if (!ask(sandbox, &head, &tail, &options->stream, 1, err))
		return false;
	*ret_step = sandbox->next_number++;
	return true;
}

bool sandbox_import(struct sandbox *sandbox, uint64_t job, const struct sandbox_files_options *options,
	uint64_t *ret_step, struct err *err)
{
	return move_files(sandbox, WIRE_IMPORT, job, options, ret_step, err);
}

bool sandbox_collect(struct sandbox *sandbox, uint64_t job, const struct sandbox_files_options *options,
	uint64_t *ret_step, struct err *err)
{
	return move_files(sandbox, WIRE_COLLECT, job, options, ret_step, err);
}

/* ---- events ---- */

static bool to_event(const struct wire_head *head, struct sandbox_event *ret, struct err *err)
{
	struct sandbox_event event = {.job = head->job, .step = head->step};
	switch ((enum wire_kind)head->kind) {
	case WIRE_OPENED:
		event.kind = SANDBOX_OPENED;
		break;
	case WIRE_ENDED:
		event.kind = SANDBOX_ENDED;
		event.end = head->end;
		break;
	case WIRE_CLOSED:
		event.kind = SANDBOX_CLOSED;
		break;
	case WIRE_FAILED:
		event.kind = SANDBOX_FAILED;
		err_set(&event.err, (enum err_kind)head->failed.kind, "%s", head->failed.text);
		event.err.os = head->failed.os;
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
		return err_set(err, ERR_BUG, "the sandbox launcher sent a message of kind %u", head->kind);
	}
	*ret = event;
	return true;
}

bool sandbox_next(struct sandbox *sandbox, struct sandbox_event *ret, bool *ret_got, struct err *err)
{
	struct wire_message message;
	switch (wire_receive(sandbox->socket, &message, sandbox->space, MSG_DONTWAIT)) {
	case WIRE_NOTHING:
		*ret_got = false;
		return true;
	case WIRE_GOT:
		wire_close_fds(&message);
		if (!to_event(&message.head, ret, err))
			return false;
		*ret_got = true;
		return true;
	case WIRE_GONE:
	case WIRE_BAD:
		break;
	}
	return err_set(err, ERR_UPSTREAM, "the sandbox launcher is gone, and with it all jobs in it");
}

bool sandbox_wait(struct sandbox *sandbox, int timeout_ms, struct sandbox_event *ret, struct err *err)
{
	int64_t deadline = clock_mono_us() + timeout_ms * US_PER_MS;
	for (;;) {
		bool got;
		if (!sandbox_next(sandbox, ret, &got, err))
			return false;
		if (got)
			return true;
		int64_t left_ms = (deadline - clock_mono_us() + US_PER_MS - 1) / US_PER_MS;
		struct pollfd wait = {.fd = sandbox->socket, .events = POLLIN};
		if (left_ms <= 0)
			return err_set(err, ERR_TIMEOUT, "no event from the sandbox within %d ms", timeout_ms);
		poll(&wait, 1, (int)left_ms);
	}
}
