#include "worker/sandbox/launcher/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof *args);
}

int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int sys_close_all_but(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(null, fd) < 0)
			close(fd);
	}
	int kept = keep == 3 ? 3 : dup3(keep, 3, O_CLOEXEC);
	close_range(4, ~0U, 0);
	return kept;
}

bool sys_write_file(int dir, const char *path, const char *text, struct err *err)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open %s", path);
	size_t n = strlen(text);
	bool ok = write(fd, text, n) == (ssize_t)n;
	if (!ok)
		err_errno(err, "write \"%s\" to %s", text, path);
	close(fd);
	return ok;
}

ssize_t sys_read_file(int dir, const char *path, char *ret, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, ret, size - 1);
	int saved = errno;
	close(fd);
	errno = saved;
	if (n >= 0)
		ret[n] = 0;
	return n;
}

bool sys_read_number(int fd, const char *key, uint64_t *ret)
{
	char text[4096];
	ssize_t got = pread(fd, text, sizeof text - 1, 0);
	if (got <= 0)
		return false;
	text[got] = 0;
	const char *at = text;
	if (key) {
		size_t n = strlen(key);
		while (strncmp(at, key, n) != 0 || at[n] != ' ') {
			at = strchr(at, '\n');
			if (!at)
				return false;
			at++;
		}
		at += n + 1;
	}
	char *end;
	errno = 0;
	unsigned long long value = strtoull(at, &end, 10);
	if (end == at || errno)
		return false;
	*ret = value;
	return true;
}
