/* One change, from the question to the answer. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/git/git_push.h"
#include "server/git/mirrors.h"
#include "server/gitops/gitops_internal.h"
#include "server/ingest/remote.h"
#include "server/store/run_store.h"

#include <stdlib.h>

const struct field gitops_change_row_fields[] = {
	FIELD(struct change_row, is_over, FIELD_BOOL, 0),
	FIELD(struct change_row, is_mine, FIELD_BOOL, 0),
	FIELD(struct change_row, commits, FIELD_STRS, 0),
	FIELD(struct change_row, answer, FIELD_JSON, 0),
	FIELD(struct change_row, key, FIELD_STR, 0),
	FIELD(struct change_row, run, FIELD_I64, 0),
	FIELD(struct change_row, number, FIELD_I64, 0),
	FIELD(struct change_row, source, FIELD_I64, 0),
	FIELD(struct change_row, repository, FIELD_STR, 0),
	FIELD(struct change_row, default_branch, FIELD_STR, 0),
	FIELD(struct change_row, commit, FIELD_STR, 0),
	FIELD(struct change_row, plan_hash, FIELD_STR, 0),
	FIELD(struct change_row, branch, FIELD_STR, 0),
	FIELD(struct change_row, tag, FIELD_STR, 0),
	FIELD(struct change_row, is_fork, FIELD_BOOL, 0),
	FIELD(struct change_row, event, FIELD_STR, 0),
	FIELD(struct change_row, actor, FIELD_STR, 0),
	FIELD_END,
};

const struct field gitops_target_fields[] = {
	FIELD(struct target_row, id, FIELD_I64, 0),
	FIELD(struct target_row, name, FIELD_STR, 0),
	FIELD(struct target_row, default_branch, FIELD_STR, 0),
	FIELD(struct target_row, is_granted, FIELD_BOOL, 0),
	FIELD(struct target_row, refs, FIELD_STRS, 0),
	FIELD(struct target_row, files, FIELD_STRS, 0),
	FIELD_END,
};

static struct change *change_of(struct flow *flow)
{
	return (struct change *)flow;
}

static struct server *server_of(const struct change *change)
{
	return change->gitops->server;
}

static enum flow_next end_change(struct flow *flow);

/* Trying again would not help: the step fails with this sentence. */
static enum flow_next give_up(struct change *change, const struct err *err)
{
	struct str name = change->target.name.n ? change->target.name : change->spec.repo;
	change->answer.problem = name.n ? arena_printf(&change->flow.arena, "%.*s: %s", STR_ARG(name), err->text)
					: arena_str(&change->flow.arena, str_of(err->text));
	flow_jump(&change->flow, end_change);
	return FLOW_CONTINUE;
}

/* --- taking it in hand --- */

static enum flow_next claim(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_GITOPS_CLAIM, DB_I64(change->job), DB_I64(change->attempt), DB_I64(change->step),
		DB_I64(change->token), DB_TEXT(str_of(change->owner)), DB_I64(CLAIM_MS));
	db_add(batch, QUERY_GITOPS_LOAD, DB_I64(change->job), DB_I64(change->attempt), DB_I64(change->step),
		DB_I64(change->token), DB_TEXT(str_of(change->owner)));
	return db_await(flow, batch);
}

static enum flow_next read_claim(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct change_row *row = &change->row;
	if (db_row_count(db_reply_of(flow), 1) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "attempt %lld of job %lld is over or another worker's",
			(long long)change->attempt, (long long)change->job);
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 1, 0, gitops_change_row_fields, row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	if (row->is_over) {
		bool ok =
			fields_read_loose(gitops_answer_fields, row->answer, &change->answer, &flow->arena, &flow->err);
		/* Its texts are the document's. */
		flow_hold(flow, NULL, NULL);
		return ok ? FLOW_DONE : FLOW_FAIL;
	}
	change->is_in_hand = row->is_mine;
	change->is_pending = !row->is_mine;
	return row->is_mine ? FLOW_CONTINUE : FLOW_DONE;
}

/* --- what is to be changed --- */

static enum flow_next take_plan(struct flow *flow);

static enum flow_next load_plan(struct flow *flow)
{
	struct change *change = change_of(flow);
	change->plan = plan_cache_get(server_of(change)->plans, change->row.plan_hash);
	if (change->plan)
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	run_store_load_plan(batch, change->row.plan_hash);
	flow_jump(flow, take_plan);
	return db_await(flow, batch);
}

