#include "worker/spool.h"

#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* The compressor's tables are worth more than a short log: one for all. */
struct spool_store {
	char *directory;
	ZSTD_CCtx *zstd;
	struct tail_store *tails;
};

enum { FRAME_HEAD = 5, LOG_HEAD = 28, RECORD_MAX = 16 << 20 };

static int64_t get_number(const char *from, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | (unsigned char)from[i - 1];
	return (int64_t)value;
}

static bool append(struct spool *spool, struct str record, struct err *err)
{
	size_t done = 0;
	while (done < record.n) {
		ssize_t n = pwrite(spool->fd, record.p + done, record.n - done, spool->written + (int64_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, "spool %s", spool->path);
		done += (size_t)n;
	}
	spool->written += (int64_t)record.n;
	return true;
}

bool spool_store_open(const char *directory, struct spool_store **ret, struct err *err)
{
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "spool directory %s", directory);
	struct spool_store *store = mem_alloc(sizeof *store);
	store->directory = mem_strdup(directory);
	store->zstd = ZSTD_createCCtx();
	BUG_ON(!store->zstd);
	store->tails = tail_store_new(directory);
	*ret = store;
	return true;
}

void spool_store_close(struct spool_store *store)
{
	if (!store)
		return;
	tail_store_free(store->tails);
	ZSTD_freeCCtx(store->zstd);
	free(store->directory);
	free(store);
}

static struct spool *spool_new(struct spool_store *store, struct attempt_ref ref)
{
	struct spool *spool = mem_alloc(sizeof *spool);
	spool->store = store;
	spool->ref = ref;
	spool->fd = -1;
	if (asprintf(&spool->path, "%s/%" PRId64 "-%" PRId32 ".spool", store->directory, ref.job, ref.attempt) < 0)
		BUG("out of memory");
	return spool;
}

bool spool_open(struct spool_store *store, struct attempt_ref ref, struct spool **ret, struct err *err)
{
	struct spool *spool = spool_new(store, ref);
	spool->fd = open(spool->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	auto_buf head = BUF_INIT(4096);
	struct worker_sync sync = {.instance = STR("-"), .held = &ref, .held_count = 1};
	if (spool->fd < 0) {
		err_errno(err, "spool %s", spool->path);
	} else if (worker_frame_add_sync(&head, &sync, err) && append(spool, buf_str(&head), err) &&
		   tail_open(store->tails, ref, 0, &spool->tail, err)) {
		spool->send_at = spool->acked_at = spool->written;
		*ret = spool;
		return true;
	}
	spool_close(spool);
	return false;
}

struct spool *spool_nowhere(struct spool_store *store, struct attempt_ref ref)
{
	struct spool *spool = spool_new(store, ref);
	spool->is_given_up = true;
	return spool;
}

void spool_give_up(struct spool *spool)
{
	spool->is_given_up = true;
	spool->log_end = spool->send_raw;
	tail_release(take(spool->tail));
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->fd >= 0)
		close(spool->fd);
	tail_close(spool->tail);
	free(spool->path);
	free(spool);
}

void spool_remove(struct spool *spool)
{
	if (!spool)
		return;
	unlink(spool->path);
	tail_release(take(spool->tail));
	spool_close(spool);
}

