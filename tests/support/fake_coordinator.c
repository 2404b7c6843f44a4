#include "tests/support/fake_coordinator.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/mem.h"
#include "server/http/http_server.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct hold {
	struct hold *next;
	struct fake *fake;
	struct http_exchange *exchange;
	int32_t slots;
	bool is_gone;
	uv_timer_t timer;
};

static void breach(struct fake *fake, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void breach(struct fake *fake, const char *format, ...)
{
	va_list args;
	if (fake->fault[0])
		return;
	va_start(args, format);
	vsnprintf(fake->fault, sizeof fake->fault, format, args);
	va_end(args);
}

struct fake_attempt *fake_find(struct fake *fake, int64_t job, int32_t attempt)
{
	for (size_t i = 0; i < fake->attempt_count; i++)
		if (fake->attempts[i].ref.job == job && fake->attempts[i].ref.attempt == attempt)
			return &fake->attempts[i];
	return NULL;
}

/* ---- answers ---- */

static json_t *ref_json(struct attempt_ref ref)
{
	return json_pack("{s:I,s:i}", "job", (json_int_t)ref.job, "attempt", (int)ref.attempt);
}

static int add_jobs(struct fake *fake, json_t *answer, int32_t slots)
{
	json_t *jobs = json_array();
	for (size_t i = 0; i < fake->attempt_count && slots > 0; i++) {
		struct fake_attempt *attempt = &fake->attempts[i];
		if (attempt->is_leased || attempt->is_stale)
			continue;
		attempt->is_leased = true;
		attempt->held_at_us = clock_mono_us();
		json_array_append(jobs, attempt->spec);
		slots--;
	}
	int count = (int)json_array_size(jobs);
	json_object_set_new(answer, "jobs", jobs);
	int running = 0;
	for (size_t i = 0; i < fake->attempt_count; i++)
		running += fake->attempts[i].is_leased && !fake->attempts[i].has_ended && !fake->attempts[i].is_stale;
	if (running > fake->slots)
		breach(fake, "%d jobs run in %d slots", running, fake->slots);
	return count;
}

static int add_cancels(struct fake *fake, json_t *answer)
{
	json_t *cancel = json_array();
	for (size_t i = 0; i < fake->attempt_count; i++) {
		struct fake_attempt *attempt = &fake->attempts[i];
		if (!attempt->cancel || !attempt->is_leased || attempt->has_ended)
			continue;
		json_t *one = ref_json(attempt->ref);
		json_object_set_new(one, "reason", json_string(attempt->cancel));
		json_array_append_new(cancel, one);
	}
	int count = (int)json_array_size(cancel);
	json_object_set_new(answer, "cancel", cancel);
	return count;
}

static void on_hold_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void answer_hold(struct hold *hold)
{
	struct fake *fake = hold->fake;
	json_t *answer = json_object();
	for (struct hold **at = &fake->holds; *at; at = &(*at)->next) {
		if (*at == hold) {
			*at = hold->next;
			break;
		}
	}
	if (fake->is_down || hold->is_gone) {
		http_answer(hold->exchange, 503, "text/plain", STR("down"));
		json_decref(answer);
	} else {
		add_cancels(fake, answer);
		add_jobs(fake, answer, hold->slots);
		http_answer_json(hold->exchange, 200, answer);
	}
	uv_close((uv_handle_t *)&hold->timer, on_hold_closed);
}

static void wake(struct fake *fake)
{
	for (struct hold *hold = fake->holds, *next; hold; hold = next) {
		next = hold->next;
		answer_hold(hold);
	}
}

static void on_hold_timer(uv_timer_t *timer)
{
	answer_hold(timer->data);
}

static void on_hold_gone(void *arg)
{
	struct hold *hold = arg;
	hold->is_gone = true;
	answer_hold(hold);
}

/* ---- sync ---- */

static bool is_ours(struct fake *fake, int64_t job, int32_t number, struct fake_attempt **ret, json_t *stale)
{
	struct fake_attempt *attempt = fake_find(fake, job, number);
	*ret = attempt;
	if (attempt && attempt->is_leased && !attempt->is_stale)
		return true;
	json_array_append_new(stale, ref_json((struct attempt_ref){job, number}));
	return false;
}

static void take_log(struct fake *fake, struct fake_attempt *attempt, const struct log_frame *frame)
{
	if (attempt->is_log_refused)
		return;
	if (frame->offset + frame->raw_bytes <= attempt->log_bytes)
		return;
	if (frame->offset != attempt->log_bytes) {
		breach(fake, "job %" PRId64 ": frame at %" PRId64 ", the log ends at %" PRId64, frame->job,
			frame->offset, attempt->log_bytes);
		return;
	}
	attempt->log = mem_resize(attempt->log, (size_t)(attempt->log_bytes + frame->raw_bytes + 1));
	size_t n = ZSTD_decompress(
		attempt->log + attempt->log_bytes, (size_t)frame->raw_bytes, frame->data.p, frame->data.n);
	if (n != (size_t)frame->raw_bytes)
		breach(fake, "job %" PRId64 ": a frame that does not decompress", frame->job);
	attempt->log_bytes += frame->raw_bytes;
	attempt->log_lines += frame->lines;
	attempt->log[attempt->log_bytes] = 0;
}

static void take_result(struct fake *fake, const struct attempt_result *result, json_t *done, json_t *stale)
{
	struct fake_attempt *attempt;
	if (!is_ours(fake, result->job, result->attempt, &attempt, stale))
		return;
	if (attempt->is_log_refused) {
		attempt->was_refused = true;
		return;
	}
	if (result->log_bytes != attempt->log_bytes || result->log_lines != attempt->log_lines) {
		breach(fake, "job %" PRId64 ": result says %" PRId64 " bytes of log, %" PRId64 " came", result->job,
			result->log_bytes, attempt->log_bytes);
		return;
	}
	json_array_append_new(done, ref_json(attempt->ref));
	if (attempt->has_ended)
		return;
	attempt->has_ended = true;
	fake->ended++;
	/* A copy that lives on: through its own text form. */
	auto_buf body = BUF_INIT(1 << 20);
	struct attempt_result copy = *result;
	struct worker_sync sync = {.instance = STR("x"), .results = &copy, .result_count = 1}, read;
	struct log_frame *logs;
	size_t count;
	worker_frame_add_sync(&body, &sync, NULL);
	struct str text = arena_str(&attempt->arena, buf_str(&body));
	worker_body_read(text, &read, &logs, &count, &attempt->arena, NULL);
	attempt->result = read.results[0];
}

static void take_reports(struct fake *fake, const struct worker_sync *sync, json_t *stale)
{
	struct fake_attempt *attempt;
	for (size_t i = 0; i < sync->held_count; i++)
		if (is_ours(fake, sync->held[i].job, sync->held[i].attempt, &attempt, stale))
			attempt->held_at_us = clock_mono_us();
	for (size_t i = 0; i < sync->started_count; i++)
		if ((attempt = fake_find(fake, sync->started[i].job, sync->started[i].attempt)))
			attempt->is_started = true;
	for (size_t i = 0; i < sync->step_count; i++)
		if ((attempt = fake_find(fake, sync->steps[i].job, sync->steps[i].attempt)) &&
			sync->steps[i].index < FAKE_STEPS_MAX)
			attempt->steps[sync->steps[i].index] = sync->steps[i];
}

static json_t *apply(struct fake *fake, const struct worker_sync *sync, const struct log_frame *logs, size_t log_count)
{
	json_t *answer = json_object(), *stale = json_array(), *done = json_array(), *acks = json_array();
	struct fake_attempt *attempt;
	take_reports(fake, sync, stale);
	for (size_t i = 0; i < log_count; i++) {
		if (!is_ours(fake, logs[i].job, logs[i].attempt, &attempt, stale))
			continue;
		take_log(fake, attempt, &logs[i]);
		json_t *ack = ref_json(attempt->ref);
		json_object_set_new(ack, "end", json_integer(attempt->log_bytes));
		json_array_append_new(acks, ack);
	}
	for (size_t i = 0; i < sync->result_count; i++)
		take_result(fake, &sync->results[i], done, stale);
	json_object_set_new(answer, "stale", stale);
	json_object_set_new(answer, "done", done);
	json_object_set_new(answer, "logs", acks);
	return answer;
}

static void hold_on(struct fake *fake, struct http_exchange *exchange, const struct worker_sync *sync)
{
	struct hold *hold = mem_alloc(sizeof *hold);
	*hold = (struct hold){.next = fake->holds, .fake = fake, .exchange = exchange, .slots = sync->free_slots};
	fake->holds = hold;
	uv_timer_init(fake->loop, &hold->timer);
	hold->timer.data = hold;
	uv_timer_start(&hold->timer, on_hold_timer, (uint64_t)sync->wait_ms, 0);
	http_on_gone(exchange, on_hold_gone, hold);
}

static bool refuse_when_down(struct fake *fake, struct http_exchange *exchange)
{
	if (fake->is_down)
		http_answer(exchange, 503, "text/plain", STR("down"));
	return fake->is_down;
}

static void on_sync(struct http_exchange *exchange, void *context)
{
	struct fake *fake = context;
	struct worker_sync sync;
	struct log_frame *logs;
	size_t count;
	struct err err = {0};
	if (refuse_when_down(fake, exchange))
		return;
	fake->syncs++;
	if (!worker_body_read(http_body(exchange), &sync, &logs, &count, http_arena(exchange), &err)) {
		breach(fake, "sync: %s", err.text);
		http_answer_err(exchange, &err);
		return;
	}
	if (fake->is_forgetful || !str_is(sync.instance, fake->worker)) {
		fake->is_forgetful = false;
		http_answer(exchange, 404, "text/plain", STR("who are you?"));
		return;
	}
	fake->is_drain_seen |= sync.is_draining;
	if (sync.is_draining && !fake->is_deaf)
		wake(fake);
	json_t *answer = apply(fake, &sync, logs, count);
	int said = add_cancels(fake, answer) + (int)json_array_size(json_object_get(answer, "stale")) +
		   (int)json_array_size(json_object_get(answer, "done"));
	int jobs = add_jobs(fake, answer, sync.free_slots);
	if (sync.result_count)
		fake->jobs_with_result += jobs;
	if (sync.wait_ms > 0 && !said && !jobs) {
		json_decref(answer);
		hold_on(fake, exchange, &sync);
		return;
	}
	http_answer_json(exchange, 200, answer);
}

static void on_register(struct http_exchange *exchange, void *context)
{
	struct fake *fake = context;
	struct worker_register message = {0};
	struct err err = {0};
	struct str authorization;
	if (refuse_when_down(fake, exchange))
		return;
	if (fake->is_refused) {
		http_answer(exchange, 401, "text/plain", STR("unknown token"));
		return;
	}
	json_t *json = json_loadb(http_body(exchange).p, http_body(exchange).n, 0, NULL);
	if (!json || !fields_read(worker_register_fields, json, &message, http_arena(exchange), &err))
		breach(fake, "register: %s", err.text);
	json_decref(json);
	if (!http_header(exchange, "Authorization", &authorization) || !str_is(authorization, "Bearer pw_test"))
		breach(fake, "register without the token");
	snprintf(fake->worker, sizeof fake->worker, "%.*s", STR_ARG(message.instance));
	fake->slots = message.slots;
	fake->recovering = message.recovering_count;
	fake->registrations++;
	/* As the server does: what nobody claims is lost. */
	for (size_t i = 0; i < fake->attempt_count; i++) {
		bool is_claimed = !fake->attempts[i].is_leased || fake->attempts[i].has_ended;
		for (size_t j = 0; j < message.recovering_count; j++)
			is_claimed |= message.recovering[j].job == fake->attempts[i].ref.job;
		fake->attempts[i].is_stale |= !is_claimed;
	}
	json_t *denied = json_array();
	json_array_append_new(denied, json_string("10.99.0.0/16"));
	http_answer_json(exchange, 200,
		json_pack("{s:i,s:I,s:I,s:I,s:s,s:o}", "worker", 1, "lease_ms", (json_int_t)fake->lease_ms, "renew_ms",
			(json_int_t)fake->renew_ms, "wait_ms", (json_int_t)fake->wait_ms, "server_version", "fake",
			"denied_addresses", denied));
}

/* ---- files ---- */

static void on_source(struct http_exchange *exchange, void *context)
{
	struct fake *fake = context;
	struct str have = {0};
	char command[1000], pack[] = "/tmp/penstock-fake-pack-XXXXXX";
	if (refuse_when_down(fake, exchange))
		return;
	int64_t job = 0;
	str_to_i64(http_param(exchange, "job"), &job);
	struct fake_attempt *attempt = fake_find(fake, job, 1);
	fake->sources++;
	fake->sources_thin += http_query(exchange, "have", &have);
	int fd = mkstemp(pack);
	const char *commit = attempt ? json_string_value(json_object_get(attempt->spec, "commit")) : "";
	struct str depth = {0};
	http_query(exchange, "depth", &depth);
	/* A snapshot lists the tree's objects and the commit; history is a walk. */
	if (str_is(depth, "1"))
		snprintf(command, sizeof command,
			"cd '%s' && { echo %s; git rev-list --objects --no-object-names %s^{tree} %s%.*s%s; } | "
			"git pack-objects --stdout --thin -q > %s",
			fake->repository, commit, commit, have.n ? "--not " : "", STR_ARG(have),
			have.n ? "^{tree}" : "", pack);
	else
		snprintf(command, sizeof command,
			"cd '%s' && { echo %s; %s%.*s%s } | git pack-objects --revs --stdout "
			"--thin -q > %s",
			fake->repository, commit, have.n ? "echo ^" : "", STR_ARG(have), have.n ? ";" : "", pack);
	struct stat info;
	if (system(command) != 0 || fstat(fd, &info) < 0)
		http_answer(exchange, 404, "text/plain", STR("no such commit"));
	else
		http_answer_file(exchange, 200, "application/octet-stream", dup(fd), 0, info.st_size);
	close(fd);
	unlink(pack);
}

struct fake_blob *fake_find_blob(struct fake *fake, struct str sha256)
{
	for (size_t i = 0; i < fake->blob_count; i++)
		if (str_is(sha256, fake->blobs[i].sha256))
			return &fake->blobs[i];
	return NULL;
}

static struct fake_blob *new_blob(struct fake *fake)
{
	BUG_ON(fake->blob_count == FAKE_BLOBS_MAX);
	return &fake->blobs[fake->blob_count++];
}

struct fake_blob *fake_add_blob(struct fake *fake, const char *bytes)
{
	struct fake_blob *blob = new_blob(fake);
	blob->bytes = mem_strdup(bytes);
	blob->size = blob->total = (int64_t)strlen(bytes);
	digest_text_of(str_of(bytes), blob->sha256);
	return blob;
}

static void on_blob(struct http_exchange *exchange, void *context)
{
	struct fake_blob *blob = fake_find_blob(context, http_param(exchange, "sha"));
	if (refuse_when_down(context, exchange))
		return;
	if (!blob)
		http_answer(exchange, 404, "text/plain", STR("no such blob"));
	else
		http_answer(exchange, 200, "application/octet-stream", (struct str){blob->bytes, (size_t)blob->size});
}

static void on_upload_asked(struct http_exchange *exchange, void *context)
{
	struct fake_blob *blob = fake_find_blob(context, http_param(exchange, "sha"));
	if (refuse_when_down(context, exchange))
		return;
	bool is_complete = blob && blob->size == blob->total;
	int64_t offset = blob && !is_complete ? blob->size : 0;
	http_add_header(exchange, "Upload-Offset", arena_printf(http_arena(exchange), "%" PRId64, offset));
	http_add_header(exchange, "Upload-Complete", is_complete ? STR("true") : STR("false"));
	http_answer(exchange, 200, "text/plain", (struct str){0});
}

static void on_upload(struct http_exchange *exchange, void *context)
{
	struct fake *fake = context;
	struct fake_blob *blob = fake_find_blob(fake, http_param(exchange, "sha"));
	struct str body = http_body(exchange), text;
	int64_t offset = -1, total = -1;
	if (refuse_when_down(fake, exchange))
		return;
	if (!http_query(exchange, "offset", &text) || !str_to_i64(text, &offset) ||
		!http_query(exchange, "size", &text) || !str_to_i64(text, &total))
		breach(fake, "upload without offset and size");
	if (!blob) {
		blob = new_blob(fake);
		snprintf(blob->sha256, sizeof blob->sha256, "%.*s", STR_ARG(http_param(exchange, "sha")));
	}
	if (offset != blob->size) {
		http_answer(exchange, 409, "text/plain", (struct str){0});
		return;
	}
	bool is_cut = fake->upload_cut > 0 && (int64_t)body.n > fake->upload_cut;
	size_t n = is_cut ? (size_t)fake->upload_cut : body.n;
	fake->upload_cut = 0;
	blob->bytes = mem_resize(blob->bytes, (size_t)blob->size + n + 1);
	if (n)
		memcpy(blob->bytes + blob->size, body.p, n);
	blob->size += (int64_t)n;
	blob->total = total;
	char sum[DIGEST_TEXT_BYTES];
	digest_text_of((struct str){blob->bytes, (size_t)blob->size}, sum);
	if (!is_cut && blob->size == total && !str_is(str_of(sum), blob->sha256))
		breach(fake, "an upload that is not what its name says");
	http_answer(exchange, is_cut ? 503 : 200, "text/plain", (struct str){0});
}

/* ---- life ---- */

static const struct http_route routes[] = {
	{.method = "POST", .pattern = "/api/v1/worker/register", .handler = on_register, .body_max_bytes = 1 << 20},
	{.method = "POST",
		.pattern = "/api/v1/worker/sync",
		.handler = on_sync,
		.body_max_bytes = WORKER_SYNC_BYTES_MAX},
	{.method = "GET", .pattern = "/api/v1/worker/attempts/{job}/{attempt}/source", .handler = on_source},
	{.method = "GET", .pattern = "/api/v1/worker/attempts/{job}/{attempt}/blobs/{sha}", .handler = on_blob},
	{.method = "GET",
		.pattern = "/api/v1/worker/attempts/{job}/{attempt}/uploads/{sha}",
		.handler = on_upload_asked},
	{.method = "PUT",
		.pattern = "/api/v1/worker/attempts/{job}/{attempt}/uploads/{sha}",
		.handler = on_upload,
		.body_max_bytes = WORKER_PART_BYTES},
	{.method = NULL},
};

void fake_start(struct fake *fake, uv_loop_t *loop)
{
	struct err err;
	*fake = (struct fake){.loop = loop, .lease_ms = 30000, .renew_ms = 10000, .wait_ms = 20000};
	struct http_server_options options = {
		.address = "127.0.0.1",
		.connection_bytes = 32 << 10,
		.connections_max = 200,
		.routes = routes,
		.context = fake,
	};
	if (!http_server_open(loop, &options, &fake->server, &err))
		BUG("%s", err.text);
	fake->port = http_server_port(fake->server);
}

static void on_closed(void *arg)
{
	((struct fake *)arg)->server = NULL;
}

void fake_stop(struct fake *fake)
{
	fake->is_down = true;
	wake(fake);
	http_server_close(fake->server, 0, on_closed, fake);
	uv_run(fake->loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < fake->attempt_count; i++) {
		free(fake->attempts[i].log);
		json_decref(fake->attempts[i].spec);
		arena_done(&fake->attempts[i].arena);
	}
	for (size_t i = 0; i < fake->blob_count; i++)
		free(fake->blobs[i].bytes);
}

struct fake_attempt *fake_job(struct fake *fake, json_t *spec)
{
	BUG_ON(fake->attempt_count == FAKE_ATTEMPTS_MAX);
	struct fake_attempt *attempt = &fake->attempts[fake->attempt_count++];
	attempt->ref = (struct attempt_ref){(int64_t)fake->attempt_count, 1};
	json_object_set_new(spec, "job", json_integer((json_int_t)attempt->ref.job));
	json_object_set_new(spec, "attempt", json_integer(attempt->ref.attempt));
	attempt->spec = spec;
	wake(fake);
	return attempt;
}

void fake_cancel(struct fake *fake, struct fake_attempt *attempt, const char *reason)
{
	attempt->cancel = reason;
	wake(fake);
}

void fake_make_stale(struct fake *fake, struct fake_attempt *attempt)
{
	(void)fake;
	attempt->is_stale = true;
}

void fake_go_down(struct fake *fake, bool is_down)
{
	fake->is_down = is_down;
	wake(fake);
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_tick_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

/* Of a machine that has much else to do; only a test that fails takes it. */
enum { PATIENCE_S = 60 };

bool fake_until(struct fake *fake, bool (*condition)(void *arg), void *arg, int seconds)
{
	int64_t until_us = clock_mono_us() + (seconds < PATIENCE_S ? PATIENCE_S : seconds) * US_PER_SECOND;
	uv_timer_t tick;
	bool is_closed = false, ok;
	/* So that conditions outside the loop (a process that ends, a file) are seen too. */
	uv_timer_init(fake->loop, &tick);
	tick.data = &is_closed;
	uv_timer_start(&tick, on_tick, 2, 2);
	while (!(ok = condition(arg)) && !fake->fault[0] && clock_mono_us() < until_us)
		uv_run(fake->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, on_tick_closed);
	while (!is_closed)
		uv_run(fake->loop, UV_RUN_NOWAIT);
	return ok && !fake->fault[0];
}
