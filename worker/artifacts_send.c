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
	MISPLACED_MAX = 5,
	LANES = 6,               /* files under way at a time: mostly it is the server's disk that is waited for */
	UNASKED_BYTES = 16 << 10 /* a file so small is sent sooner than asked for */
};

/* One file after the other. */
struct lane {
	struct artifacts *owner;
	size_t at;                 /* of the file in hand; owner->upload.count: none */
	int64_t sent;              /* of it, as the server says */
	bool is_asked;             /* the server has said how much it has, or need not */
	int64_t part_at, part_end; /* of the part under way, in the file */
	struct http_call *call;
	uv_timer_t timer;
	int failures;
};

struct artifacts {
	struct artifacts_upload upload;
	struct arena arena;
	struct str url;
	size_t next; /* file that no lane has taken yet */
	struct lane lanes[LANES];
	size_t open_lanes;
	bool is_ending; /* nothing more is begun */
	struct err err;
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

static void advance(struct lane *lane);

static const struct artifact *artifact_of(const struct lane *lane)
{
	return &lane->owner->upload.items[lane->at];
}

static void on_closed(uv_handle_t *handle)
{
	struct lane *lane = handle->data;
	struct artifacts *artifacts = lane->owner;
	if (--artifacts->open_lanes)
		return;
	artifacts->done(artifacts->arg, artifacts->err.kind == ERR_NONE ? NULL : &artifacts->err);
	arena_done(&artifacts->arena);
	free(artifacts);
}

static void close_lane(struct lane *lane)
{
	lane->at = lane->owner->upload.count;
	if (!uv_is_closing((uv_handle_t *)&lane->timer))
		uv_close((uv_handle_t *)&lane->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	advance(timer->data);
}

/* Each lane closes in its own callback: of the call that is cancelled, or of its timer. */
static void end(struct artifacts *artifacts)
{
	artifacts->is_ending = true;
	for (size_t i = 0; i < LANES; i++) {
		struct lane *lane = &artifacts->lanes[i];
		if (lane->call)
			http_cancel(lane->call);
		else if (!uv_is_closing((uv_handle_t *)&lane->timer))
			uv_timer_start(&lane->timer, on_timer, 0, 0);
	}
}

/* The server is away or busy: what it has got by then it says when it is back. */
static void try_later(struct lane *lane)
{
	int64_t wait_ms = RETRY_FIRST_MS;
	for (int i = 0; i < lane->failures && wait_ms < RETRY_MAX_MS; i++)
		wait_ms *= 2;
	lane->failures++;
	lane->is_asked = false;
	uv_timer_start(&lane->timer, on_timer, (uint64_t)(wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS), 0);
}

static void fail(struct lane *lane, const struct http_answer *answer)
{
	err_set(&lane->owner->err, ERR_UPSTREAM, "artifact %.*s: the server answers %d: %.*s",
		STR_ARG(str_brief(artifact_of(lane)->report.path, 150)), answer->status,
		STR_ARG(str_brief(answer->body, 150)));
	end(lane->owner);
}

/* true: the answer is one to go on with. */
static bool take_answer(struct lane *lane, const struct http_answer *answer, const struct err *err)
{
	lane->call = NULL;
	if (lane->owner->is_ending) {
		close_lane(lane);
		return false;
	}
	if (err || answer->status >= 500 || answer->status == 408 || answer->status == 429) {
		try_later(lane);
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

static bool is_under_way(const struct artifacts *artifacts, struct str sha256)
{
	for (size_t i = 0; i < LANES; i++) {
		size_t at = artifacts->lanes[i].at;
		if (at < artifacts->upload.count && str_eq(artifacts->upload.items[at].report.sha256, sha256))
			return true;
	}
	return false;
}

/* The same bytes under several names are sent once at a time: they meet in one file of the server. */
static void take_next(struct lane *lane)
{
	struct artifacts *artifacts = lane->owner;
	size_t count = artifacts->upload.count;
	lane->at = count;
	while (artifacts->next < count &&
		is_under_way(artifacts, artifacts->upload.items[artifacts->next].report.sha256))
		artifacts->next++;
	if (artifacts->next == count)
		return;
	lane->at = artifacts->next++;
	lane->sent = 0;
	lane->failures = 0;
	lane->is_asked = artifact_of(lane)->report.size_bytes <= UNASKED_BYTES;
}

static void on_asked(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct lane *lane = arg;
	bool is_complete = false;
	if (!take_answer(lane, answer, err))
		return;
	if (answer->status >= 300 ||
		!read_progress(answer, artifact_of(lane)->report.size_bytes, &lane->sent, &is_complete)) {
		fail(lane, answer);
		return;
	}
	lane->is_asked = true;
	if (is_complete)
		take_next(lane);
	advance(lane);
}

static void on_part(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct lane *lane = arg;
	if (!take_answer(lane, answer, err))
		return;
	/* It has another part of it than we think: ask. Not for ever. */
	if (answer->status == 409 && lane->failures < MISPLACED_MAX) {
		try_later(lane);
		return;
	}
	if (answer->status >= 300) {
		fail(lane, answer);
		return;
	}
	FAILPOINT("artifact.part_sent");
	lane->failures = 0;
	lane->sent = lane->part_end;
	if (lane->sent == artifact_of(lane)->report.size_bytes)
		take_next(lane);
	advance(lane);
}

static long read_part(void *arg, char *to, size_t n)
{
	struct lane *lane = arg;
	int64_t left = lane->part_end - lane->part_at;
	if (left <= 0)
		return 0;
	ssize_t got = pread(lane->owner->upload.fd, to, (int64_t)n < left ? n : (size_t)left,
		artifact_of(lane)->offset + lane->part_at);
	if (got > 0)
		lane->part_at += got;
	return got > 0 ? got : -1;
}

static void send_part(struct lane *lane, struct http_request *request)
{
	struct artifacts *artifacts = lane->owner;
	int64_t size = artifact_of(lane)->report.size_bytes;
	lane->part_at = lane->sent;
	lane->part_end = size - lane->sent > WORKER_PART_BYTES ? lane->sent + WORKER_PART_BYTES : size;
	request->method = "PUT";
	request->url = arena_printf(
		&artifacts->arena, "%.*s?offset=%" PRId64 "&size=%" PRId64, STR_ARG(request->url), lane->sent, size);
	request->body_size = lane->part_end - lane->part_at;
	if (request->body_size)
		request->body_read = read_part;
	request->timeout_ms = PART_TIMEOUT_MS;
	http_send(artifacts->upload.http, request, on_part, lane, &lane->call);
}

static void advance(struct lane *lane)
{
	struct artifacts *artifacts = lane->owner;
	if (artifacts->is_ending || lane->at == artifacts->upload.count) {
		close_lane(lane);
		return;
	}
	struct http_request request = {
		.method = "HEAD",
		.url = arena_printf(&artifacts->arena, "%.*s/%.*s", STR_ARG(artifacts->url),
			STR_ARG(artifact_of(lane)->report.sha256)),
		.headers = artifacts->upload.headers,
		.answer_max_bytes = ANSWER_MAX,
		.timeout_ms = 30000,
	};
	if (lane->is_asked)
		send_part(lane, &request);
	else
		http_send(artifacts->upload.http, &request, on_asked, lane, &lane->call);
}

void artifacts_send(const struct artifacts_upload *upload, void (*done)(void *arg, const struct err *err), void *arg,
	struct artifacts **ret)
{
	struct artifacts *artifacts = mem_alloc(sizeof *artifacts);
	artifacts->upload = *upload;
	artifacts->url = arena_str(&artifacts->arena, upload->url);
	artifacts->done = done;
	artifacts->arg = arg;
	artifacts->open_lanes = LANES;
	for (size_t i = 0; i < LANES; i++)
		artifacts->lanes[i] = (struct lane){.owner = artifacts, .at = upload->count};
	for (size_t i = 0; i < LANES; i++) {
		struct lane *lane = &artifacts->lanes[i];
		take_next(lane);
		uv_timer_init(upload->loop, &lane->timer);
		lane->timer.data = lane;
		uv_timer_start(&lane->timer, on_timer, 0, 0);
	}
	*ret = artifacts;
}

void artifacts_cancel(struct artifacts *artifacts)
{
	if (artifacts->err.kind == ERR_NONE)
		err_set(&artifacts->err, ERR_BUSY, "cancelled");
	end(artifacts);
}
