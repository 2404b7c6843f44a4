#include "cli/up_internal.h"

#include "cli/exec_as.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_TICK_MS = 100, LOG_READ_BYTES = 64 << 10, TAIL_LINES = 12, LOG_MAX_BYTES = 16 << 20 };

static const char *log_path(struct up *up, const struct part *part)
{
	return arena_printf(&up->arena, "%s/logs/%s.log", up->dir, part->name).p;
}

/* One older log is kept; a start is the time to change, since the part holds the file open. */
static int open_log(struct up *up, struct part *part, struct err *err)
{
	const char *path = log_path(up, part);
	struct stat info;
	if (stat(path, &info) == 0 && info.st_size > LOG_MAX_BYTES)
		rename(path, arena_printf(&up->arena, "%s.1", path).p);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		err_errno(err, "the log %s", path);
	else
		part->log_start = lseek(fd, 0, SEEK_END);
	return fd;
}

/* penstock exec-as SIGNAL PARENT ACCOUNT PROGRAM ARGUMENTS... */
static char **command_line(struct up *up, const struct part *part)
{
	size_t count = 0, n = 0;
	while (part->argv[count])
		count++;
	const char **all = arena_array(&up->arena, const char *, count + 6);
	all[n++] = up->self;
	all[n++] = EXEC_AS_WORD;
	all[n++] = arena_printf(&up->arena, "%d", part->death_signal).p;
	all[n++] = arena_printf(&up->arena, "%d", (int)getpid()).p;
	all[n++] = part->account ? part->account : "-";
	for (size_t i = 0; i < count; i++)
		all[n++] = part->argv[i];
	return (char **)(uintptr_t)all;
}

bool part_start(struct up *up, struct part *part, struct err *err)
{
	auto_fd int log = open_log(up, part, err);
	if (log < 0)
		return false;
	posix_spawnattr_t how;
	posix_spawn_file_actions_t files;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&how);
	/* A group of its own: Ctrl-C is for `up` alone, which stops the parts in order. */
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
	pid_t pid = 0;
	int failed = posix_spawn(
		&pid, up->self, &files, &how, command_line(up, part), (char **)(uintptr_t)part->environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	errno = failed;
	if (failed)
		return err_errno(err, "start %s", part->title);
	part->pid = pid;
	part->started_us = clock_mono_us();
	part->restart_us = 0;
	return true;
}

bool part_has_ended(struct part *part)
{
	if (part->pid && waitpid(part->pid, &part->status, WNOHANG) != 0)
		part->pid = 0;
	return part->pid == 0;
}

void part_signal(const struct part *part, int number)
{
	if (part->pid)
		kill(part->pid, number);
}

const char *part_end_text(struct up *up, const struct part *part)
{
	if (WIFSIGNALED(part->status))
		return arena_printf(&up->arena, "was ended by signal %d (%s)", WTERMSIG(part->status),
			strsignal(WTERMSIG(part->status)))
			.p;
	return arena_printf(&up->arena, "exited with status %d", WEXITSTATUS(part->status)).p;
}

/* What it logged since its start; of a long log the end. */
static struct str read_log(struct up *up, const struct part *part)
{
	auto_fd int fd = open(log_path(up, part), O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size - part->log_start > LOG_READ_BYTES ? size - LOG_READ_BYTES : part->log_start;
	if (size <= from)
		return (struct str){0};
	char *text = arena_alloc(&up->arena, (size_t)(size - from) + 1);
	ssize_t n = pread(fd, text, (size_t)(size - from), from);
	return str_trim((struct str){text, n > 0 ? (size_t)n : 0});
}

struct str part_log_tail(struct up *up, const struct part *part)
{
	struct str text = read_log(up, part), rest = text, line, complaint = {0};
	while (str_cut(&rest, '\n', &line))
		if (str_starts(line, STR("penstock-")))
			complaint = line;
	if (complaint.n)
		return complaint;
	size_t start = text.n;
	for (int lines = 0; start > 0; start--)
		if (text.p[start - 1] == '\n' && ++lines == TAIL_LINES)
			break;
	return str_skip(text, start);
}

bool part_run(struct up *up, struct part *part, struct err *err)
{
	if (!part_start(up, part, err))
		return false;
	while (!part_has_ended(part) && !up->stops)
		up_pause(up, RUN_TICK_MS);
	if (part->pid) {
		part_signal(part, SIGKILL);
		waitpid(part->pid, &part->status, 0);
		part->pid = 0;
		return err_set(err, ERR_CONFLICT, "stopped while %s was running", part->title);
	}
	bool ok = WIFEXITED(part->status) && WEXITSTATUS(part->status) == 0;
	return ok || up_say_end(up, part, err);
}
