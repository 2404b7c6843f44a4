#include "worker/sandbox/launcher/files.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

enum { READ_BYTES = 256 * 1024 };

struct import {
	int area;
	int parent; /* the directory of the last entry: the next one is mostly in it too */
	char parent_path[STREAM_MAX_PATH + 1];
	int file;
};

/* Makes the directories of a clean path one by one; an existing one is as good. */
static bool make_directories(int area, const char *path, struct err *err)
{
	char part[STREAM_MAX_PATH + 1];
	for (const char *at = path;; at++) {
		if (*at != '/' && *at != 0)
			continue;
		size_t n = (size_t)(at - path);
		memcpy(part, path, n);
		part[n] = 0;
		/* mkdirat follows links in the middle, so each step goes through a parent that was opened beneath. */
		char *slash = strrchr(part, '/');
		if (slash)
			*slash = 0;
		auto_fd int parent = sys_openat2(area, slash ? part : ".", O_PATH | O_DIRECTORY, 0, BENEATH);
		if (parent < 0 || (mkdirat(parent, slash ? slash + 1 : part, 0755) < 0 && errno != EEXIST))
			return err_errno(err, "import %.200s", path);
		if (*at == 0)
			return true;
	}
}

/* Points import->parent at the directory of the path and gives the last part. */
static const char *enter_parent(struct import *import, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (import->parent >= 0 && strncmp(import->parent_path, path, n) == 0 && import->parent_path[n] == 0)
		return slash ? slash + 1 : path;
	if (import->parent >= 0)
		close(import->parent);
	memcpy(import->parent_path, path, n);
	import->parent_path[n] = 0;
	const char *parent = n ? import->parent_path : ".";
	import->parent = sys_openat2(import->area, parent, O_PATH | O_DIRECTORY, 0, BENEATH);
	if (import->parent < 0 && errno == ENOENT) {
		if (!make_directories(import->area, parent, err))
			return NULL;
		import->parent = sys_openat2(import->area, parent, O_PATH | O_DIRECTORY, 0, BENEATH);
	}
	if (import->parent < 0) {
		err_errno(err, "import %.200s", path);
		return NULL;
	}
	return slash ? slash + 1 : path;
}

static bool make_file(struct import *import, const char *name, const struct stream_entry *entry)
{
	import->file = openat(import->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		entry->mode & 0100 ? 0755 : 0644);
	return import->file >= 0;
}

static bool make_entry(struct import *import, const char *name, const struct stream_entry *entry)
{
	switch (entry->kind) {
	case STREAM_FILE:
		return make_file(import, name, entry);
	case STREAM_LINK:
		return symlinkat(entry->text.p, import->parent, name) == 0;
	case STREAM_DIR:
		return mkdirat(import->parent, name, 0755) == 0;
	case STREAM_NOTE:
	case STREAM_END:
		break;
	}
	return true;
}

static bool begin_entry(void *context, const struct stream_entry *entry, struct err *err)
{
	struct import *import = context;
	if (entry->kind == STREAM_NOTE)
		return true;
	const char *name = enter_parent(import, entry->path.p, err);
	if (!name)
		return false;
	if (make_entry(import, name, entry))
		return true;
	struct stat st;
	if (errno == EEXIST && entry->kind == STREAM_DIR &&
		fstatat(import->parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return true;
	if (errno == EEXIST && unlinkat(import->parent, name, 0) == 0 && make_entry(import, name, entry))
		return true;
	return err_errno(err, "import %.200s", entry->path.p);
}

static bool write_data(void *context, struct str piece, struct err *err)
{
	struct import *import = context;
	while (piece.n) {
		ssize_t n = write(import->file, piece.p, piece.n);
		if (n < 0)
			return err_errno(err, "import a file");
		piece = str_skip(piece, (size_t)n);
	}
	return true;
}

static bool end_file(void *context, struct err *err)
{
	struct import *import = context;
	int file = import->file;
	import->file = -1;
	return close(file) == 0 || err_errno(err, "import a file");
}

bool files_import(int area, int from, uint64_t max_entries, uint64_t max_bytes, struct err *err)
{
	static const struct stream_handler handler = {begin_entry, write_data, end_file};
	struct import *import = mem_alloc(sizeof *import);
	import->area = area;
	import->parent = import->file = -1;
	struct stream_reader reader;
	stream_reader_init(&reader, &handler, import, max_entries, max_bytes);
	auto_free char *space = mem_alloc(READ_BYTES);
	bool ok = true;
	while (ok) {
		ssize_t n = read(from, space, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = err_errno(err, "read a stream of files");
		if (n <= 0)
			break;
		ok = stream_reader_feed(&reader, (struct str){space, (size_t)n}, err);
	}
	ok = ok && stream_reader_finish(&reader, err);
	stream_reader_done(&reader);
	if (import->parent >= 0)
		close(import->parent);
	if (import->file >= 0)
		close(import->file);
	free(import);
	return ok;
}