static enum flow_next load_context(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_CLAIM_CONTEXT, DB_I64S(&change->row.run, 1));
	db_add(batch, QUERY_CLAIM_SERVICES, DB_I64S(&change->row.run, 1));
	return db_await(flow, batch);
}

static enum flow_next build_spec(struct flow *flow)
{
	struct change *change = change_of(flow);
	const struct change_row *row = &change->row;
	struct job_context context = {0};
	void *finished, *services;
	struct err err = {0};
	if (!db_read_rows(db_reply_of(flow), 0, finished_job_fields, sizeof(struct finished_job), &finished,
		    &context.finished_count, &flow->arena, &flow->err) ||
		!db_read_rows(db_reply_of(flow), 1, service_outputs_fields, sizeof(struct service_outputs), &services,
			&context.service_count, &flow->arena, &flow->err))
		return FLOW_FAIL;
	context.services = services;
	context.finished = finished;
	struct claimed claimed = {.job = change->job,
		.attempt = (int32_t)change->attempt,
		.run = row->run,
		.key = row->key,
		.number = row->number,
		.repository = row->repository,
		.commit = row->commit};
	if (!job_spec_gitops(
		    &claimed, plan_ref_plan(change->plan), &context, change->step, &change->spec, &flow->arena, &err))
		return give_up(change, &err);
	return FLOW_CONTINUE;
}

static enum flow_next find_target(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_GITOPS_TARGET, DB_TEXT(change->spec.repo), DB_I64(change->row.source));
	return db_await(flow, batch);
}

static enum flow_next judge(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct gitops_spec *spec = &change->spec;
	struct err err = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&err, ERR_NOT_FOUND, "there is no repository of this name in Penstock");
		return give_up(change, &err);
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, gitops_target_fields, &change->target, &flow->arena, &flow->err))
		return FLOW_FAIL;
	if (!gitops_change_is_allowed(&change->row, spec, &change->target, &err))
		return give_up(change, &err);
	if (spec->branch.n == 0)
		spec->branch = change->target.default_branch;
	if (!git_branch_is_valid(spec->branch)) {
		err_set(&err, ERR_INVALID, "\"%.*s\" is no name of a branch", STR_ARG(str_head(spec->branch, 100)));
		return give_up(change, &err);
	}
	if (change->gitops->closed) {
		err_set(&flow->err, ERR_BUSY, "the server is stopping");
		return FLOW_FAIL;
	}
	change->answer.repository = change->target.name;
	change->answer.branch = spec->branch;
	change->answer.file = spec->file;
	return gitops_take_turn(change) ? FLOW_CONTINUE : FLOW_WAIT;
}

/* --- once more, until it is there --- */

static enum flow_next load_remote(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	remote_find(batch, change->target.id);
	return db_await(flow, batch);
}

static void tried_again(uv_timer_t *timer)
{
	struct change *change = timer->data;
	flow_jump(&change->flow, load_remote);
	flow_resume(&change->flow);
}

static void wait_longer(struct change *change, int tries, uint64_t first_ms, uint64_t max_ms)
{
	uint64_t most_ms = first_ms;
	for (int i = 1; i < tries && most_ms < max_ms; i++)
		most_ms *= 2;
	uint64_t half = (most_ms < max_ms ? most_ms : max_ms) / 2;
	uv_timer_start(&change->timer, tried_again, half + random_u64() % (half + 1), 0);
}

/* The repository was not reached; false when that was once too often. */
static bool bear(struct change *change, const struct err *err)
{
	bool may_pass = err->kind == ERR_UPSTREAM || err->kind == ERR_TIMEOUT || err->kind == ERR_BUSY;
	if (!may_pass || ++change->faults > FAULTS_MAX || change->gitops->closed)
		return false;
	log_warn("gitops.unreached", F("repository", change->target.name), F("err", err));
	wait_longer(change, change->faults, FAULT_DELAY_MS, FAULT_DELAY_MAX_MS);
	return true;
}

static void settle(struct change *change, const struct err *err)
{
	if (change->gitops->closed) {
		struct err stopping;
		err_set(&stopping, ERR_BUSY, "the server is stopping");
		flow_fail(&change->flow, &stopping);
		return;
	}
	give_up(change, err);
	flow_resume(&change->flow);
}

static void fetched(void *arg, const struct err *err)
{
	struct change *change = arg;
	if (!err)
		flow_resume(&change->flow);
	else if (!bear(change, err))
		settle(change, err);
}

