#include "server/blobs/blob_sweep.h"

#include "common/clock.h"
#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t written_at(const struct stat *stat)
{
	return stat->st_mtim.tv_sec * US_PER_SECOND + stat->st_mtim.tv_nsec / 1000;
}

static void add_file(struct blob_files *files, DIR *dir, const char *name, struct arena *arena)
{
	struct stat stat;
	/* What has just gone is not there. */
	if (fstatat(dirfd(dir), name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(stat.st_mode))
		return;
	files->items = arena_grow(arena, files->items, sizeof *files->items, files->count);
	files->items[files->count++] =
		(struct blob_file){arena_str(arena, str_of(name)), stat.st_size, written_at(&stat)};
}

static bool list(const char *path, bool are_blobs, struct blob_files *ret, struct arena *arena, struct err *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return err_errno(err, "folder %s", path);
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (!are_blobs || blob_name_is_valid(str_of(entry->d_name)))
			add_file(ret, dir, entry->d_name, arena);
	closedir(dir);
	return true;
}

bool blob_sweep_list(
	const struct blob_store *store, int folder, struct blob_files *ret, struct arena *arena, struct err *err)
{
	auto_free char *path = blob_store_folder(store, folder);
	struct blob_files files = {0};
	if (!list(path, true, &files, arena, err))
		return false;
	*ret = files;
	return true;
}

bool blob_sweep_uploads(const struct blob_store *store, struct blob_files *ret, struct arena *arena, struct err *err)
{
	auto_free char *path = blob_store_upload_path(store, STR(""));
	struct blob_files files = {0};
	if (!list(path, false, &files, arena, err))
		return false;
	*ret = files;
	return true;
}

static bool remove_file(const char *path, struct err *err)
{
	return unlink(path) == 0 || errno == ENOENT || err_errno(err, "remove %s", path);
}

bool blob_sweep_remove(const struct blob_store *store, struct str sha256, int64_t written_before_us, bool *ret_is_gone,
	struct err *err)
{
	auto_free char *path = blob_store_path(store, sha256);
	struct stat stat;
	/* A coordinator that slept over its claim must not remove what was uploaded again meanwhile. */
	bool is_fresh = lstat(path, &stat) == 0 && written_at(&stat) >= written_before_us;
	if (!is_fresh && !remove_file(path, err))
		return false;
	*ret_is_gone = !is_fresh;
	return true;
}

bool blob_sweep_remove_upload(const struct blob_store *store, struct str name, struct err *err)
{
	auto_free char *path = blob_store_upload_path(store, name);
	return remove_file(path, err);
}
