#include "common/io/proc.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

extern char **environ;

enum { INPUT, OUTPUT, ERROR, PIPES };

struct proc_pipe {
	int fd; /* our end; -1: none, or at its end */
	uv_poll_t poll;
	struct proc *proc;
};

/* Ends when the child has exited and its pipes are at their end. A grandchild that keeps a pipe open cannot hold the
 * result up for longer than DRAIN_MS. */
struct proc {
	uv_loop_t *loop;
	pid_t pid;
	int pidfd;
	uv_poll_t exit_poll;
	uv_timer_t timer; /* the timeout, then the wait for the pipes */
	struct proc_pipe pipes[PIPES];
	struct buf input;
	size_t input_sent;
	struct buf output;
	struct buf error;
	size_t output_max;
	size_t error_max;
	bool has_exited;
	bool is_closing;
	unsigned open_handles;
	int64_t started_us;
	struct proc_result result;
	void (*done)(void *arg, const struct proc_result *result);
	void *arg;
};

#define DRAIN_MS 1000

static void handle_closed(struct proc *proc)
{
	if (--proc->open_handles > 0)
		return;
	for (int i = 0; i < PIPES; i++)
		if (proc->pipes[i].fd >= 0)
			close(proc->pipes[i].fd);
	close(proc->pidfd);
	proc->result.output = buf_str(&proc->output);
	proc->result.error = buf_str(&proc->error);
	proc->done(proc->arg, &proc->result);
	buf_done(&proc->input);
	buf_done(&proc->output);
	buf_done(&proc->error);
	free(proc);
}

static void on_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	struct proc_pipe *pipe = handle->data;
	handle_closed(pipe->proc);
}

static void finish(struct proc *proc)
{
	if (proc->is_closing)
		return;
	proc->is_closing = true;
	waitid(P_PIDFD, (id_t)proc->pidfd, &(siginfo_t){0}, WEXITED | WNOHANG);
	uv_close((uv_handle_t *)&proc->exit_poll, on_closed);
	uv_close((uv_handle_t *)&proc->timer, on_closed);
	for (int i = 0; i < PIPES; i++)
		if (proc->pipes[i].fd >= 0)
			uv_close((uv_handle_t *)&proc->pipes[i].poll, on_pipe_closed);
}

static void finish_when_drained(struct proc *proc)
{
	if (proc->has_exited && proc->pipes[OUTPUT].fd < 0 && proc->pipes[ERROR].fd < 0)
		finish(proc);
}

static void end_pipe(struct proc_pipe *pipe)
{
	uv_poll_stop(&pipe->poll);
	close(take_fd(&pipe->fd));
	uv_close((uv_handle_t *)&pipe->poll, on_pipe_closed);
	finish_when_drained(pipe->proc);
}

static void on_timer(uv_timer_t *timer)
{
	struct proc *proc = timer->data;
	if (proc->has_exited) {
		proc_kill(proc, SIGKILL); /* stragglers that hold the pipes */
		finish(proc);
		return;
	}
	proc->result.is_timeout = true;
	proc_kill(proc, SIGKILL);
}

