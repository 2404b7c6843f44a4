/* Polls find pushes whose webhook was lost; a new repository's refs are taken as they are. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/remote.h"

/* A difference that a poll sees first waits so long for its webhook, which knows who pushed and with which options. */
#define POLL_PATIENCE_US (10 * US_PER_SECOND)

enum { CONFLICTS_MAX = 5 };

struct poll_flow {
	struct flow flow;
	struct ingest *ingest;
	int64_t repository;
	struct arena row_arena;
	struct mirror_state mirror;
	struct str default_branch; /* as the repository says when it is asked */
	struct str gone_branch;    /* what it was before, and is not there any more */
	bool is_by_hand;           /* a person waits, and means now */
	struct ingest_found found;
	ingest_looked *looked;
	int conflicts;
	void (*adopted)(void *arg, const struct err *err);
	void *arg;
};

static struct poll_flow *poll_of(struct flow *flow)
{
	return (struct poll_flow *)flow;
}

static enum flow_next fetch(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	return ingest_fetch(flow, poll->ingest->server, poll->repository, STR(""));
}

static enum flow_next read_refs(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	return ingest_read_refs(flow, poll->ingest->server, poll->repository, STR(""), &poll->mirror);
}

static enum flow_next load_known(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct db_batch *batch = db_batch_new(poll->ingest->server->db);
	db_add(batch, QUERY_REFS_LOAD, DB_I64(poll->repository));
	remote_find(batch, poll->repository);
	return db_await(flow, batch);
}

static bool has_branch(const struct pair_list *refs, struct str branch, struct arena *arena)
{
	return pair_get(refs, arena_printf(arena, "refs/heads/%.*s", STR_ARG(branch))).n != 0;
}

static void head_renewed(void *arg, struct str branch, const struct err *err)
{
	struct poll_flow *poll = arg;
	if (!err && has_branch(&poll->mirror.refs, branch, &poll->row_arena))
		poll->default_branch = arena_str(&poll->row_arena, branch);
	flow_resume(&poll->flow);
}

/* A default branch that was renamed or deleted would leave schedules, alarms and runs by hand without a file. */
static enum flow_next renew_head(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct server *server = poll->ingest->server;
	const struct pair_list *refs = &poll->mirror.refs;
	struct remote remote;
	poll->default_branch = poll->gone_branch = STR("");
	if (!remote_read(&remote, server, db_reply_of(flow), 1, &flow->arena, &flow->err))
		return FLOW_FAIL;
	if (remote.default_branch.n == 0 || refs->count == 0 || has_branch(refs, remote.default_branch, &flow->arena))
		return FLOW_CONTINUE;
	poll->gone_branch = arena_str(&poll->row_arena, remote.default_branch);
	log_info("repository.default_branch_gone", F("repository", remote.name), F("branch", remote.default_branch));
	mirrors_default_branch(server->mirrors, &remote.git, head_renewed, poll);
	return FLOW_WAIT;
}

struct known_ref {
	struct str name, commit, polled_commit;
	int64_t polled_at;
};

static const struct field known_ref_fields[] = {
	FIELD(struct known_ref, name, FIELD_STR, 0),
	FIELD(struct known_ref, commit, FIELD_STR, 0),
	FIELD(struct known_ref, polled_commit, FIELD_STR, 0),
	FIELD(struct known_ref, polled_at, FIELD_TIME, 0),
	FIELD_END,
};

/* Refs that differ from what was triggered: those that have waited long enough become triggers, the others are noted.
 */
struct differences {
	struct pair_list known; /* name: commit */
	const struct known_ref *rows;
	size_t row_count;
	struct str *names, *commits; /* to note */
	size_t count;
};

static bool has_waited(const struct differences *differences, struct str name, struct str commit, int64_t now_us)
{
	for (size_t i = 0; i < differences->row_count; i++) {
		const struct known_ref *row = &differences->rows[i];
		if (str_eq(row->name, name))
			return str_eq(row->polled_commit, commit) && row->polled_at &&
			       row->polled_at + POLL_PATIENCE_US <= now_us;
	}
	return false;
}

static void judge_ref(
	struct poll_flow *poll, struct differences *differences, const struct pair *ref, struct db_batch *batch)
{
	struct str known = pair_get(&differences->known, ref->name);
	if (str_eq(known, ref->value))
		return;
	if (!poll->is_by_hand && !has_waited(differences, ref->name, ref->value, clock_wall_us())) {
		differences->names[differences->count] = ref->name;
		differences->commits[differences->count++] = ref->value;
		return;
	}
	struct update_facts facts = {
		.repository = poll->repository,
		.actor = STR("poll"),
		.known = &differences->known,
		.mirror = &poll->mirror.refs,
	};
	struct ref_update update = {ref->name, known, ref->value};
	ingest_add_update(batch, &facts, &update);
	poll->found.updates++;
}

/* What is gone: the same branch, pushed once more, is news then. A repository that has nothing at all any more is more
 * likely broken than emptied. */
static void judge_missing(struct poll_flow *poll, struct differences *differences, struct db_batch *batch)
{
	for (size_t i = 0; i < differences->row_count && poll->mirror.refs.count; i++) {
		const struct known_ref *row = &differences->rows[i];
		struct pair ref = {row->name, STR("")};
		if (row->commit.n && !pair_get(&poll->mirror.refs, row->name).n)
			judge_ref(poll, differences, &ref, batch);
	}
}

