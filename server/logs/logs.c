#include "server/logs/logs.h"

#include "common/clock.h"
#include "common/io/flow.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "server/engine/states.h"
#include "server/events/watch.h"
#include "server/logs/log_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which log, and how it stands --- */

struct log_row {
	struct str job_state, attempt_state, last_frame;
	int32_t attempt;
	int64_t log_bytes, log_lines, log_removed_at;
};

static const struct field log_row_fields[] = {
	FIELD(struct log_row, job_state, FIELD_STR, 0),
	FIELD(struct log_row, attempt, FIELD_I32, 0),
	FIELD(struct log_row, attempt_state, FIELD_STR, 0),
	FIELD(struct log_row, log_bytes, FIELD_I64, 0),
	FIELD(struct log_row, log_lines, FIELD_I64, 0),
	FIELD(struct log_row, log_removed_at, FIELD_TIME, 0),
	FIELD(struct log_row, last_frame, FIELD_STR, 0),
	FIELD_END,
};

struct log_request {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	int64_t job, attempt, from, lines;
	struct log_row row;
	struct log_reader reader;
	struct http_stream *stream;
	bool has_reader, is_answered, is_gone, is_waiting_for_drain;
};

static bool read_number(struct http_exchange *exchange, const char *name, int64_t *number, struct err *err)
{
	struct str text;
	if (!http_query(exchange, name, &text))
		return true;
	if (!str_to_i64(text, number) || *number < 1)
		return err_set(err, ERR_INVALID, "%s: a number from 1", name);
	return true;
}

static enum flow_next load_state(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	request->from = 1;
	if (!str_to_i64(http_param(request->exchange, "job"), &request->job)) {
		err_set(&flow->err, ERR_INVALID, "a job is named by its id");
		return FLOW_FAIL;
	}
	if (!read_number(request->exchange, "attempt", &request->attempt, &flow->err) ||
		!read_number(request->exchange, "from", &request->from, &flow->err) ||
		!read_number(request->exchange, "lines", &request->lines, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_LOG_STATE, DB_I64(request->job), DB_I64(request->attempt));
	return db_await(flow, batch);
}

static enum flow_next read_state(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no job %lld", (long long)request->job);
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, log_row_fields, &request->row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	if (request->attempt && request->row.attempt == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "job %lld has no attempt %lld", (long long)request->job,
			(long long)request->attempt);
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_LOG_SEEK, DB_I64(request->job), DB_I64(request->row.attempt), DB_I64(request->from - 1));
	return db_await(flow, batch);
}

/* What is shown in place of a log that is gone: one line. */
static struct str removal_of(const struct log_row *row, struct arena *arena)
{
	char at[CLOCK_TEXT_BYTES];
	clock_format(row->log_removed_at, at);
	return arena_printf(arena, "This log was removed on %.10s: its time to be kept was over.", at);
}

static bool is_complete(const struct log_row *row)
{
	int state;
	if (row->attempt)
		return str_is(row->attempt_state, "ended");
	return enum_from_name(job_state_names, row->job_state, &state) && job_is_over((enum job_state)state);
}

/* --- lines by range --- */

/* The last line counts without a line end too, once no more can come. */
static bool count_lines(const struct log_row *row, int64_t *ret, struct err *err)
{
	auto_buf text = BUF_INIT(WORKER_LOG_RAW_MAX);
	if (!log_unpack(&text, row->last_frame, err))
		return false;
	*ret = row->log_lines + (text.n && text.p[text.n - 1] != '\n');
	return true;
}

static void range_gone(void *arg)
{
	struct log_request *request = arg;
	request->is_gone = true;
	if (!request->is_waiting_for_drain)
		return;
	request->is_waiting_for_drain = false;
	flow_resume(&request->flow);
}

static void range_drained(void *arg)
{
	struct log_request *request = arg;
	if (!request->is_waiting_for_drain)
		return;
	request->is_waiting_for_drain = false;
	flow_resume(&request->flow);
}

enum { RANGE_AHEAD_MAX = 1 << 20, RANGE_PENDING_MAX = 64 << 20 };

static enum flow_next answer_removed(struct log_request *request)
{
	struct arena *arena = &request->flow.arena;
	struct str line = request->from == 1 ? removal_of(&request->row, arena) : STR("");
	http_add_header(request->exchange, "Penstock-Log-Lines", STR("1"));
	http_add_header(request->exchange, "Penstock-Log-Complete", STR("true"));
	request->is_answered = true;
	http_answer(request->exchange, 200, "text/plain; charset=utf-8",
		arena_printf(arena, "%.*s%s", STR_ARG(line), line.n ? "\n" : ""));
	return FLOW_DONE;
}