static enum flow_next fetch(struct flow *flow)
{
	struct change *change = change_of(flow);
	struct remote remote;
	auto_arena arena = {0};
	if (!remote_read(&remote, server_of(change), db_reply_of(flow), 0, &arena, &flow->err))
		return FLOW_FAIL;
	arena_done(&change->remote_arena);
	git_remote_copy(&change->remote, &remote.git, &change->remote_arena);
	mirrors_fetch(server_of(change)->mirrors, change->target.id, &change->remote, STR(""), fetched, change);
	return FLOW_WAIT;
}

/* Pool. */
static void make_on_pool(void *arg)
{
	struct change *change = arg;
	struct arena *arena = &change->flow.arena;
	struct git_mirror *mirror;
	const struct gitops_spec *spec = &change->spec;
	struct git_edit asked = {
		.branch = spec->branch,
		.file = spec->file,
		.set = &spec->set,
		.message = spec->message.n ? spec->message : gitops_change_subject(&change->row, spec, arena),
		.trailers = gitops_change_trailers(change, arena),
		.made_at = clock_wall_us(),
		.pushed = change->row.commits,
	};
	if (!git_mirror_open(change->mirror_path, &mirror, &change->made_err))
		return;
	git_edit_make(mirror, &asked, &change->made, arena, &change->made_err);
	git_mirror_close(mirror);
}

static void made(void *arg, bool is_cancelled)
{
	struct change *change = arg;
	free(take(change->mirror_path));
	if (is_cancelled)
		err_set(&change->made_err, ERR_BUSY, "the server is stopping");
	flow_resume(&change->flow);
}

static enum flow_next make(struct flow *flow)
{
	struct change *change = change_of(flow);
	change->made = (struct git_edited){0};
	change->made_err = (struct err){0};
	change->mirror_path = mirrors_path(server_of(change)->mirrors, change->target.id);
	work_submit(server_of(change)->loop, make_on_pool, made, change);
	return FLOW_WAIT;
}

static void describe(struct change *change)
{
	const struct git_edited *done = &change->made;
	struct gitops_answer *answer = &change->answer;
	answer->commit = done->commit;
	answer->was_pushed = done->was_pushed;
	if (done->was_pushed) /* what it changed is known if it was this server's */
		return;
	answer->change_count = done->edited.count;
	answer->changes = arena_array(&change->flow.arena, struct gitops_change, done->edited.count);
	for (size_t i = 0; i < done->edited.count; i++) {
		const struct yaml_change *value = &done->edited.changes[i];
		answer->changes[i] = (struct gitops_change){value->path, value->before, value->after};
	}
}

/* The commit's id stands in the database before anybody else can see it. */
static enum flow_next note(struct flow *flow)
{
	struct change *change = change_of(flow);
	if (change->made_err.kind == ERR_SYSTEM || change->made_err.kind == ERR_BUSY) {
		flow->err = change->made_err;
		return FLOW_FAIL;
	}
	if (change->made_err.kind != ERR_NONE)
		return give_up(change, &change->made_err);
	describe(change);
	if (change->made.commit.n == 0 || change->made.was_pushed) {
		flow_jump(flow, end_change);
		return FLOW_CONTINUE;
	}
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_GITOPS_NOTE, DB_I64(change->job), DB_I64(change->attempt), DB_I64(change->step),
		DB_TEXT(str_of(change->owner)), DB_TEXT(change->made.commit));
	return db_await(flow, batch);
}

static void pushed(void *arg, enum git_push_outcome outcome, const struct err *err)
{
	struct change *change = arg;
	switch (outcome) {
	case GIT_PUSH_DONE:
		FAILPOINT("gitops.pushed");
		log_info("gitops.pushed", F("repository", change->target.name), F("branch", change->spec.branch),
			F("file", change->spec.file), F("commit", change->made.commit), F("job", change->job),
			F("pushes", (int64_t)change->answer.pushes));
		flow_resume(&change->flow);
		return;
	case GIT_PUSH_CONFLICT:
		if (change->answer.pushes < PUSHES_MAX && !change->gitops->closed)
			wait_longer(change, change->answer.pushes, PUSH_DELAY_MS, PUSH_DELAY_MAX_MS);
		else
			settle(change, err);
		return;
	case GIT_PUSH_FAILED: /* perhaps it got there: the next fetch tells */
		if (bear(change, err))
			return;
		settle(change, err);
		return;
	case GIT_PUSH_REFUSED:
		settle(change, err);
		return;
	}
}

static void remember(struct change *change)
{
	struct str_list *commits = &change->row.commits;
	struct str *items = arena_array(&change->flow.arena, struct str, commits->count + 1);
	for (size_t i = 0; i < commits->count; i++)
		items[i] = commits->items[i];
	items[commits->count] = change->made.commit;
	*commits = (struct str_list){items, commits->count + 1};
}

