#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/http_client.h"
#include "common/mem.h"
#include "worker/artifacts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum {
	RETRY_FIRST_MS = 250,
	RETRY_MAX_MS = 15000,
	PART_TIMEOUT_MS = 10 * 60 * 1000,
	ANSWER_MAX = 64 << 10,
	MISPLACED_MAX = 5
};

struct artifacts {
	struct artifacts_upload upload;
	struct arena arena;
	struct str url;
	size_t at;
	int64_t sent;              /* of the artifact at hand, as the server says */
	bool is_asked;             /* the server has said how much it has */
	int64_t part_at, part_end; /* of the part under way, in the artifact */
	struct http_call *call;
	uv_timer_t timer;
	int failures;
	bool is_cancelled;
	struct err err;
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

static void advance(struct artifacts *artifacts);

static void on_closed(uv_handle_t *handle)
{
	struct artifacts *artifacts = handle->data;
	artifacts->done(artifacts->arg, artifacts->err.kind == ERR_NONE ? NULL : &artifacts->err);
	arena_done(&artifacts->arena);
	free(artifacts);
}

static void end(struct artifacts *artifacts)
{
	if (!uv_is_closing((uv_handle_t *)&artifacts->timer))
		uv_close((uv_handle_t *)&artifacts->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	advance(timer->data);
}

/* The server is away or busy: what it has got by then it says when it is back. */
static void try_later(struct artifacts *artifacts)
{
	int64_t wait_ms = RETRY_FIRST_MS;
	for (int i = 0; i < artifacts->failures && wait_ms < RETRY_MAX_MS; i++)
		wait_ms *= 2;
	artifacts->failures++;
	artifacts->is_asked = false;
	uv_timer_start(&artifacts->timer, on_timer, (uint64_t)(wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS), 0);
}

static void fail(struct artifacts *artifacts, const struct http_answer *answer)
{
	err_set(&artifacts->err, ERR_UPSTREAM, "artifact %.*s: the server answers %d: %.*s",
		STR_ARG(str_brief(artifacts->upload.items[artifacts->at].report.path, 150)), answer->status,
		STR_ARG(str_brief(answer->body, 150)));
	end(artifacts);
}

/* true: the answer is one to go on with. */
static bool take_answer(struct artifacts *artifacts, const struct http_answer *answer, const struct err *err)
{
	artifacts->call = NULL;
	if (artifacts->is_cancelled) {
		err_set(&artifacts->err, ERR_BUSY, "cancelled");
		end(artifacts);
		return false;
	}
	if (err || answer->status >= 500 || answer->status == 408 || answer->status == 429) {
		try_later(artifacts);
		return false;
	}
	return true;
}

static bool read_progress(const struct http_answer *answer, int64_t size, int64_t *ret_offset, bool *ret_complete)
{
	struct str text;
	int64_t offset;
	if (!pair_find(&answer->headers, STR("upload-offset"), &text) || !str_to_i64(text, &offset) || offset < 0 ||
		offset > size)
		return false;
	*ret_offset = offset;
	*ret_complete = str_is(pair_get(&answer->headers, STR("upload-complete")), "true");
	return true;
}

static void on_asked(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct artifacts *artifacts = arg;
	int64_t size = artifacts->upload.items[artifacts->at].report.size_bytes;
	bool is_complete = false;
	if (!take_answer(artifacts, answer, err))
		return;
	if (answer->status >= 300 || !read_progress(answer, size, &artifacts->sent, &is_complete)) {
		fail(artifacts, answer);
		return;
	}
	artifacts->is_asked = !is_complete;
	artifacts->at += is_complete;
	advance(artifacts);
}

static void on_part(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct artifacts *artifacts = arg;
	if (!take_answer(artifacts, answer, err))
		return;
	/* It has another part of it than we think: ask. Not for ever. */
	if (answer->status == 409 && artifacts->failures < MISPLACED_MAX) {
		try_later(artifacts);
		return;
	}
	if (answer->status >= 300) {
		fail(artifacts, answer);
		return;
	}
	FAILPOINT("artifact.part_sent");
	artifacts->failures = 0;
	artifacts->sent = artifacts->part_end;
	if (artifacts->sent == artifacts->upload.items[artifacts->at].report.size_bytes) {
		artifacts->at++;
		artifacts->is_asked = false;
	}
	advance(artifacts);
}

static long read_part(void *arg, char *to, size_t n)
{
	struct artifacts *artifacts = arg;
	int64_t left = artifacts->part_end - artifacts->part_at;
	if (left <= 0)
		return 0;
	ssize_t got = pread(artifacts->upload.fd, to, (int64_t)n < left ? n : (size_t)left,
		artifacts->upload.items[artifacts->at].offset + artifacts->part_at);
	if (got > 0)
		artifacts->part_at += got;
	return got > 0 ? got : -1;
}

static void advance(struct artifacts *artifacts)
{
	if (artifacts->is_cancelled || artifacts->at == artifacts->upload.count) {
		if (artifacts->is_cancelled)
			err_set(&artifacts->err, ERR_BUSY, "cancelled");
		end(artifacts);
		return;
	}
	const struct artifact_report *report = &artifacts->upload.items[artifacts->at].report;
	struct str url = arena_printf(&artifacts->arena, "%.*s/%.*s", STR_ARG(artifacts->url), STR_ARG(report->sha256));
	struct http_request request = {
		.method = "HEAD",
		.url = url,
		.headers = artifacts->upload.headers,
		.answer_max_bytes = ANSWER_MAX,
		.timeout_ms = 30000,
	};
	if (!artifacts->is_asked) {
		http_send(artifacts->upload.http, &request, on_asked, artifacts, &artifacts->call);
		return;
	}
	artifacts->part_at = artifacts->sent;
	artifacts->part_end = report->size_bytes - artifacts->sent > WORKER_PART_BYTES
				      ? artifacts->sent + WORKER_PART_BYTES
				      : report->size_bytes;
	request.method = "PUT";
	request.url = arena_printf(&artifacts->arena, "%.*s?offset=%" PRId64 "&size=%" PRId64, STR_ARG(url),
		artifacts->sent, report->size_bytes);
	request.body_size = artifacts->part_end - artifacts->part_at;
	if (request.body_size)
		request.body_read = read_part;
	request.timeout_ms = PART_TIMEOUT_MS;
	http_send(artifacts->upload.http, &request, on_part, artifacts, &artifacts->call);
}

void artifacts_send(const struct artifacts_upload *upload, void (*done)(void *arg, const struct err *err), void *arg,
	struct artifacts **ret)
{
	struct artifacts *artifacts = mem_alloc(sizeof *artifacts);
	artifacts->upload = *upload;
	artifacts->url = arena_str(&artifacts->arena, upload->url);
	artifacts->done = done;
	artifacts->arg = arg;
	uv_timer_init(upload->loop, &artifacts->timer);
	artifacts->timer.data = artifacts;
	uv_timer_start(&artifacts->timer, on_timer, 0, 0);
	*ret = artifacts;
}

void artifacts_cancel(struct artifacts *artifacts)
{
	artifacts->is_cancelled = true;
	if (artifacts->call)
		http_cancel(artifacts->call);
	else if (!uv_is_closing((uv_handle_t *)&artifacts->timer))
		uv_timer_start(&artifacts->timer, on_timer, 0, 0);
}