static enum flow_next start_range(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	int64_t lines;
	if (request->row.log_removed_at)
		return answer_removed(request);
	if (!count_lines(&request->row, &lines, &flow->err))
		return FLOW_FAIL;
	log_reader_init(&request->reader, request->server, request->job, request->row.attempt, request->from,
		db_reply_of(flow), 0);
	request->has_reader = true;
	http_add_header(request->exchange, "Penstock-Log-Lines", arena_printf(&flow->arena, "%lld", (long long)lines));
	http_add_header(
		request->exchange, "Penstock-Log-Complete", is_complete(&request->row) ? STR("true") : STR("false"));
	request->is_answered = true;
	request->stream = http_stream_start(request->exchange, 200, "text/plain; charset=utf-8", RANGE_PENDING_MAX,
		range_gone, range_drained, request);
	return FLOW_CONTINUE;
}

static void piece_read(void *arg, const struct err *err)
{
	struct log_request *request = arg;
	if (err)
		flow_fail(&request->flow, err);
	else
		flow_resume(&request->flow);
}

static enum flow_next read_piece(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	if (request->is_gone || request->reader.offset >= request->row.log_bytes)
		return FLOW_DONE;
	log_reader_read(&request->reader, piece_read, request);
	return FLOW_WAIT;
}

/* How much of the text may go out: whole lines, as many as were asked for; a last one that lacks its end only when it
 * is complete. False: that was all. */
static bool take_lines(struct log_request *request, size_t *ret_bytes)
{
	struct str text = buf_str(&request->reader.text);
	size_t at = 0, next;
	while (str_find_char(str_skip(text, at), '\n', &next)) {
		at += next + 1;
		if (request->lines && --request->lines == 0) {
			*ret_bytes = at;
			return false;
		}
	}
	*ret_bytes = is_complete(&request->row) ? text.n : at;
	return true;
}

static enum flow_next send_piece(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	size_t bytes;
	bool goes_on = take_lines(request, &bytes) && !request->is_gone;
	if (!http_stream_write(request->stream, str_head(buf_str(&request->reader.text), bytes)) || !goes_on)
		return FLOW_DONE;
	buf_drop(&request->reader.text, bytes);
	flow_jump(flow, read_piece);
	if (http_stream_pending(request->stream) < RANGE_AHEAD_MAX)
		return FLOW_CONTINUE;
	request->is_waiting_for_drain = true;
	return FLOW_WAIT;
}

static void log_request_ended(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	if (request->stream && flow->err.kind != ERR_NONE)
		http_stream_fail(request->stream);
	else if (request->stream)
		http_stream_end(request->stream);
	if (flow->err.kind != ERR_NONE && request->is_answered)
		log_warn("logs.read", F("job", request->job), F("err", &flow->err));
	else if (!request->is_answered)
		http_answer_err(request->exchange, &flow->err);
	if (request->has_reader)
		log_reader_done(&request->reader);
	flow_free(flow);
}

static void start(struct http_exchange *exchange, void *context, flow_step *const *steps)
{
	struct log_request *request = flow_new(sizeof *request, steps, log_request_ended);
	request->server = context;
	request->exchange = exchange;
	flow_start(&request->flow);
}

void logs_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {load_state, read_state, start_range, read_piece, send_piece, NULL};
	start(exchange, context, steps);
}

/* --- following --- */

enum { EVENT_TEXT_MAX = 256 * 1024 }; /* of an event's lines, but for the last of them */

struct log_watch {
	struct watch watch;
	struct log_reader reader;
	int64_t attempt; /* 0: the job has none yet */
	int64_t line;    /* of the next line to be sent */
	bool has_more;   /* lines read and not yet sent */
	char *removal;   /* the log is gone: the line in its place */
};

static void log_released(struct watch *watch)
{
	struct log_watch *self = (struct log_watch *)watch;
	log_reader_done(&self->reader);
	free(self->removal);
	free(self);
}

static void send_end(struct log_watch *self, const char *state, const char *reason)
{
	watch_send(&self->watch, "end", STR(""), json_pack("{s:s, s:s}", "state", state, "reason", reason));
	watch_end(&self->watch);
}

