#include "cli/tool.h"

#include "common/buf.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { OUTPUT_MAX_BYTES = 64 << 20, COMPLAINT_BYTES = 16 * 1024, CHUNK_BYTES = 256 * 1024 };

static bool read_all(int fd, struct buf *to)
{
	for (;;) {
		char piece[4096];
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && !to->is_full;
		buf_add(to, piece, (size_t)n);
	}
}

/* How tar ends whatever was wrong. */
static bool is_epilogue(struct str line)
{
	return str_ends(line, STR("exiting now")) || str_ends(line, STR("due to previous errors"));
}

/* The last line that says something. */
static struct str complaint(int fd, struct arena *arena)
{
	char *text = arena_alloc(arena, COMPLAINT_BYTES);
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, COMPLAINT_BYTES, size > COMPLAINT_BYTES ? size - COMPLAINT_BYTES : 0);
	struct str rest = str_trim((struct str){text, n > 0 ? (size_t)n : 0}), line, last = {0};
	while (str_cut(&rest, '\n', &line))
		if (str_trim(line).n && !(last.n && is_epilogue(str_trim(line))))
			last = str_trim(line);
	return str_head(last, 300);
}

static bool spawn(const char *const *argv, int out, int complaints, pid_t *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, complaints, STDERR_FILENO);
	errno = posix_spawnp(ret_pid, argv[0], &files, NULL, (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s is missing on this machine: install it", argv[0]);
	return errno == 0 || err_errno(err, "run %s", argv[0]);
}

bool tool_run(const char *const *argv, struct arena *arena, struct str *ret, struct err *err)
{
	int ends[2], status = 0;
	auto_buf output = BUF_INIT(OUTPUT_MAX_BYTES);
	pid_t pid;
	auto_fd int complaints = memfd_create("complaints", MFD_CLOEXEC);
	if (complaints < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, "run %s", argv[0]);
	auto_fd int from = ends[0];
	bool ok = spawn(argv, ends[1], complaints, &pid, err);
	close(ends[1]);
	if (!ok)
		return false;
	ok = read_all(from, &output);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ok || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		struct str said = complaint(complaints, arena);
		return err_set(err, ERR_SYSTEM, "%s failed: %.*s", argv[0], STR_ARG(said));
	}
	if (ret)
		*ret = arena_str(arena, str_trim(buf_str(&output)));
	return true;
}

bool tool_hash(const char *path, char ret_sha256[static 65], int64_t *ret_size, struct err *err)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "%s: %s", path, strerror(errno));
	auto_free char *chunk = mem_alloc(CHUNK_BYTES);
	auto_digest digest;
	uint8_t sum[DIGEST_BYTES];
	int64_t size = 0;
	ssize_t n;
	digest_init(&digest);
	while ((n = read(fd, chunk, CHUNK_BYTES)) > 0) {
		digest_add(&digest, (struct str){chunk, (size_t)n});
		size += n;
	}
	if (n < 0)
		return err_errno(err, "%s", path);
	digest_end(&digest, sum);
	hex_write(sum, sizeof sum, ret_sha256);
	ret_sha256[64] = 0;
	*ret_size = size;
	return true;
}

bool tool_write(const char *path, mode_t mode, struct str text, struct err *err)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || fsync(fd) != 0)
		return err_errno(err, "write %s", path);
	return true;
}

bool tool_read(const char *path, struct arena *arena, struct str *ret, struct err *err)
{
	auto_buf text = BUF_INIT(OUTPUT_MAX_BYTES);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "%s: %s", path, strerror(errno));
	if (!read_all(fd, &text))
		return err_errno(err, "%s", path);
	*ret = arena_str(arena, buf_str(&text));
	return true;
}

bool tool_remove_tree(const char *path, struct err *err)
{
	auto_arena arena = {0};
	const char *const argv[] = {"rm", "-rf", "--", path, NULL};
	return tool_run(argv, &arena, NULL, err);
}
