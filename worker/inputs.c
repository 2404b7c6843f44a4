#include "worker/inputs.h"

#include "common/digest.h"
#include "common/failpoint.h"
#include "common/hex.h"
#include "common/io/http_client.h"
#include "common/io/work.h"
#include "common/mem.h"
#include "worker/cache.h"
#include "worker/files.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many files are open at a time: a job may need thousands, and a process may have but a thousand. */
enum { TIMEOUT_MS = 20 * 60 * 1000, BATCH = 64 };

struct inputs {
	struct inputs_request request;
	struct arena arena;
	struct str url;
	size_t at;        /* of the item that is wanted next */
	size_t written;   /* items that are in the stream */
	int blobs[BATCH]; /* opened: of the items from `written` to `at` */
	const char *file; /* of the download under way */
	int file_fd;
	int64_t file_bytes;
	struct digest digest;
	struct http_call *call;
	int stream_fd;
	struct stream_writer out; /* to stream_fd, once that is there */
	bool is_cancelled;
	struct err err;
	void (*done)(void *arg, int fd, const struct err *err);
	void *arg;
};

static void advance(struct inputs *inputs);

static void close_blobs(struct inputs *inputs)
{
	for (; inputs->written < inputs->at; inputs->written++)
		close(inputs->blobs[inputs->written % BATCH]);
}

static void end(struct inputs *inputs)
{
	bool ok = inputs->err.kind == ERR_NONE;
	close_blobs(inputs);
	if (inputs->stream_fd >= 0)
		stream_writer_done(&inputs->out);
	if (!ok && inputs->stream_fd >= 0)
		close(inputs->stream_fd);
	inputs->done(inputs->arg, ok ? inputs->stream_fd : -1, ok ? NULL : &inputs->err);
	arena_done(&inputs->arena);
	free(inputs);
}

static bool copy_blob(struct stream_writer *out, const struct job_input *item, int fd, struct err *err)
{
	char piece[64 << 10];
	ssize_t n;
	uint64_t size = (uint64_t)item->size_bytes;
	if (!stream_write_file(out, item->path, (uint32_t)item->mode, size, err))
		return false;
	while (size && (n = read(fd, piece, size < sizeof piece ? (size_t)size : sizeof piece)) > 0) {
		if (!stream_write_data(out, (struct str){piece, (size_t)n}, err))
			return false;
		size -= (uint64_t)n;
	}
	return size == 0 || err_set(err, ERR_SYSTEM, "artifact %.*s is cut short in the cache", STR_ARG(item->path));
}

static bool open_stream(struct inputs *inputs)
{
	if (inputs->stream_fd >= 0)
		return true;
	inputs->stream_fd = files_temporary(cache_tmp(inputs->request.cache), &inputs->err);
	if (inputs->stream_fd >= 0)
		stream_writer_init(&inputs->out, inputs->stream_fd);
	return inputs->stream_fd >= 0;
}

/* Pool. What is open goes into the stream; behind the last one the stream's end. */
static void write_batch(void *arg)
{
	struct inputs *inputs = arg;
	bool ok = open_stream(inputs);
	for (size_t i = inputs->written; ok && i < inputs->at; i++) {
		const struct job_input *item = &inputs->request.items[i];
		ok = stream_path_is_clean(item->path) ||
		     err_set(&inputs->err, ERR_UPSTREAM, "artifact path \"%.*s\" is not allowed",
			     STR_ARG(str_brief(item->path, 200)));
		ok = ok && copy_blob(&inputs->out, item, inputs->blobs[i % BATCH], &inputs->err);
	}
	if (!ok || inputs->at < inputs->request.count)
		return;
	if (stream_write_end(&inputs->out, &inputs->err) && lseek(inputs->stream_fd, 0, SEEK_SET) < 0)
		err_errno(&inputs->err, "rewind the artifacts");
}

static void on_written(void *arg, bool is_cancelled)
{
	struct inputs *inputs = arg;
	close_blobs(inputs);
	if ((is_cancelled || inputs->is_cancelled) && inputs->err.kind == ERR_NONE)
		err_set(&inputs->err, ERR_BUSY, "cancelled");
	if (inputs->err.kind == ERR_NONE && inputs->at < inputs->request.count)
		advance(inputs);
	else
		end(inputs);
}