static int32_t count_lines(struct str text)
{
	int32_t lines = 0;
	for (const char *at = text.p, *end = text.p + text.n; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		lines++;
	return lines;
}

static bool add_frame(struct spool *spool, struct str raw, struct err *err)
{
	BUG_ON(raw.n == 0 || raw.n > WORKER_LOG_RAW_MAX);
	size_t bound = ZSTD_compressBound(raw.n);
	auto_buf data = BUF_INIT(bound), record = BUF_INIT(bound + 256);
	char *to = buf_reserve(&data, bound);
	size_t n = ZSTD_compressCCtx(spool->store->zstd, to, bound, raw.p, raw.n, 1);
	if (ZSTD_isError(n))
		BUG("zstd: %s", ZSTD_getErrorName(n));
	struct log_frame frame = {
		.job = spool->ref.job,
		.attempt = spool->ref.attempt,
		.offset = spool->log_end,
		.raw_bytes = (int32_t)raw.n,
		.lines = count_lines(raw),
		.data = {to, n},
	};
	BUG_ON(!worker_frame_add_log(&record, &frame));
	if (!append(spool, buf_str(&record), err))
		return false;
	spool->log_end += (int64_t)raw.n;
	spool->log_lines += frame.lines;
	return true;
}

void spool_add_log(struct spool *spool, struct str raw)
{
	if (!spool->is_given_up)
		tail_add(spool->tail, raw);
}

struct str spool_pending(const struct spool *spool)
{
	return spool->tail ? tail_text(spool->tail) : (struct str){0};
}

bool spool_cut(struct spool *spool, size_t n, struct err *err)
{
	if (!add_frame(spool, str_head(tail_text(spool->tail), n), err))
		return false;
	tail_drop(spool->tail, n);
	return true;
}

int64_t spool_result_bytes(const struct attempt_result *result)
{
	/* Control characters grow sixfold in JSON. */
	size_t n = 1000 + 6 * result->message.n;
	for (size_t i = 0; i < result->outputs.count; i++)
		n += 20 + result->outputs.items[i].name.n + 6 * result->outputs.items[i].value.n;
	for (size_t i = 0; i < result->artifact_count; i++)
		n += 180 + 2 * result->artifacts[i].path.n;
	return (int64_t)n;
}

bool spool_add_result(struct spool *spool, const struct attempt_result *result, struct err *err)
{
	auto_buf record = BUF_INIT(RECORD_MAX);
	struct attempt_result copy = *result;
	struct worker_sync sync = {.instance = STR("-"), .results = &copy, .result_count = 1};
	int64_t at = spool->written;
	BUG_ON(spool_pending(spool).n);
	if (!worker_frame_add_sync(&record, &sync, err) || !append(spool, buf_str(&record), err))
		return false;
	spool->result_at = at;
	tail_release(take(spool->tail));
	return true;
}

struct record {
	char kind;
	int64_t at, size;     /* in the file, head included */
	int64_t raw, raw_end; /* of a log frame */
	int32_t lines;
	bool is_damaged; /* a log frame that no server would take */
};

static bool read_at(int fd, void *to, size_t n, int64_t at)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)to + done, n - done, at + (int64_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Held to what the server checks, so that what a crash left is put aside here and not refused there for ever. */
static void read_log_head(const struct spool *spool, const char *head, struct record *record)
{
	int64_t job = get_number(head, 8), attempt = get_number(head + 8, 4), raw_bytes = get_number(head + 20, 4),
		lines = get_number(head + 24, 4);
	record->raw = get_number(head + 12, 8);
	record->lines = (int32_t)lines;
	record->is_damaged = job != spool->ref.job || attempt != spool->ref.attempt || raw_bytes == 0 ||
			     raw_bytes > WORKER_LOG_RAW_MAX || lines > raw_bytes || record->raw < 0 ||
			     record->raw > INT64_MAX - raw_bytes;
	record->raw_end = record->is_damaged ? record->raw : record->raw + raw_bytes;
}

/* The whole record at a file offset; false at the end or where the file was cut off. */
static bool record_at(const struct spool *spool, int64_t at, int64_t file_size, struct record *ret)
{
	char head[FRAME_HEAD + LOG_HEAD];
	if (at + FRAME_HEAD > file_size || !read_at(spool->fd, head, FRAME_HEAD, at))
		return false;
	struct record record = {.kind = head[4], .at = at, .size = FRAME_HEAD + get_number(head, 4)};
	if (record.size > file_size - at)
		return false;
	if (record.kind == WORKER_FRAME_LOG) {
		if (record.size < FRAME_HEAD + LOG_HEAD || !read_at(spool->fd, head, sizeof head, at))
			return false;
		read_log_head(spool, head + FRAME_HEAD, &record);
	}
	*ret = record;
	return true;
}

bool spool_has_unsent(const struct spool *spool)
{
	return spool->send_raw < spool->log_end;
}

bool spool_send(struct spool *spool, struct buf *body, size_t max_bytes, bool *ret_any, struct err *err)
{
	bool any = false;
	struct record record;
	while (spool_has_unsent(spool)) {
		if (!record_at(spool, spool->send_at, spool->written, &record) || record.is_damaged)
			return err_set(
				err, ERR_SYSTEM, "spool %s is damaged at byte %" PRId64, spool->path, spool->send_at);
		if (record.kind != WORKER_FRAME_LOG) {
			spool->send_at += record.size;
			continue;
		}
		if (any && (size_t)record.size > max_bytes)
			break;
		char *to = buf_reserve(body, (size_t)record.size);
		if (!to)
			break;
		if (!read_at(spool->fd, to, (size_t)record.size, record.at))
			return err_errno(err, "spool %s", spool->path);
		body->n += (size_t)record.size;
		max_bytes -= (size_t)record.size < max_bytes ? (size_t)record.size : max_bytes;
		spool->send_at += record.size;
		spool->send_raw = record.raw_end;
		any = true;
	}
	*ret_any = any;
	return true;
}

bool spool_acknowledge(struct spool *spool, int64_t log_end, struct err *err)
{
	struct record record;
	int64_t at = spool->acked_at, raw = spool->acked_raw;
	/* Frames are stored without waiting for the disk, so a database that crashed may have less than it once said.
	 */
	if (log_end < raw)
		at = raw = 0;
	while (raw < log_end && record_at(spool, at, spool->written, &record) && !record.is_damaged) {
		if (record.kind == WORKER_FRAME_LOG && record.raw_end > log_end)
			break;
		at += record.size;
		if (record.kind == WORKER_FRAME_LOG)
			raw = record.raw_end;
	}
	if (raw != log_end)
		return err_set(err, ERR_UPSTREAM,
			"the server has %" PRId64 " bytes of the log of job %" PRId64 ", which is the end of no frame",
			log_end, spool->ref.job);
	spool->acked_at = spool->send_at = at;
	spool->acked_raw = spool->send_raw = raw;
	return true;
}

/* Any sync record: the first one, which only names the attempt, or the result. */
static bool read_sync(struct spool *spool, const struct record *record, struct worker_sync *ret, struct arena *arena)
{
	struct log_frame *logs;
	size_t count;
	if (record->size > RECORD_MAX)
		return false;
	char *bytes = arena_alloc(arena, (size_t)record->size);
	return read_at(spool->fd, bytes, (size_t)record->size, record->at) &&
	       worker_body_read((struct str){bytes, (size_t)record->size}, ret, &logs, &count, arena, NULL);
}

bool spool_read_result(struct spool *spool, struct attempt_result *ret, struct arena *arena, struct err *err)
{
	struct record record;
	struct worker_sync sync;
	if (!spool->result_at) {
		*ret = (struct attempt_result){0};
		return true;
	}
	if (!record_at(spool, spool->result_at, spool->written, &record) || !read_sync(spool, &record, &sync, arena) ||
		!sync.result_count)
		return err_set(err, ERR_SYSTEM, "spool %s: the result is unreadable", spool->path);
	*ret = sync.results[0];
	return true;
}

/* Walks the whole records; what was cut off behind them is overwritten by the next one. */
static bool load(struct spool *spool)
{
	struct stat info;
	struct record record;
	auto_arena arena = {0};
	if (fstat(spool->fd, &info) < 0)
		return false;
	while (record_at(spool, spool->written, info.st_size, &record)) {
		struct worker_sync sync = {0};
		if (record.kind == WORKER_FRAME_LOG) {
			if (record.is_damaged || record.raw != spool->log_end)
				return false;
			spool->log_end = record.raw_end;
			spool->log_lines += record.lines;
		} else if (record.kind != WORKER_FRAME_SYNC || !read_sync(spool, &record, &sync, &arena)) {
			return false;
		}
		if (sync.result_count)
			spool->result_at = record.at;
		spool->written += record.size;
		if (!spool->acked_at)
			spool->acked_at = spool->send_at = spool->written;
	}
	return ftruncate(spool->fd, spool->written) == 0;
}

static bool parse_name(const char *name, struct attempt_ref *ret)
{
	int used = 0;
	struct attempt_ref ref;
	if (sscanf(name, "%" SCNd64 "-%" SCNd32 ".spool%n", &ref.job, &ref.attempt, &used) != 2 || !used || name[used])
		return false;
	*ret = ref;
	return ref.job > 0 && ref.attempt > 0;
}

struct recovered {
	struct spool **spools;
	size_t count;
};

/* What is in no frame becomes the last one. */
static void take_tail(void *arg, struct attempt_ref ref, int64_t at, struct str text)
{
	struct recovered *recovered = arg;
	for (size_t i = 0; i < recovered->count; i++) {
		struct spool *spool = recovered->spools[i];
		int64_t known = spool->log_end - at;
		if (spool->ref.job != ref.job || spool->ref.attempt != ref.attempt || spool->result_at)
			continue;
		if (known >= 0 && known < (int64_t)text.n)
			add_frame(spool, str_skip(text, (size_t)known), NULL);
	}
}

bool spool_recover(struct spool_store *store, struct spool ***ret_spools, size_t *ret_count, size_t *ret_bad,
	struct arena *arena, struct err *err)
{
	struct spool **spools = NULL;
	size_t count = 0, bad = 0;
	DIR *dir = opendir(store->directory);
	if (!dir)
		return err_errno(err, "spool %s", store->directory);
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct attempt_ref ref;
		if (!parse_name(entry->d_name, &ref))
			continue;
		struct spool *spool = spool_new(store, ref);
		spool->fd = open(spool->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (spool->fd < 0 || !load(spool)) {
			rename(spool->path, arena_printf(arena, "%s.bad", spool->path).p);
			spool_close(spool);
			bad++;
		} else if (spool->written == 0) {
			spool_remove(spool);
		} else {
			spools = arena_grow(arena, spools, sizeof(struct spool *), count);
			spools[count++] = spool;
		}
	}
	closedir(dir);
	struct recovered recovered = {spools, count};
	tail_recover(store->tails, take_tail, &recovered);
	*ret_spools = spools;
	*ret_count = count;
	*ret_bad = bad;
	return true;
}
