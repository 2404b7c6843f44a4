#include "worker/artifacts.h"

#include "common/digest.h"
#include "common/glob.h"
#include "common/hex.h"
#include "common/mem.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 20000, ENTRY_HEAD = 16 };
static const uint64_t bytes_max = UINT64_C(8) << 30;

static bool is_negative(struct str pattern)
{
	return str_starts(pattern, STR("!"));
}

/* "./out/" and "out" mean the same. */
static struct str clean_pattern(struct str pattern)
{
	pattern = str_skip(pattern, is_negative(pattern));
	while (str_starts(pattern, STR("./")))
		pattern = str_skip(pattern, 2);
	while (pattern.n > 1 && pattern.p[pattern.n - 1] == '/')
		pattern.n--;
	return pattern;
}

/* The path itself, or a directory that it lies in. */
static bool matches(struct str pattern, struct str path)
{
	pattern = clean_pattern(pattern);
	for (size_t n = 1; n <= path.n; n++)
		if ((n == path.n || path.p[n] == '/') && glob_match(pattern, str_head(path, n)))
			return true;
	return false;
}

/* The collector knows no choices, escapes and exclusions: it is asked for the directory in which they begin. */
static const char *wide_pattern(struct str pattern, struct arena *arena)
{
	pattern = clean_pattern(pattern);
	size_t cut = 0;
	for (size_t i = 0; i < pattern.n; i++) {
		if (strchr("{\\", pattern.p[i]) ||
			(pattern.p[i] == '[' && i + 1 < pattern.n && pattern.p[i + 1] == '!'))
			return cut ? arena_str(arena, str_head(pattern, cut)).p : "**";
		if (pattern.p[i] == '/')
			cut = i;
	}
	return arena_str(arena, pattern).p;
}

const char *const *artifacts_patterns(const struct job_spec *spec, struct arena *arena)
{
	const char **patterns = arena_array(arena, const char *, spec->artifacts.count + spec->reports.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < spec->artifacts.count; i++)
		if (!is_negative(spec->artifacts.items[i]))
			patterns[count++] = wide_pattern(spec->artifacts.items[i], arena);
	for (size_t i = 0; i < spec->reports.count; i++)
		patterns[count++] = wide_pattern(spec->reports.items[i].value, arena);
	return count ? patterns : NULL;
}

struct reading {
	const struct job_spec *spec;
	struct arena *arena;
	struct artifact *items;
	size_t count;
	struct buf notes;
	struct digest digest;
	int64_t at; /* in the file, behind the entry at hand */
	struct artifact current;
	bool *is_matched; /* one for each pattern of the spec */
};

static bool is_artifact(struct reading *reading, struct str path)
{
	bool is_wanted = false;
	for (size_t i = 0; i < reading->spec->artifacts.count; i++) {
		struct str pattern = reading->spec->artifacts.items[i];
		if (!matches(pattern, path))
			continue;
		is_wanted = !is_negative(pattern);
		reading->is_matched[i] = true;
	}
	return is_wanted;
}

static bool begin_entry(void *context, const struct stream_entry *entry, struct err *err)
{
	struct reading *reading = context;
	(void)err;
	int64_t content = reading->at + ENTRY_HEAD + (int64_t)entry->path.n;
	reading->at = content + (int64_t)(entry->kind == STREAM_FILE ? entry->size : entry->text.n);
	if (entry->kind == STREAM_NOTE)
		buf_addf(&reading->notes, "%.*s: %.*s\n", STR_ARG(entry->path), STR_ARG(entry->text));
	if (entry->kind != STREAM_FILE)
		return true;
	digest_init(&reading->digest);
	reading->current = (struct artifact){
		.report = {.path = arena_str(reading->arena, entry->path),
			.size_bytes = (int64_t)entry->size,
			.mode = entry->mode & 0100 ? 0755 : 0644},
		.offset = content,
	};
	return true;
}

static bool add_data(void *context, struct str piece, struct err *err)
{
	struct reading *reading = context;
	(void)err;
	digest_add(&reading->digest, piece);
	return true;
}

static bool keep(struct reading *reading, struct str report, struct err *err)
{
	struct str path = reading->current.report.path;
	if (!str_is_utf8(path))
		return err_set(err, ERR_INVALID, "the file \"%.*s\" cannot be an artifact: its name is not UTF-8",
			STR_ARG(str_brief(path, 200)));
	reading->items = arena_grow(reading->arena, reading->items, sizeof *reading->items, reading->count);
	reading->items[reading->count] = reading->current;
	reading->items[reading->count++].report.report = report;
	return true;
}

static bool end_file(void *context, struct err *err)
{
	struct reading *reading = context;
	uint8_t sum[DIGEST_BYTES];
	digest_end(&reading->digest, sum);
	digest_done(&reading->digest);
	reading->current.report.sha256 = hex_encode(reading->arena, (struct str){(const char *)sum, sizeof sum});
	struct str path = reading->current.report.path;
	/* Ours, not the job's; a pattern like ** does not mean it. */
	if (str_starts(path, STR(".git/")))
		return true;
	bool ok = !is_artifact(reading, path) || keep(reading, (struct str){0}, err);
	for (size_t i = 0; ok && i < reading->spec->reports.count; i++)
		if (matches(reading->spec->reports.items[i].value, path))
			ok = keep(reading, reading->spec->reports.items[i].name, err);
	return ok;
}

static bool read_stream(int fd, struct reading *reading, struct err *err)
{
	static const struct stream_handler handler = {begin_entry, add_data, end_file};
	struct stream_reader reader;
	char piece[64 << 10];
	int64_t at = 0;
	bool ok = true;
	stream_reader_init(&reader, &handler, reading, 2 * FILES_MAX, bytes_max);
	while (ok) {
		ssize_t n = pread(fd, piece, sizeof piece, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = err_errno(err, "read the collected files");
		if (n <= 0)
			break;
		at += n;
		ok = stream_reader_feed(&reader, (struct str){piece, (size_t)n}, err);
	}
	ok = ok && stream_reader_finish(&reader, err);
	stream_reader_done(&reader);
	digest_done(&reading->digest);
	return ok;
}

bool artifacts_read(int fd, const struct job_spec *spec, bool must_be_there, struct artifact_list *ret,
	struct arena *arena, struct err *err)
{
	struct reading reading = {.spec = spec, .arena = arena, .notes = BUF_INIT(16 << 10)};
	reading.is_matched = arena_array(arena, bool, spec->artifacts.count);
	bool ok = read_stream(fd, &reading, err);
	for (size_t i = 0; ok && must_be_there && i < spec->artifacts.count; i++)
		if (!reading.is_matched[i] && !is_negative(spec->artifacts.items[i]))
			ok = err_set(err, ERR_NOT_FOUND,
				"no file matches the artifact \"%.*s\"; its steps did not make it, or the pattern is wrong",
				STR_ARG(spec->artifacts.items[i]));
	if (ok)
		*ret = (struct artifact_list){reading.items, reading.count, arena_str(arena, buf_str(&reading.notes))};
	buf_done(&reading.notes);
	return ok;
}