static enum flow_next compare(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct arena *arena = &flow->arena;
	const struct pair_list *refs = &poll->mirror.refs;
	struct differences differences = {0};
	void *rows;
	if (!db_read_rows(db_reply_of(flow), 0, known_ref_fields, sizeof(struct known_ref), &rows,
		    &differences.row_count, arena, &flow->err))
		return FLOW_FAIL;
	differences.rows = rows;
	differences.names = arena_array(arena, struct str, refs->count + differences.row_count);
	differences.commits = arena_array(arena, struct str, refs->count + differences.row_count);
	poll->found = (struct ingest_found){0};
	for (size_t i = 0; i < differences.row_count; i++)
		pair_set(&differences.known, arena, differences.rows[i].name, differences.rows[i].commit);
	struct db_batch *batch = db_batch_new(poll->ingest->server->db);
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(poll->repository), DB_TEXT(STR("")),
		DB_TEXT(poll->default_branch.n ? poll->default_branch : ref_guess_default(refs)),
		DB_TEXT(str_or_empty(poll->gone_branch)));
	for (size_t i = 0; i < refs->count; i++)
		judge_ref(poll, &differences, &refs->items[i], batch);
	judge_missing(poll, &differences, batch);
	if (differences.count)
		db_add(batch, QUERY_REFS_POLLED, DB_I64(poll->repository),
			DB_TEXTS(differences.names, differences.count),
			DB_TEXTS(differences.commits, differences.count));
	return db_await(flow, batch);
}

static void head_told(void *arg, struct str branch, const struct err *err)
{
	struct poll_flow *poll = arg;
	if (err) {
		flow_fail(&poll->flow, err);
		return;
	}
	poll->default_branch = arena_str(&poll->row_arena, branch);
	flow_resume(&poll->flow);
}

static enum flow_next find_remote(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct db_batch *batch = db_batch_new(poll->ingest->server->db);
	remote_find(batch, poll->repository);
	return db_await(flow, batch);
}

static enum flow_next ask_head(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct server *server = poll->ingest->server;
	struct remote remote;
	if (!remote_read(&remote, server, db_reply_of(flow), 0, &flow->arena, &flow->err))
		return FLOW_FAIL;
	mirrors_default_branch(server->mirrors, &remote.git, head_told, poll);
	return FLOW_WAIT;
}

static enum flow_next adopt(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	const struct pair_list *refs = &poll->mirror.refs;
	struct str *names = arena_array(&flow->arena, struct str, refs->count),
		   *commits = arena_array(&flow->arena, struct str, refs->count);
	for (size_t i = 0; i < refs->count; i++) {
		names[i] = refs->items[i].name;
		commits[i] = refs->items[i].value;
	}
	struct db_batch *batch = db_batch_new(poll->ingest->server->db);
	db_add(batch, QUERY_REFS_ADOPT, DB_I64(poll->repository), DB_TEXTS(names, refs->count),
		DB_TEXTS(commits, refs->count));
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(poll->repository), DB_TEXT(STR("")),
		DB_TEXT(poll->default_branch), DB_TEXT(STR("")));
	return db_await(flow, batch);
}

static flow_step *const poll_steps[] = {fetch, read_refs, load_known, renew_head, compare, NULL};
static flow_step *const adopt_steps[] = {find_remote, ask_head, fetch, read_refs, adopt, NULL};

static void noted(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	ingest_ended(arg);
}

static void note_problem(struct poll_flow *poll, const struct err *err)
{
	struct ingest *ingest = poll->ingest;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	log_warn("ingest.poll", F("repository", poll->repository), F("err", err));
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(poll->repository), DB_TEXT(str_of(err->text)), DB_TEXT(STR("")),
		DB_TEXT(STR("")));
	ingest->active++;
	db_submit(batch, noted, ingest);
}

/* Refs first: what pull requests are made of is there when they are asked for. */
static void polled(struct poll_flow *poll, const struct err *err)
{
	struct ingest *ingest = poll->ingest;
	if (!err) {
		FAILPOINT("poll.compared");
		ingest_tick(ingest);
		ingest_poll_pulls(ingest, poll->repository, &poll->found, poll->looked, poll->arg);
	} else if (poll->looked)
		poll->looked(poll->arg, &poll->found, err);
}

static void poll_ended(struct flow *flow)
{
	struct poll_flow *poll = poll_of(flow);
	struct ingest *ingest = poll->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	if (err && err->kind == ERR_CONFLICT && poll->is_by_hand && ++poll->conflicts < CONFLICTS_MAX) {
		flow_restart(flow);
		return;
	}
	if (err && err->kind != ERR_CONFLICT)
		note_problem(poll, err);
	if (poll->adopted)
		poll->adopted(poll->arg, err);
	else
		polled(poll, err);
	arena_done(&poll->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

static struct poll_flow *new_poll(struct ingest *ingest, flow_step *const *steps, int64_t repository)
{
	struct poll_flow *poll = flow_new(sizeof *poll, steps, poll_ended);
	poll->ingest = ingest;
	poll->repository = repository;
	ingest->active++;
	return poll;
}

void ingest_poll(struct ingest *ingest, int64_t repository)
{
	if (!ingest->closed)
		flow_start(&new_poll(ingest, poll_steps, repository)->flow);
}

void ingest_look(struct ingest *ingest, int64_t repository, ingest_looked *looked, void *arg)
{
	struct poll_flow *poll = new_poll(ingest, poll_steps, repository);
	poll->is_by_hand = true;
	poll->looked = looked;
	poll->arg = arg;
	flow_start(&poll->flow);
}

void ingest_adopt(struct ingest *ingest, int64_t repository, void (*done)(void *arg, const struct err *err), void *arg)
{
	struct poll_flow *poll = new_poll(ingest, adopt_steps, repository);
	poll->adopted = done;
	poll->arg = arg;
	flow_start(&poll->flow);
}
