#include "worker/files.h"

#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void files_each(const char *directory, int (*each)(void *arg, struct str name), void *arg)
{
	DIR *dir = opendir(directory);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (each(arg, str_of(entry->d_name)))
			break;
	}
	closedir(dir);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

void files_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool files_make_directory(const char *path, struct err *err)
{
	auto_free char *part = mem_strdup(path);
	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at)
			continue;
		char end = *at;
		*at = 0;
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_errno(err, "make directory %s", part);
		*at = end;
		if (!end)
			return true;
	}
}

struct str files_read_small(const char *path, size_t max_bytes, struct arena *arena)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (struct str){0};
	char *text = arena_alloc(arena, max_bytes + 1);
	ssize_t n = read(fd, text, max_bytes);
	return (struct str){text, n > 0 ? (size_t)n : 0};
}

bool files_write_small(const char *path, struct str text, struct err *err)
{
	auto_arena arena = {0};
	const char *fresh = arena_printf(&arena, "%s.new", path).p;
	auto_fd int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || rename(fresh, path) < 0)
		return err_errno(err, "write %s", path);
	return true;
}

static _Thread_local int64_t size_sum;

static int add_size(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)path;
	(void)type;
	(void)ftw;
	size_sum += (int64_t)info->st_blocks * 512;
	return 0;
}

int64_t files_size(const char *path)
{
	size_sum = 0;
	nftw(path, add_size, 16, FTW_PHYS);
	return size_sum;
}

int files_temporary(const char *directory, struct err *err)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system knows O_TMPFILE. */
	auto_arena arena = {0};
	struct str pattern = arena_printf(&arena, "%s/tmp-XXXXXX", directory);
	auto_free char *name = mem_dup(pattern.p, pattern.n);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		err_errno(err, "make a file in %s", directory);
	else
		unlink(name);
	return fd;
}
