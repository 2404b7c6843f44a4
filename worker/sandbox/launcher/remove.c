#include "worker/sandbox/launcher/files.h"

#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper directories are moved up and removed from there: descriptors and stack stay bounded however deep a tree is. */
enum { MAX_DEPTH = 64 };

/* No capability is needed: a step owns all that it made. */
static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int open_directory(int parent, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);
	if (fd >= 0 || errno != EACCES)
		return fd;
	/* Our own directory with its permissions taken away. */
	return fchmodat(parent, name, 0700, 0) < 0 ? -1 : openat(parent, name, flags);
}

static bool empty_directory(int top, int directory, unsigned depth, struct err *err);

static bool remove_directory(int top, int parent, const char *name, unsigned depth, struct err *err)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return true;
	if (depth >= MAX_DEPTH) {
		static unsigned long counter;
		char aside[64];
		snprintf(aside, sizeof aside, ".penstock-removing-%lu", ++counter);
		return renameat(parent, name, top, aside) == 0 || err_errno(err, "move aside a deep directory");
	}
	int fd = open_directory(parent, name);
	if (fd < 0)
		return err_errno(err, "open directory %.100s", name);
	if (!empty_directory(top, fd, depth + 1, err))
		return false;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || err_errno(err, "remove directory %.100s", name);
}

/* Takes the descriptor over. */
static bool empty_directory(int top, int directory, unsigned depth, struct err *err)
{
	struct stat st;
	if (fstat(directory, &st) == 0 && (st.st_mode & 0700) != 0700)
		fchmod(directory, 0700);
	DIR *entries = fdopendir(directory);
	if (!entries) {
		close(directory);
		return err_errno(err, "read a directory");
	}
	bool ok = true;
	struct dirent *entry;
	while (ok && (entry = readdir(entries))) {
		if (is_dots(entry->d_name))
			continue;
		if (entry->d_type == DT_DIR)
			ok = remove_directory(top, directory, entry->d_name, depth, err);
		else
			ok = unlinkat(directory, entry->d_name, 0) == 0 ||
			     err_errno(err, "remove %.100s", entry->d_name);
	}
	closedir(entries);
	return ok;
}

bool files_is_empty(int area)
{
	int fd = openat(area, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	if (!entries)
		return false;
	bool is_empty = true;
	struct dirent *entry;
	while (is_empty && (entry = readdir(entries)))
		is_empty = is_dots(entry->d_name);
	closedir(entries);
	return is_empty;
}

bool files_remove_all(int area, struct err *err)
{
	/* More than one pass: what was moved aside appears at the top, perhaps behind where the reading had come to. */
	for (int pass = 0; pass < 4096 && !files_is_empty(area); pass++) {
		int fd = openat(area, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, "open the workspace");
		if (!empty_directory(area, fd, 0, err))
			return false;
	}
	return files_is_empty(area) || err_set(err, ERR_SYSTEM, "the workspace does not become empty");
}
