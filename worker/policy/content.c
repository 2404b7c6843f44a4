#include "worker/policy/content.h"

#include "common/arena.h"
#include "common/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10, LINE_BYTES = 64 << 10, OVERLAP_BYTES = 2 << 10, LOOK_BYTES = 8 << 10 };

/* Where bytes come from: a descriptor, or an entry of an archive. *ret is valid until the next call; 0: the end. */
struct source {
	ssize_t (*read)(struct source *source, const void **ret);
	int fd;
	char *space;
	struct archive *archive; /* of an entry */
	/* What was read to see what it is, before anybody else reads. */
	struct str head;
	struct str tail; /* the rest of the block that the head ends in */
};

struct walk {
	const struct content_handler *handler;
	struct content_limits *limits;
	struct err err; /* set when a limit was passed */
};

static bool walk_source(struct walk *walk, struct source *source, struct str path, int depth);

/* --- sources --- */

static ssize_t read_file(struct source *source, const void **ret)
{
	ssize_t n;
	do
		n = read(source->fd, source->space, READ_BYTES);
	while (n < 0 && errno == EINTR);
	*ret = source->space;
	return n;
}

/* The holes of a sparse file hold nothing that anybody would have to see. */
static ssize_t read_entry(struct source *source, const void **ret)
{
	size_t n;
	la_int64_t offset;
	int status = archive_read_data_block(source->archive, ret, &n, &offset);
	if (status == ARCHIVE_EOF)
		return 0;
	return status == ARCHIVE_OK || status == ARCHIVE_WARN ? (ssize_t)n : -1;
}

static struct str take_bytes(struct str *from)
{
	struct str bytes = *from;
	*from = (struct str){0};
	return bytes;
}

static ssize_t source_next(struct walk *walk, struct source *source, const void **ret)
{
	struct str *const ahead[] = {&source->head, &source->tail};
	for (size_t i = 0; i < COUNT_OF(ahead); i++) {
		if (!ahead[i]->n)
			continue;
		struct str bytes = take_bytes(ahead[i]);
		*ret = bytes.p;
		return (ssize_t)bytes.n;
	}
	ssize_t n = source->read(source, ret);
	if (n <= 0)
		return n;
	walk->limits->bytes -= n;
	if (walk->limits->bytes >= 0)
		return n;
	err_set(&walk->err, ERR_TOO_LARGE, "more comes out of it than may be looked at");
	return -1;
}

/* --- plain content --- */

struct lines {
	struct walk *walk;
	char *space;
	size_t n;
	int64_t number;
};

static void give_line(struct lines *lines, struct str line)
{
	lines->walk->handler->line(lines->walk->handler->arg, lines->number, line);
}

static void add_piece(struct lines *lines, struct str piece)
{
	while (piece.n) {
		const char *feed = memchr(piece.p, '\n', piece.n);
		size_t n = feed ? (size_t)(feed - piece.p) : piece.n, room = LINE_BYTES - lines->n;
		if (feed && !lines->n && n <= LINE_BYTES) {
			give_line(lines, str_head(piece, n));
			lines->number++;
			piece = str_skip(piece, n + 1);
			continue;
		}
		size_t taken = n < room ? n : room;
		memcpy(lines->space + lines->n, piece.p, taken);
		lines->n += taken;
		piece = str_skip(piece, taken);
		if (taken == n && feed) {
			give_line(lines, (struct str){lines->space, lines->n});
			lines->n = 0;
			lines->number++;
			piece = str_skip(piece, 1);
		} else if (lines->n == LINE_BYTES) {
			give_line(lines, (struct str){lines->space, lines->n});
			memmove(lines->space, lines->space + LINE_BYTES - OVERLAP_BYTES, OVERLAP_BYTES);
			lines->n = OVERLAP_BYTES;
		}
	}
}

