#include "cli/up_internal.h"

#include "cli/up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* PostgreSQL's own bound is 1024 with the names of its files. */
enum { UP_DIR_MAX_BYTES = 900 };

const char *up_path(struct up *up, const char *name)
{
	return arena_printf(&up->arena, "%s/%s", up->dir, name).p;
}

/* The directory and what is missing above it. */
static bool make_path(const char *path, struct err *err)
{
	auto_free char *copy = mem_strdup(path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return err_errno(err, "make the directory %s", copy);
		*slash = '/';
	}
	if (mkdir(copy, 0711) != 0 && errno != EEXIST)
		return err_errno(err, "make the directory %s", path);
	return true;
}

/* A directory of other things is not taken over: with root's rights a wrong --dir would change who may enter /tmp. */
static bool check_contents(const char *dir, const struct stat *info, struct err *err)
{
	static const char *const ours[] = {".", "..", "lock", "address", "admin-password", "admin-token",
		"worker-token", "logs", "postgres", "postgres.new", "run", "data", "worker", "programs", "programs.new",
		"lost+found"};
	static const char way_out[] = "choose an empty directory, or one that is to be made, with --dir";
	if (info->st_mode & S_ISVTX)
		return err_set(err, ERR_INVALID, "%s is for everybody's files: %s", dir, way_out);
	DIR *list = opendir(dir);
	if (!list)
		return err_errno(err, "read the data directory %s", dir);
	char foreign[NAME_MAX + 1] = "";
	bool has_cluster = false;
	for (const struct dirent *entry; (entry = readdir(list));) {
		bool is_ours = false;
		for (size_t i = 0; i < COUNT_OF(ours) && !is_ours; i++)
			is_ours = strcmp(entry->d_name, ours[i]) == 0;
		has_cluster |= strcmp(entry->d_name, "postgres") == 0;
		if (!is_ours)
			snprintf(foreign, sizeof foreign, "%s", entry->d_name);
	}
	closedir(list);
	return has_cluster || !*foreign ||
	       err_set(err, ERR_INVALID, "%s holds other things than Penstock's (%.80s): %s", dir, foreign, way_out);
}

bool up_open_dir(struct up *up, const char *dir, struct err *err)
{
	char real[PATH_MAX];
	if (!*dir)
		return err_set(err, ERR_INVALID, "--dir is empty");
	if (!make_path(dir, err))
		return err_wrap(err, "data directory");
	if (!realpath(dir, real))
		return err_errno(err, "data directory %s", dir);
	if (strlen(real) > UP_DIR_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"the data directory's path has %zu bytes, and PostgreSQL takes at most %d: choose a shorter one with --dir",
			strlen(real), UP_DIR_MAX_BYTES);
	up->dir = arena_strdup(&up->arena, real);
	struct stat info;
	if (stat(up->dir, &info) != 0 || !S_ISDIR(info.st_mode))
		return err_set(err, ERR_INVALID, "%s is no directory; choose another one with --dir", up->dir);
	if (info.st_uid != geteuid() && (geteuid() == 0 || access(up->dir, W_OK) != 0))
		return err_set(err, ERR_DENIED,
			"the data directory %s belongs to another account (uid %u): run this as that account, or choose another "
			"one with --dir",
			up->dir, (unsigned)info.st_uid);
	if (access(up->dir, R_OK | W_OK | X_OK) != 0)
		return err_errno(
			err, "the data directory %s cannot be written; chmod u+rwx it, or choose another one", up->dir);
	if (!check_contents(up->dir, &info, err))
		return false;
	/* As root, the account has to get through, and nobody else may move things about in it. */
	if (up->account.name && chmod(up->dir, (info.st_mode & 0755) | 0711) != 0)
		return err_errno(err, "%s", up->dir);
	return up_account_can_reach(up, up_path(up, "postgres"), err);
}

bool up_make_dir(struct up *up, const char *name, mode_t mode, bool is_account_s, struct err *err)
{
	const char *path = up_path(up, name);
	struct stat info;
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_errno(err, "make the directory %s", path);
	if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode))
		return err_set(err, ERR_INVALID, "%s is no directory; move it away", path);
	if (!is_account_s || info.st_uid == up->account.uid)
		return true;
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED,
			"%s belongs to another account (uid %u): run this as that account, or as root", path,
			(unsigned)info.st_uid);
	/* What is inside belongs to whom it belonged: only an empty one may change hands. */
	if (rmdir(path) != 0)
		return err_set(err, ERR_DENIED, "%s belongs to uid %u, not to %s: name that account with --user", path,
			(unsigned)info.st_uid, up->account.name);
	if (mkdir(path, mode) != 0 || lchown(path, up->account.uid, up->account.gid) != 0)
		return err_errno(err, "give %s to %s", path, up->account.name);
	return true;
}

static int64_t read_pid(int fd)
{
	char text[32] = "";
	int64_t pid = 0;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	return n > 0 && str_to_i64(str_trim((struct str){text, (size_t)n}), &pid) ? pid : 0;
}

static bool check_room(const struct up *up, struct err *err)
{
	struct statvfs room;
	if (statvfs(up->dir, &room) != 0)
		return err_errno(err, "%s", up->dir);
	int64_t free_mib = (int64_t)(room.f_bavail * room.f_frsize) >> 20;
	if (free_mib >= UP_ROOM_MIN_MIB)
		return true;
	return err_set(err, ERR_SYSTEM,
		"the disk of %s is full: %lld MiB are free, and Penstock wants %d to start; make room, or choose another "
		"directory with --dir",
		up->dir, (long long)free_mib, UP_ROOM_MIN_MIB);
}

bool up_lock(struct up *up, struct err *err)
{
	const char *path = up_path(up, "lock");
	up->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (up->lock_fd < 0)
		return err_errno(err, "the lock %s", path);
	int64_t pid = read_pid(up->lock_fd);
	if (flock(up->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_CONFLICT,
			"another `penstock up` (pid %lld) uses %s: stop it with kill %lld, or choose another directory with --dir",
			(long long)pid, up->dir, (long long)pid);
	if (pid)
		up_say(up, "the last `penstock up` here (pid %lld) was killed; its lock is taken over", (long long)pid);
	char text[32];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(up->lock_fd, 0) != 0 || pwrite(up->lock_fd, text, (size_t)n, 0) != n)
		return err_errno(err, "write %s", path);
	return check_room(up, err);
}

void up_unlock(struct up *up)
{
	if (up->lock_fd < 0)
		return;
	/* An empty lock tells the next start that this one ended in order. */
	if (ftruncate(up->lock_fd, 0) != 0)
		up_say(up, "%s/lock: %s", up->dir, strerror(errno));
	close(up->lock_fd);
	up->lock_fd = -1;
}

bool up_write_file(struct up *up, const char *name, mode_t mode, struct str text, struct err *err)
{
	const char *path = up_path(up, name), *fresh = arena_printf(&up->arena, "%s.new", path).p;
	unlink(fresh);
	auto_fd int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || fsync(fd) != 0 || rename(fresh, path) != 0)
		return err_errno(err, "write %s", path);
	return true;
}