static void on_exit_poll(uv_poll_t *poll, int status, int events)
{
	struct proc *proc = poll->data;
	siginfo_t info = {0};
	(void)status;
	(void)events;
	/* Not reaped before the end, so that the pid, and the group, cannot name anything else. */
	if (waitid(P_PIDFD, (id_t)proc->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
		return;
	bool is_exit = info.si_code == CLD_EXITED;
	proc->result.exit_code = is_exit ? info.si_status : -1;
	proc->result.signal = is_exit ? 0 : info.si_status;
	proc->result.duration_us = clock_mono_us() - proc->started_us;
	proc->has_exited = true;
	uv_poll_stop(poll);
	if (proc->pipes[INPUT].fd >= 0)
		end_pipe(&proc->pipes[INPUT]);
	else
		finish_when_drained(proc);
	if (!proc->is_closing)
		uv_timer_start(&proc->timer, on_timer, DRAIN_MS, 0);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct proc_pipe *pipe = poll->data;
	struct proc *proc = pipe->proc;
	(void)status;
	(void)events;
	ssize_t n = write(pipe->fd, proc->input.p + proc->input_sent, proc->input.n - proc->input_sent);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		proc->input_sent += (size_t)n;
	if (n < 0 || proc->input_sent == proc->input.n)
		end_pipe(pipe);
}

static void take_output(struct proc *proc, struct str bytes)
{
	if (proc->result.is_output_full)
		return;
	size_t room = proc->output_max - proc->output.n;
	buf_add_str(&proc->output, str_head(bytes, bytes.n < room ? bytes.n : room));
	if (bytes.n <= room)
		return;
	proc->result.is_output_full = true;
	proc_kill(proc, SIGKILL);
}

static void take_error(struct proc *proc, struct str bytes)
{
	if (bytes.n > proc->error_max)
		bytes = str_skip(bytes, bytes.n - proc->error_max);
	if (proc->error.n + bytes.n > proc->error_max)
		buf_drop(&proc->error, proc->error.n + bytes.n - proc->error_max);
	buf_add_str(&proc->error, bytes);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
	struct proc_pipe *pipe = poll->data;
	struct proc *proc = pipe->proc;
	char bytes[16 * 1024];
	(void)status;
	(void)events;
	ssize_t n = read(pipe->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		end_pipe(pipe);
	else if (pipe == &proc->pipes[OUTPUT])
		take_output(proc, (struct str){bytes, (size_t)n});
	else
		take_error(proc, (struct str){bytes, (size_t)n});
}

/* `theirs` is what the child gets as descriptor `number`; our end is non-blocking. */
static bool make_pipe(struct proc_pipe *pipe, int number, int *theirs, struct err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, "pipe");
	pipe->fd = ends[number == INPUT ? 1 : 0];
	*theirs = ends[number == INPUT ? 0 : 1];
	/* main has 0 to 2 open; a pipe that took one of them would be overwritten in the child. */
	BUG_ON(ends[0] < 3 || ends[1] < 3);
	fcntl(pipe->fd, F_SETFL, O_NONBLOCK);
	return true;
}

static bool make_pipes(struct proc *proc, const struct proc_options *options, int theirs[PIPES], struct err *err)
{
	if (options->input.n > 0 && !make_pipe(&proc->pipes[INPUT], INPUT, &theirs[INPUT], err))
		return false;
	if (options->output_max_bytes > 0 && options->output_fd <= 0 &&
		!make_pipe(&proc->pipes[OUTPUT], OUTPUT, &theirs[OUTPUT], err))
		return false;
	return options->error_max_bytes == 0 || make_pipe(&proc->pipes[ERROR], ERROR, &theirs[ERROR], err);
}

static bool spawn(struct proc *proc, const struct proc_options *options, const int theirs[PIPES], struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int output = options->output_fd > 0 ? options->output_fd : theirs[OUTPUT];
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	if (options->directory)
		posix_spawn_file_actions_addchdir_np(&actions, options->directory);
	if (theirs[INPUT] >= 0)
		posix_spawn_file_actions_adddup2(&actions, theirs[INPUT], 0);
	else
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, 1);
	else
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (theirs[ERROR] >= 0)
		posix_spawn_file_actions_adddup2(&actions, theirs[ERROR], 2);
	/* What others left open without close-on-exec must not live on in the child. */
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

	char **environment = options->environment ? (char **)(uintptr_t)options->environment : environ;
	int status = posix_spawnp(
		&proc->pid, options->argv[0], &actions, &attributes, (char **)(uintptr_t)options->argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	errno = status;
	if (status == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s: no such program in PATH%s%s", options->argv[0],
			options->directory ? ", or no directory " : "", options->directory ? options->directory : "");
	return status == 0 || err_errno(err, "starting %s", options->argv[0]);
}

static void start_handles(struct proc *proc, const struct proc_options *options)
{
	BUG_ON(uv_poll_init(proc->loop, &proc->exit_poll, proc->pidfd) != 0);
	uv_timer_init(proc->loop, &proc->timer);
	proc->exit_poll.data = proc->timer.data = proc;
	proc->open_handles = 2;
	uv_poll_start(&proc->exit_poll, UV_READABLE, on_exit_poll);
	if (options->timeout_ms > 0)
		uv_timer_start(&proc->timer, on_timer, (uint64_t)options->timeout_ms, 0);
	for (int i = 0; i < PIPES; i++) {
		struct proc_pipe *pipe = &proc->pipes[i];
		if (pipe->fd < 0)
			continue;
		BUG_ON(uv_poll_init(proc->loop, &pipe->poll, pipe->fd) != 0);
		pipe->poll.data = pipe;
		proc->open_handles++;
		uv_poll_start(&pipe->poll, i == INPUT ? UV_WRITABLE : UV_READABLE, i == INPUT ? on_input : on_output);
	}
}

static void free_unstarted(struct proc *proc)
{
	for (int i = 0; i < PIPES; i++)
		if (proc->pipes[i].fd >= 0)
			close(proc->pipes[i].fd);
	buf_done(&proc->input);
	free(proc);
}

bool proc_start(uv_loop_t *loop, const struct proc_options *options,
	void (*done)(void *arg, const struct proc_result *result), void *arg, struct proc **ret_proc, struct err *err)
{
	int theirs[PIPES] = {-1, -1, -1};
	struct proc *proc = mem_alloc(sizeof *proc);
	proc->loop = loop;
	proc->done = done;
	proc->arg = arg;
	proc->output_max = options->output_max_bytes;
	proc->error_max = options->error_max_bytes;
	proc->input = (struct buf)BUF_INIT(options->input.n);
	proc->output = (struct buf)BUF_INIT(options->output_max_bytes);
	proc->error = (struct buf)BUF_INIT(options->error_max_bytes);
	for (int i = 0; i < PIPES; i++) {
		proc->pipes[i].fd = -1;
		proc->pipes[i].proc = proc;
	}
	if (options->input.n)
		buf_add_str(&proc->input, options->input);
	proc->started_us = clock_mono_us();
	bool ok = make_pipes(proc, options, theirs, err) && spawn(proc, options, theirs, err);
	for (int i = 0; i < PIPES; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (!ok) {
		free_unstarted(proc);
		return false;
	}
	/* The child is not yet waited for, so that its pid cannot name another process. */
	proc->pidfd = (int)syscall(SYS_pidfd_open, proc->pid, 0);
	if (proc->pidfd < 0)
		BUG("pidfd_open: %s", strerror(errno));
	start_handles(proc, options);
	if (ret_proc)
		*ret_proc = proc;
	return true;
}

void proc_kill(struct proc *proc, int signal)
{
	/* The child leads a process group, so that what it started goes with it. */
	if (!proc->is_closing)
		kill(-proc->pid, signal);
}
