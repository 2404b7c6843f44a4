#include "worker/sandbox/launcher/files.h"

#include "common/buf.h"
#include "common/mem.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

enum { COPY_BYTES = 128 * 1024, MAX_DEPTH = 128 };

struct collect {
	int area;
	const char *const *patterns;
	struct stream_writer writer;
	uint64_t max_entries, max_bytes;
	uint64_t entries, bytes;
	char *space;
};

/* Does the path match, or lie beneath what matches? Part by part; ** takes any number of them. */
static bool matches(struct str pattern, struct str path)
{
	struct str want, have;
	if (!str_cut(&pattern, '/', &want))
		return true; /* the pattern is used up: the path is it, or is beneath it */
	if (str_is(want, "**")) {
		do {
			if (pattern.n == 0 ? path.n > 0 : matches(pattern, path))
				return true;
		} while (str_cut(&path, '/', &have));
		return false;
	}
	if (!str_cut(&path, '/', &have) || want.n > NAME_MAX || have.n > NAME_MAX)
		return false;
	char want_text[NAME_MAX + 1], have_text[NAME_MAX + 1];
	memcpy(want_text, want.p, want.n);
	memcpy(have_text, have.p, have.n);
	want_text[want.n] = have_text[have.n] = 0;
	return fnmatch(want_text, have_text, 0) == 0 && matches(pattern, path);
}

static bool is_wanted(const struct collect *collect, struct str path)
{
	for (size_t i = 0; collect->patterns[i]; i++) {
		struct str pattern = str_of(collect->patterns[i]);
		while (str_starts(pattern, STR("./")))
			pattern = str_skip(pattern, 2);
		if (matches(pattern, path))
			return true;
	}
	return false;
}

/* The size was promised in the header: a file that shrank meanwhile ends the stream, one that grew is cut. */
static bool copy_file(struct collect *collect, int fd, struct str path, const struct stat *st, struct err *err)
{
	uint64_t owed = (uint64_t)st->st_size;
	if (!stream_write_file(&collect->writer, path, st->st_mode & 0777, owed, err))
		return false;
	while (owed) {
		ssize_t n = read(fd, collect->space, owed < COPY_BYTES ? (size_t)owed : COPY_BYTES);
		if (n < 0)
			return err_errno(err, "read %.*s", STR_ARG(str_brief(path, 200)));
		if (n == 0)
			return err_set(
				err, ERR_CONFLICT, "%.*s shrank while it was read", STR_ARG(str_brief(path, 200)));
		owed -= (uint64_t)n;
		if (!stream_write_data(&collect->writer, (struct str){collect->space, (size_t)n}, err))
			return false;
	}
	return true;
}

static bool take_entry(struct collect *collect, int directory, const char *name, struct str path, struct err *err)
{
	/* Non-blocking: a fifo must not hold the helper. */
	auto_fd int fd = sys_openat2(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, BENEATH);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return stream_write_note(&collect->writer, path,
			errno == ELOOP ? "left out: a link" : "left out: cannot be opened", err);
	if (!S_ISREG(st.st_mode))
		return stream_write_note(&collect->writer, path, "left out: not a regular file", err);
	if (collect->entries >= collect->max_entries)
		return err_set(
			err, ERR_TOO_LARGE, "more than %llu files match", (unsigned long long)collect->max_entries);
	if ((uint64_t)st.st_size > collect->max_bytes - collect->bytes)
		return err_set(err, ERR_TOO_LARGE, "the files that match are more than %llu bytes",
			(unsigned long long)collect->max_bytes);
	collect->entries++;
	collect->bytes += (uint64_t)st.st_size;
	return copy_file(collect, fd, path, &st, err);
}

static bool walk(struct collect *collect, int directory, struct buf *path, unsigned depth, struct err *err);

static bool visit(struct collect *collect, int directory, const struct dirent *entry, struct buf *path, unsigned depth,
	struct err *err)
{
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return true;
	size_t before = path->n;
	if ((before && !buf_add_char(path, '/')) || !buf_add_c(path, entry->d_name)) {
		path->n = before;
		return stream_write_note(&collect->writer, buf_str(path), "left out: its path is too long", err);
	}
	bool ok = true;
	if (entry->d_type == DT_DIR && depth >= MAX_DEPTH) {
		ok = stream_write_note(&collect->writer, buf_str(path), "left out: too many directories deep", err);
	} else if (entry->d_type == DT_DIR) {
		int below = sys_openat2(directory, entry->d_name, O_RDONLY | O_DIRECTORY, 0, BENEATH);
		if (below >= 0)
			ok = walk(collect, below, path, depth + 1, err);
	} else if (is_wanted(collect, buf_str(path))) {
		ok = take_entry(collect, directory, entry->d_name, buf_str(path), err);
	}
	path->n = before;
	return ok;
}

/* Takes the descriptor over. */
static bool walk(struct collect *collect, int directory, struct buf *path, unsigned depth, struct err *err)
{
	DIR *entries = fdopendir(directory);
	if (!entries) {
		close(directory);
		return err_errno(err, "read a directory");
	}
	bool ok = true;
	struct dirent *entry;
	while (ok && (entry = readdir(entries)))
		ok = visit(collect, directory, entry, path, depth, err);
	closedir(entries);
	return ok;
}

bool files_collect(
	int area, int to, const char *const *patterns, uint64_t max_entries, uint64_t max_bytes, struct err *err)
{
	auto_free char *space = mem_alloc(COPY_BYTES);
	struct collect collect = {
		.area = area, .patterns = patterns, .max_entries = max_entries, .max_bytes = max_bytes, .space = space};
	stream_writer_init(&collect.writer, to);
	auto_buf path = BUF_INIT(STREAM_MAX_PATH);
	int top = openat(area, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = top >= 0 ? walk(&collect, top, &path, 0, err) : err_errno(err, "open the workspace");
	ok = ok && stream_write_end(&collect.writer, err);
	stream_writer_done(&collect.writer);
	return ok;
}