static bool walk_plain(struct walk *walk, struct source *source, struct str path)
{
	const void *p = NULL;
	ssize_t n = source_next(walk, source, &p);
	if (n < 0)
		return false;
	bool is_binary = n && memchr(p, 0, (size_t)n);
	auto_free char *space = mem_alloc(LINE_BYTES);
	struct lines lines = {walk, space, 0, 1};
	walk->handler->begin(walk->handler->arg, path, is_binary);
	for (; n > 0; n = source_next(walk, source, &p))
		add_piece(&lines, (struct str){p, (size_t)n});
	if (lines.n)
		give_line(&lines, (struct str){space, lines.n});
	return n == 0;
}

/* --- what is packed --- */

static bool begins(struct str head, size_t at, const char *magic, size_t n)
{
	return head.n >= at + n && memcmp(head.p + at, magic, n) == 0;
}

/* One layer at a time: libarchive, left to itself, takes a compressed file of zeros for an empty tar. */
enum packing { PACKED_NOT, PACKED_COMPRESSED, PACKED_TAR, PACKED_ZIP, PACKED_AR, PACKED_CPIO };

static enum packing packing_of(struct str head)
{
	static const struct {
		const char *magic;
		size_t n, at;
		enum packing packing;
	} rows[] = {
		{"\x1f\x8b", 2, 0, PACKED_COMPRESSED}, /* gzip */
		{"BZh", 3, 0, PACKED_COMPRESSED},      /* bzip2 */
		{"\xfd"
		 "7zXZ\0",
			6, 0, PACKED_COMPRESSED},              /* xz */
		{"\x28\xb5\x2f\xfd", 4, 0, PACKED_COMPRESSED}, /* zstd */
		{"\x04\x22\x4d\x18", 4, 0, PACKED_COMPRESSED}, /* lz4 */
		{"PK\3\4", 4, 0, PACKED_ZIP},
		{"!<arch>\n", 8, 0, PACKED_AR},
		{"07070", 5, 0, PACKED_CPIO},
		{"ustar", 5, 257, PACKED_TAR},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (begins(head, rows[i].at, rows[i].magic, rows[i].n))
			return rows[i].packing;
	return PACKED_NOT;
}

struct opened {
	struct walk *walk;
	struct source *source;
};

static la_ssize_t feed_archive(struct archive *archive, void *arg, const void **ret)
{
	struct opened *opened = arg;
	ssize_t n = source_next(opened->walk, opened->source, ret);
	if (n < 0)
		archive_set_error(archive, EIO, "what it is packed in cannot be read");
	return n;
}

static void support(struct archive *archive, enum packing packing)
{
	switch (packing) {
	case PACKED_COMPRESSED:
		archive_read_support_filter_gzip(archive);
		archive_read_support_filter_bzip2(archive);
		archive_read_support_filter_xz(archive);
		archive_read_support_filter_zstd(archive);
		archive_read_support_filter_lz4(archive);
		archive_read_support_format_raw(archive);
		return;
	case PACKED_TAR:
		archive_read_support_format_tar(archive);
		return;
	case PACKED_ZIP:
		archive_read_support_format_zip_streamable(archive);
		return;
	case PACKED_AR:
		archive_read_support_format_ar(archive);
		return;
	case PACKED_CPIO:
		archive_read_support_format_cpio(archive);
		return;
	case PACKED_NOT:
		return;
	}
}

static struct archive *open_archive(struct opened *opened, enum packing packing)
{
	struct archive *archive = archive_read_new();
	BUG_ON(!archive);
	support(archive, packing);
	if (archive_read_open(archive, opened, NULL, feed_archive, NULL) == ARCHIVE_OK)
		return archive;
	archive_read_free(archive);
	return NULL;
}

static void tell_damaged(struct walk *walk, struct str path, struct archive *archive)
{
	const char *why = archive ? archive_error_string(archive) : NULL;
	if (walk->err.kind == ERR_NONE)
		walk->handler->damaged(walk->handler->arg, path, why ? why : "it cannot be read");
}

/* False: a limit was passed, and nobody goes on. */
static bool walk_entry(
	struct walk *walk, struct archive *archive, struct archive_entry *entry, struct str path, int depth)
{
	auto_arena arena = {0};
	bool is_raw = archive_format(archive) == ARCHIVE_FORMAT_RAW;
	const char *name = archive_entry_pathname(entry);
	if (!is_raw && archive_entry_filetype(entry) != AE_IFREG)
		return true;
	if (walk->limits->entries-- <= 0)
		return err_set(&walk->err, ERR_TOO_LARGE, "more files are in it than may be looked at");
	struct source source = {.read = read_entry, .archive = archive};
	struct str inner = is_raw ? path : arena_printf(&arena, "%.*s!%s", STR_ARG(path), name ? name : "?");
	bool ok = walk_source(walk, &source, inner, depth + 1);
	if (!ok && walk->err.kind == ERR_NONE) {
		tell_damaged(walk, inner, archive);
		return true;
	}
	return ok;
}

static bool walk_archive(struct walk *walk, struct source *source, enum packing packing, struct str path, int depth)
{
	struct opened opened = {walk, source};
	struct archive *archive = open_archive(&opened, packing);
	struct archive_entry *entry;
	int status = archive ? ARCHIVE_OK : ARCHIVE_FATAL;
	bool ok = true;
	while (ok && archive && (status = archive_read_next_header(archive, &entry)) >= ARCHIVE_WARN &&
		status != ARCHIVE_EOF)
		ok = walk_entry(walk, archive, entry, path, depth);
	if (ok && status != ARCHIVE_EOF)
		tell_damaged(walk, path, archive);
	archive_read_free(archive);
	return ok && walk->err.kind == ERR_NONE;
}

/* Reads ahead far enough to see what it is. */
static bool look(struct walk *walk, struct source *source, char space[static LOOK_BYTES])
{
	size_t n = 0;
	const void *p;
	ssize_t got = 1;
	while (n < LOOK_BYTES && (got = source_next(walk, source, &p)) > 0) {
		size_t room = LOOK_BYTES - n, taken = (size_t)got < room ? (size_t)got : room;
		memcpy(space + n, p, taken);
		n += taken;
		source->tail = (struct str){(const char *)p + taken, (size_t)got - taken};
	}
	source->head = (struct str){space, n};
	return got >= 0;
}

static bool walk_looked(struct walk *walk, struct source *source, struct str path, int depth)
{
	enum packing packing = packing_of(source->head);
	if (depth < CONTENT_DEPTH_MAX && packing != PACKED_NOT)
		return walk_archive(walk, source, packing, path, depth);
	if (packing != PACKED_NOT)
		walk->handler->damaged(walk->handler->arg, path, "it is packed too many times over");
	return walk_plain(walk, source, path);
}

static bool walk_source(struct walk *walk, struct source *source, struct str path, int depth)
{
	char space[LOOK_BYTES];
	bool ok = look(walk, source, space) && walk_looked(walk, source, path, depth);
	source->head = source->tail = (struct str){0}; /* they end with this function */
	return ok;
}

bool content_read(
	int fd, struct str path, const struct content_handler *handler, struct content_limits *limits, struct err *err)
{
	struct walk walk = {.handler = handler, .limits = limits};
	auto_free char *space = mem_alloc(READ_BYTES);
	struct source source = {.read = read_file, .fd = fd, .space = space};
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "%.*s", STR_ARG(str_head(path, 200)));
	if (walk_source(&walk, &source, path, 0))
		return true;
	if (walk.err.kind == ERR_NONE)
		return err_set(err, ERR_SYSTEM, "%.*s: cannot be read", STR_ARG(str_head(path, 200)));
	return err_set(err, walk.err.kind, "%.*s: %s", STR_ARG(str_head(path, 200)), walk.err.text);
}