static bool write_piece(void *arg, struct str piece)
{
	struct inputs *inputs = arg;
	digest_add(&inputs->digest, piece);
	while (piece.n) {
		ssize_t n = write(inputs->file_fd, piece.p, piece.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(&inputs->err, "write %s", inputs->file);
		inputs->file_bytes += n;
		piece = str_skip(piece, (size_t)n);
	}
	return true;
}

static void write_anew(void *arg)
{
	struct inputs *inputs = arg;
	inputs->file_bytes = 0;
	digest_done(&inputs->digest);
	digest_init(&inputs->digest);
	if (ftruncate(inputs->file_fd, 0) < 0 || lseek(inputs->file_fd, 0, SEEK_SET) < 0)
		err_errno(&inputs->err, "empty %s", inputs->file);
}

static bool keep_blob(struct inputs *inputs, const struct job_input *item)
{
	uint8_t sum[DIGEST_BYTES];
	char text[DIGEST_TEXT_BYTES];
	digest_end(&inputs->digest, sum);
	hex_write(sum, sizeof sum, text);
	if (inputs->file_bytes != item->size_bytes || !str_is(item->sha256, text))
		return err_set(&inputs->err, ERR_UPSTREAM,
			"artifact %.*s came damaged: SHA-256 %.12s…, expected %.12s…",
			STR_ARG(str_brief(item->path, 200)), text, item->sha256.p);
	FAILPOINT("input.received");
	struct str kept = cache_path(inputs->request.cache, "blobs", item->sha256, &inputs->arena);
	if (rename(inputs->file, kept.p) < 0)
		return err_errno(&inputs->err, "keep %s", kept.p);
	cache_grew(inputs->request.cache, inputs->file_bytes);
	return true;
}

static void on_blob(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct inputs *inputs = arg;
	const struct job_input *item = &inputs->request.items[inputs->at];
	inputs->call = NULL;
	close(inputs->file_fd);
	if (inputs->err.kind == ERR_NONE && err)
		inputs->err = *err;
	else if (inputs->err.kind == ERR_NONE && answer->status != 200)
		err_set(&inputs->err, ERR_UPSTREAM, "the server answers %d: %.*s", answer->status,
			STR_ARG(str_brief(answer->body, 200)));
	if (inputs->err.kind == ERR_NONE)
		keep_blob(inputs, item);
	else
		err_wrap(&inputs->err, "artifact %.*s", STR_ARG(str_brief(item->path, 200)));
	digest_done(&inputs->digest);
	unlink(inputs->file);
	advance(inputs);
}

static void download(struct inputs *inputs, const struct job_input *item)
{
	inputs->file = cache_fresh_name(inputs->request.cache, &inputs->arena).p;
	inputs->file_fd = open(inputs->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (inputs->file_fd < 0) {
		err_errno(&inputs->err, "make %s", inputs->file);
		return;
	}
	inputs->file_bytes = 0;
	digest_init(&inputs->digest);
	struct http_request request = {
		.method = "GET",
		.url = arena_printf(&inputs->arena, "%.*s/%.*s", STR_ARG(inputs->url), STR_ARG(item->sha256)),
		.headers = inputs->request.headers,
		.answer_max_bytes = (size_t)item->size_bytes + 1,
		.body_write = write_piece,
		.begin_again = write_anew,
		.timeout_ms = TIMEOUT_MS,
		.retry_ms = TIMEOUT_MS,
	};
	http_send(inputs->request.http, &request, on_blob, inputs, &inputs->call);
}

static bool is_sha(struct str text)
{
	uint8_t sum[DIGEST_BYTES];
	return text.n == 2 * DIGEST_BYTES && hex_decode_to(text, sum, sizeof sum);
}

/* One that was cut is fetched again. */
static int open_blob(struct inputs *inputs, const struct job_input *item)
{
	struct stat info;
	int fd = cache_open_file(inputs->request.cache, "blobs", item->sha256);
	if (fd < 0 || (fstat(fd, &info) == 0 && info.st_size == item->size_bytes))
		return fd;
	close(fd);
	return -1;
}

static void advance(struct inputs *inputs)
{
	if (inputs->is_cancelled && inputs->err.kind == ERR_NONE)
		err_set(&inputs->err, ERR_BUSY, "cancelled");
	while (inputs->err.kind == ERR_NONE && inputs->at < inputs->request.count &&
		inputs->at - inputs->written < BATCH) {
		const struct job_input *item = &inputs->request.items[inputs->at];
		if (!is_sha(item->sha256) || item->size_bytes < 0) {
			err_set(&inputs->err, ERR_UPSTREAM, "artifact %.*s has no SHA-256", STR_ARG(item->path));
			break;
		}
		int fd = open_blob(inputs, item);
		if (fd < 0) {
			download(inputs, item);
			if (inputs->err.kind == ERR_NONE)
				return;
			break;
		}
		inputs->blobs[inputs->at++ % BATCH] = fd;
	}
	if (inputs->err.kind == ERR_NONE)
		work_submit(inputs->request.loop, write_batch, on_written, inputs);
	else
		end(inputs);
}

/* Nothing to do there: but the end must come from the loop, after inputs_get() has returned. */
static void begin(void *arg)
{
	(void)arg;
}

static void on_begun(void *arg, bool is_cancelled)
{
	struct inputs *inputs = arg;
	inputs->is_cancelled |= is_cancelled;
	advance(inputs);
}

void inputs_get(const struct inputs_request *request, void (*done)(void *arg, int fd, const struct err *err), void *arg,
	struct inputs **ret)
{
	struct inputs *inputs = mem_alloc(sizeof *inputs);
	inputs->request = *request;
	inputs->url = arena_str(&inputs->arena, request->url);
	inputs->done = done;
	inputs->arg = arg;
	inputs->stream_fd = -1;
	*ret = inputs;
	work_submit(request->loop, begin, on_begun, inputs);
}

void inputs_cancel(struct inputs *inputs)
{
	inputs->is_cancelled = true;
	if (inputs->call)
		http_cancel(inputs->call);
}
