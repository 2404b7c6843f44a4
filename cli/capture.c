#include "cli/capture.h"

#include "common/buf.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { OUTPUT_MAX_BYTES = 1 << 20 };

static bool read_all(int fd, struct buf *to)
{
	char piece[4096];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		buf_add(to, piece, (size_t)n);
	}
}

bool capture(const char *const *argv, struct arena *arena, struct str *ret, struct err *err)
{
	int ends[2], status = 0;
	auto_buf output = BUF_INIT(OUTPUT_MAX_BYTES);
	posix_spawn_file_actions_t files;
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, "pipe");
	auto_fd int from = ends[0];
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &files, NULL, (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (errno)
		return err_errno(err, "run %s", argv[0]);
	bool ok = read_all(from, &output);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ok || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_SYSTEM, "%s failed", argv[0]);
	*ret = arena_str(arena, str_trim(buf_str(&output)));
	return true;
}
