#include "worker/directory.h"

#include "common/mem.h"
#include "worker/sandbox/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 200 };

struct walk {
	struct stream_writer out;
	char path[PATH_MAX];
	size_t path_n;
};

static struct str path_of(const struct walk *walk)
{
	return (struct str){walk->path, walk->path_n};
}

/* A file that grows or shrinks meanwhile: the size was promised, so it is cut, or that is an error. */
static bool write_file(struct walk *walk, int directory, const char *name, const struct stat *info, struct err *err)
{
	char piece[64 << 10];
	uint64_t owed = (uint64_t)info->st_size;
	auto_fd int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, "open %s", walk->path);
	if (!stream_write_file(&walk->out, path_of(walk), info->st_mode & 0777, owed, err))
		return false;
	while (owed) {
		ssize_t n = read(fd, piece, owed < sizeof piece ? (size_t)owed : sizeof piece);
		if (n <= 0)
			return n < 0 ? err_errno(err, "read %s", walk->path)
				     : err_set(err, ERR_CONFLICT, "%s shrank while it was read", walk->path);
		if (!stream_write_data(&walk->out, (struct str){piece, (size_t)n}, err))
			return false;
		owed -= (uint64_t)n;
	}
	return true;
}

static bool write_link(struct walk *walk, int directory, const char *name, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(directory, name, target, sizeof target);
	if (n < 0)
		return err_errno(err, "read the link %s", walk->path);
	return stream_write_link(&walk->out, path_of(walk), (struct str){target, (size_t)n}, err);
}

static bool write_directory(struct walk *walk, int fd, int depth, struct err *err);

static bool write_entry(struct walk *walk, int directory, const char *name, int depth, struct err *err)
{
	struct stat info;
	if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at %s", walk->path);
	if (S_ISREG(info.st_mode))
		return write_file(walk, directory, name, &info, err);
	if (S_ISLNK(info.st_mode))
		return write_link(walk, directory, name, err);
	if (!S_ISDIR(info.st_mode))
		return true;
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "open %s", walk->path);
	return stream_write_dir(&walk->out, path_of(walk), err) && write_directory(walk, fd, depth + 1, err);
}

/* Takes the descriptor over. */
static bool write_directory(struct walk *walk, int fd, int depth, struct err *err)
{
	DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (!dir) {
		close(fd);
		return err_set(err, ERR_UNSUPPORTED, "%s is too deep or cannot be read", walk->path);
	}
	bool ok = true;
	size_t before = walk->path_n;
	for (struct dirent *entry; ok && (entry = readdir(dir));) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0)
			continue;
		int n = snprintf(walk->path + before, sizeof walk->path - before, "%s%s", before ? "/" : "", name);
		if (n < 0 || before + (size_t)n >= sizeof walk->path) {
			ok = err_set(err, ERR_UNSUPPORTED, "the path %.200s... is too long", walk->path);
			break;
		}
		walk->path_n = before + (size_t)n;
		ok = write_entry(walk, dirfd(dir), name, depth, err);
	}
	walk->path_n = before;
	walk->path[before] = 0;
	closedir(dir);
	return ok;
}

bool directory_write(const char *path, int stream, struct err *err)
{
	auto_free struct walk *walk = mem_alloc(sizeof *walk);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open %s", path);
	stream_writer_init(&walk->out, stream);
	bool ok = write_directory(walk, fd, 0, err) && stream_write_end(&walk->out, err);
	stream_writer_done(&walk->out);
	return ok || err_wrap(err, "%s", path);
}