static enum flow_next push(struct flow *flow)
{
	struct change *change = change_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "attempt %lld of job %lld is over, cancelled or another server's",
			(long long)change->attempt, (long long)change->job);
		return FLOW_FAIL;
	}
	FAILPOINT("gitops.noted");
	remember(change);
	change->answer.pushes++;
	auto_free char *path = mirrors_path(server_of(change)->mirrors, change->target.id);
	struct git_push options = {.mirror = path,
		.remote = &change->remote,
		.branch = change->spec.branch,
		.base = change->made.base,
		.commit = change->made.commit};
	git_push(server_of(change)->loop, &options, pushed, change);
	return FLOW_WAIT;
}

static enum flow_next end_change(struct flow *flow)
{
	struct change *change = change_of(flow);
	json_t *json = fields_write(gitops_answer_fields, &change->answer);
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_GITOPS_END, DB_I64(change->job), DB_I64(change->attempt), DB_I64(change->step),
		DB_TEXT(str_of(change->owner)), DB_JSON(json));
	json_decref(json);
	return db_await(flow, batch);
}

static enum flow_next ended(struct flow *flow)
{
	struct change *change = change_of(flow);
	change->is_in_hand = false;
	if (db_row_count(db_reply_of(flow), 0)) {
		FAILPOINT("gitops.ended");
		return FLOW_DONE;
	}
	err_set(&flow->err, ERR_BUSY, "another server has taken the change in hand; ask again");
	return FLOW_FAIL;
}

/* The last is reached by a jump alone, and jumps back. */
flow_step *const gitops_change_steps[] = {claim, read_claim, load_plan, load_context, build_spec, find_target, judge,
	load_remote, fetch, make, note, push, end_change, ended, take_plan, NULL};

static enum flow_next take_plan(struct flow *flow)
{
	struct change *change = change_of(flow);
	if (!run_store_read_plan(
		    db_reply_of(flow), server_of(change)->plans, change->row.plan_hash, &change->plan, &flow->err))
		return FLOW_FAIL;
	flow_jump(flow, load_context);
	return FLOW_CONTINUE;
}

/* --- the end --- */

static void released(void *arg, struct db_reply *reply)
{
	struct change *change = arg;
	db_reply_free(reply);
	gitops_ended(change);
	free(change);
}

static void release(struct change *change)
{
	struct db_batch *batch = db_batch_new(server_of(change)->db);
	db_add(batch, QUERY_GITOPS_RELEASE, DB_I64(change->job), DB_I64(change->attempt), DB_I64(change->step),
		DB_TEXT(str_of(change->owner)));
	db_submit(batch, released, change);
}

static void answer(struct change *change)
{
	const struct err *err = &change->flow.err;
	if (err->kind != ERR_NONE)
		http_answer_err(change->exchange, err);
	else if (change->is_pending)
		http_answer_json(change->exchange, 202, json_pack("{s:s}", "state", "pending"));
	else
		http_answer_json(change->exchange, 200, fields_write(gitops_answer_fields, &change->answer));
}

static void timer_closed(uv_handle_t *handle)
{
	struct change *change = handle->data;
	bool is_in_hand = change->is_in_hand;
	plan_ref_drop(change->plan);
	arena_done(&change->remote_arena);
	flow_hold(&change->flow, NULL, NULL);
	arena_done(&change->flow.arena);
	if (is_in_hand) {
		release(change);
		return;
	}
	gitops_ended(change);
	free(change);
}

static void change_ended(struct flow *flow)
{
	struct change *change = change_of(flow);
	answer(change);
	uv_close((uv_handle_t *)&change->timer, timer_closed);
}

void gitops_change_start(struct change *asked)
{
	struct change *change = flow_new(sizeof *change, gitops_change_steps, change_ended);
	struct flow flow = change->flow;
	*change = *asked;
	change->flow = flow;
	change->next = change->gitops->changes;
	change->gitops->changes = change;
	uv_timer_init(server_of(change)->loop, &change->timer);
	change->timer.data = change;
	flow_start(&change->flow);
}

void gitops_change_stop(struct change *change)
{
	struct err err;
	if (!change->is_waiting && !uv_is_active((uv_handle_t *)&change->timer))
		return;
	err_set(&err, ERR_BUSY, "the server is stopping");
	change->is_waiting = false;
	uv_timer_stop(&change->timer);
	flow_fail(&change->flow, &err);
}
