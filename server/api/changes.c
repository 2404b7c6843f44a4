#include "server/api/changes.h"

#include "common/io/work.h"
#include "common/json.h"
#include "server/api/handler.h"
#include "server/git/git_log.h"
#include "server/git/mirrors.h"

#include <stdlib.h>

struct point {
	struct str name;    /* as it was asked for */
	struct str version; /* "": none that was deployed */
	struct str commit;  /* "": git is to say; an environment where nothing runs has none at all */
	bool is_unused;     /* an environment where nothing of this service runs */
};

struct changes_request {
	struct api_request api;
	struct point from, to;
	int64_t limit;
	char *mirror_path;
	struct git_log log;
	struct err fault;
};

static enum flow_next find_points(struct flow *flow)
{
	struct changes_request *self = (struct changes_request *)flow;
	struct http_exchange *exchange = self->api.exchange;
	int64_t ignored;
	if (!http_query(exchange, "from", &self->from.name) || !self->from.name.n ||
		!http_query(exchange, "to", &self->to.name) || !self->to.name.n) {
		err_set(&flow->err, ERR_INVALID,
			"from, to: each a version, an environment (what runs there), a branch, a tag or a commit");
		return FLOW_FAIL;
	}
	if (!api_page(&self->api, &self->limit, &ignored, &flow->err))
		return FLOW_FAIL;
	struct str *names = arena_array(&flow->arena, struct str, 2);
	names[0] = self->from.name;
	names[1] = self->to.name;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_VERSION_POINTS, DB_TEXT(http_param(exchange, "service")), DB_TEXTS(names, 2));
	return db_await(flow, batch);
}

/* --- on the pool --- */

static bool settle(struct git_mirror *mirror, struct point *point, struct arena *arena, struct err *err)
{
	struct str ref;
	return point->commit.n || point->is_unused ||
	       git_resolve(mirror, point->name, &point->commit, &ref, arena, err);
}

static void read_on_pool(void *arg)
{
	struct changes_request *self = arg;
	struct arena *arena = &self->api.flow.arena;
	struct git_mirror *mirror;
	if (!git_mirror_open(self->mirror_path, &mirror, &self->fault))
		return;
	if (settle(mirror, &self->from, arena, &self->fault) && settle(mirror, &self->to, arena, &self->fault) &&
		self->to.commit.n)
		git_log_between(mirror, self->from.commit, self->to.commit, (size_t)self->limit, &self->log, arena,
			&self->fault);
	git_mirror_close(mirror);
}

static void was_read(void *arg, bool is_cancelled)
{
	struct changes_request *self = arg;
	free(self->mirror_path);
	if (is_cancelled)
		err_set(&self->fault, ERR_BUSY, "the server is stopping");
	if (self->fault.kind != ERR_NONE)
		flow_fail(&self->api.flow, &self->fault);
	else
		flow_resume(&self->api.flow);
}

static void take_point(struct point *point, const struct db_reply *reply, size_t row, struct arena *arena)
{
	point->version = arena_str(arena, db_text(reply, 0, row, 2));
	point->commit = arena_str(arena, db_text(reply, 0, row, 3));
	point->is_unused = db_bool(reply, 0, row, 4);
}

static enum flow_next read_log(struct flow *flow)
{
	struct changes_request *self = (struct changes_request *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) != 2) {
		err_set(&flow->err, ERR_NOT_FOUND,
			"there is no service \"%.*s\"; `penstock board` shows those that were deployed",
			STR_ARG(str_head(http_param(self->api.exchange, "service"), 60)));
		return FLOW_FAIL;
	}
	take_point(&self->from, reply, 0, &flow->arena);
	take_point(&self->to, reply, 1, &flow->arena);
	self->mirror_path = mirrors_path(self->api.server->mirrors, db_i64(reply, 0, 0, 0));
	work_submit(self->api.server->loop, read_on_pool, was_read, self);
	return FLOW_WAIT;
}

/* --- the answer --- */

struct commit_row {
	struct str commit, title, author;
	int64_t committed_at;
};

static const struct field commit_fields[] = {
	FIELD(struct commit_row, commit, FIELD_STR, 0),
	FIELD(struct commit_row, title, FIELD_STR, 0),
	FIELD(struct commit_row, author, FIELD_STR, 0),
	FIELD(struct commit_row, committed_at, FIELD_TIME, 0),
	FIELD_END,
};

static json_t *describe_point(const struct point *point)
{
	return json_pack("{s:o, s:o, s:o}", "name", json_of_str(point->name), "version", json_of_str(point->version),
		"commit", json_of_str(point->commit));
}

static enum flow_next answer(struct flow *flow)
{
	struct changes_request *self = (struct changes_request *)flow;
	json_t *commits = json_array();
	for (size_t i = 0; i < self->log.count; i++) {
		const struct git_commit_facts *facts = &self->log.commits[i];
		const struct commit_row row = {facts->id, facts->title, facts->author, facts->committed_at};
		json_array_append_new(commits, fields_write(commit_fields, &row));
	}
	self->api.answer = json_pack("{s:o, s:o, s:o, s:I, s:I, s:b}", "from", describe_point(&self->from), "to",
		describe_point(&self->to), "commits", commits, "total", (json_int_t)self->log.total, "reverted",
		(json_int_t)self->log.reverted, "is_counted",
		self->log.total < GIT_LOG_COUNT_MAX && self->log.reverted < GIT_LOG_COUNT_MAX);
	return FLOW_DONE;
}

void changes_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_points, read_log, answer, NULL};
	api_start(exchange, context, sizeof(struct changes_request), steps, false);
}