/* True when there is more in the text than one event takes. */
static bool send_lines(struct log_watch *self, bool is_last)
{
	json_t *lines = json_array();
	int64_t from = self->line;
	size_t at = 0, next;
	struct str text = buf_str(&self->reader.text);
	while (at < text.n && at < EVENT_TEXT_MAX) {
		struct str rest = str_skip(text, at);
		if (!str_find_char(rest, '\n', &next)) {
			if (!is_last)
				break;
			next = rest.n;
		}
		struct str line = str_head(rest, next);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		json_array_append_new(lines, json_of_str(line));
		self->line++;
		at += next + (next < rest.n);
	}
	buf_drop(&self->reader.text, at);
	if (json_array_size(lines) == 0) {
		json_decref(lines);
		return false;
	}
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)self->line - 1);
	watch_send(
		&self->watch, "lines", str_of(id), json_pack("{s:I, s:o}", "from", (json_int_t)from, "lines", lines));
	return self->reader.text.n && at >= EVENT_TEXT_MAX;
}

static void send_read(struct log_watch *self)
{
	const struct log_standing *standing = &self->reader.standing;
	bool is_all = self->reader.offset >= standing->log_bytes;
	self->has_more = send_lines(self, is_all && standing->is_ended);
	if (is_all && standing->is_ended && !self->has_more)
		send_end(self, standing->state, standing->reason);
	watch_looked(&self->watch, self->has_more || !is_all);
}

static void look_read(void *arg, const struct err *err)
{
	struct log_watch *self = arg;
	if (!err) {
		send_read(self);
		return;
	}
	log_warn("logs.follow", F("job", self->watch.key), F("err", err));
	if (!err_is_retryable(err->kind))
		watch_end(&self->watch);
	watch_looked(&self->watch, false);
}

enum { STATE_JOB, STATE_ATTEMPT };

static void attempt_found(void *arg, struct db_reply *reply)
{
	struct log_watch *self = arg;
	int state = JOB_BLOCKED;
	if (!db_error(reply) && db_row_count(reply, 0)) {
		self->attempt = self->reader.attempt = db_i64(reply, 0, 0, STATE_ATTEMPT);
		enum_from_name(job_state_names, db_text(reply, 0, 0, STATE_JOB), &state);
	}
	db_reply_free(reply);
	if (self->attempt == 0 && job_is_over((enum job_state)state))
		send_end(self, job_state_names[state], "");
	watch_looked(&self->watch, self->attempt != 0);
}

static void send_removal(struct log_watch *self)
{
	if (self->line == 1)
		watch_send(
			&self->watch, "lines", STR("1"), json_pack("{s:i, s:[s]}", "from", 1, "lines", self->removal));
	send_end(self, self->reader.standing.state, "");
	watch_looked(&self->watch, false);
}

static void log_look(struct watch *watch)
{
	struct log_watch *self = (struct log_watch *)watch;
	if (self->removal) {
		send_removal(self);
	} else if (self->attempt == 0) {
		struct db_batch *batch = db_batch_new(self->reader.server->db);
		db_add(batch, QUERY_LOG_STATE, DB_I64(watch->key), DB_I64(0));
		db_submit(batch, attempt_found, self);
	} else if (self->has_more) {
		send_read(self);
	} else {
		log_reader_read(&self->reader, look_read, self);
	}
}

static enum flow_next resume_line(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	struct str last;
	int64_t line;
	if (http_header(request->exchange, "Last-Event-ID", &last) && str_to_i64(last, &line) && line >= 0)
		request->from = line + 1;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_LOG_SEEK, DB_I64(request->job), DB_I64(request->row.attempt), DB_I64(request->from - 1));
	return db_await(flow, batch);
}

static enum flow_next start_follow(struct flow *flow)
{
	struct log_request *request = (struct log_request *)flow;
	struct log_watch *self = mem_alloc(sizeof *self);
	self->attempt = request->row.attempt;
	self->line = request->from;
	log_reader_init(&self->reader, request->server, request->job, request->row.attempt, request->from,
		db_reply_of(flow), 0);
	if (request->row.log_removed_at) {
		self->removal = mem_strdup(removal_of(&request->row, &flow->arena).p);
		snprintf(self->reader.standing.state, sizeof self->reader.standing.state, "%.*s",
			STR_ARG(request->row.job_state));
	}
	request->is_answered = true;
	watch_start(&self->watch, request->server->events, request->exchange, WATCH_LOG, request->job, log_look,
		log_released);
	return FLOW_DONE;
}

void logs_follow(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {load_state, read_state, resume_line, start_follow, NULL};
	start(exchange, context, steps);
}
