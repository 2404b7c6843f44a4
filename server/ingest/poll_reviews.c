/* Reviews as the forge lists them. Webhooks tell of some of them only: Gitea and Forgejo do not say which commit was
 * approved, nor that a review was dismissed. */
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/ingest/forge_api.h"

enum { PULLS_MAX = 20, PAGES_MAX = 40 };

/* Who said something that counts, and what it was at last. */
struct verdict {
	struct str login, commit;
	bool is_approval;
};

struct reviews_flow {
	struct flow flow;
	struct ingest *ingest;
	struct forge_api api;
	int64_t only; /* one pull request's; 0: of all with open gates */
	int64_t *numbers;
	size_t count, at, page;
	int64_t asked_at_us;
	struct verdict *verdicts;
	size_t verdict_count, verdict_room;
	struct ingest_found found;
	ingest_looked *looked;
	void *arg;
};

static struct reviews_flow *reviews_of(struct flow *flow)
{
	return (struct reviews_flow *)flow;
}

static enum flow_next find(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	struct db_batch *batch = db_batch_new(reviews->ingest->server->db);
	remote_find(batch, reviews->api.repository);
	db_add(batch, QUERY_REVIEWS_WANTED, DB_I64(reviews->api.repository), DB_I64(PULLS_MAX));
	return db_await(flow, batch);
}

static bool fail_unasked(struct reviews_flow *reviews, struct err *err)
{
	reviews->api.is_asked = true; /* as far as it goes: it stands on the repository */
	return err_set(err, ERR_UPSTREAM,
		"pull request #%lld was reviewed, and only the forge's API says of which commit: approvals count once "
		"`penstock repo credential set %.*s --forge-token-file FILE` has given a token",
		(long long)reviews->only, STR_ARG(reviews->api.remote.name));
}

static enum flow_next choose(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	struct arena *arena = &reviews->api.arena;
	if (!forge_api_read(&reviews->api, reply, 0, &flow->err))
		return FLOW_FAIL;
	if (!reviews->api.forge && reviews->only && reviews->api.remote.name.n)
		return fail_unasked(reviews, &flow->err) ? FLOW_DONE : FLOW_FAIL;
	if (!reviews->api.forge || !reviews->api.forge->reviews)
		return FLOW_DONE;
	reviews->count = reviews->only ? 1 : db_row_count(reply, 1);
	reviews->numbers = arena_array(arena, int64_t, reviews->count);
	for (size_t i = 0; i < reviews->count; i++)
		reviews->numbers[i] = reviews->only ? reviews->only : db_i64(reply, 1, i, 0);
	return FLOW_CONTINUE;
}

static enum flow_next ask(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	const struct forge_api *api = &reviews->api;
	struct forge_call call = {0};
	if (reviews->at == reviews->count)
		return FLOW_DONE;
	if (reviews->page == 0) {
		reviews->asked_at_us = clock_mono_us();
		reviews->verdict_count = 0;
	}
	api->forge->reviews(api->remote.api_url, api->remote.git.token, api->remote.project,
		reviews->numbers[reviews->at], (int)++reviews->page, &call, &flow->arena);
	return forge_api_get(&reviews->api, &call, "reviews");
}

/* --- what it says --- */

static struct verdict *verdict_of(struct reviews_flow *reviews, struct str login)
{
	struct arena *arena = &reviews->api.arena;
	for (size_t i = 0; i < reviews->verdict_count; i++)
		if (str_eq(reviews->verdicts[i].login, login))
			return &reviews->verdicts[i];
	if (reviews->verdict_count == reviews->verdict_room) {
		struct verdict *old = reviews->verdicts;
		reviews->verdict_room = reviews->verdict_room ? 2 * reviews->verdict_room : 16;
		reviews->verdicts = arena_array(arena, struct verdict, reviews->verdict_room);
		for (size_t i = 0; i < reviews->verdict_count; i++)
			reviews->verdicts[i] = old[i];
	}
	struct verdict *verdict = &reviews->verdicts[reviews->verdict_count++];
	*verdict = (struct verdict){.login = arena_str(arena, login)};
	return verdict;
}

static enum flow_next store(struct flow *flow);

/* Oldest first: what somebody said last is what they say. A comment takes nothing back. */
static enum flow_next read_page(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	struct forge_api *api = &reviews->api;
	size_t count = json_array_size(api->answer);
	for (size_t i = 0; i < count; i++) {
		struct forge_review review = {0};
		api->forge->read_review(json_array_get(api->answer, i), &review);
		if (review.verdict == FORGE_REVIEW_SAYS_NOTHING || review.login.n == 0)
			continue;
		struct verdict *verdict = verdict_of(reviews, review.login);
		verdict->is_approval = review.verdict == FORGE_REVIEW_APPROVES;
		verdict->commit = arena_str(&api->arena, review.commit);
	}
	if (api->has_more && reviews->page == PAGES_MAX) {
		err_set(&flow->err, ERR_UPSTREAM, "pull request #%lld has more than %d pages of reviews",
			(long long)reviews->numbers[reviews->at], PAGES_MAX);
		return FLOW_FAIL;
	}
	flow_jump(flow, api->has_more ? ask : store);
	return FLOW_CONTINUE;
}

static enum flow_next store(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	struct arena *arena = &flow->arena;
	size_t n = 0;
	struct str *logins = arena_array(arena, struct str, reviews->verdict_count),
		   *commits = arena_array(arena, struct str, reviews->verdict_count);
	for (size_t i = 0; i < reviews->verdict_count; i++) {
		if (!reviews->verdicts[i].is_approval)
			continue;
		logins[n] = reviews->verdicts[i].login;
		commits[n++] = reviews->verdicts[i].commit;
	}
	struct db_batch *batch = db_batch_new(reviews->ingest->server->db);
	db_add(batch, QUERY_REVIEWS_ASKED, DB_I64(reviews->api.repository), DB_I64(reviews->numbers[reviews->at]),
		DB_TEXTS(logins, n), DB_TEXTS(commits, n), DB_I64(clock_mono_us() - reviews->asked_at_us));
	return db_await(flow, batch);
}

static enum flow_next next(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	reviews->at++;
	reviews->page = 0;
	flow_jump(flow, ask);
	return FLOW_CONTINUE;
}

static flow_step *const steps[] = {find, choose, ask, read_page, store, next, NULL};

static void reviews_ended(struct flow *flow)
{
	struct reviews_flow *reviews = reviews_of(flow);
	struct ingest *ingest = reviews->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	if (err && err->kind != ERR_BUSY)
		log_warn("ingest.poll_reviews", F("repository", reviews->api.repository), F("err", err));
	if (reviews->api.is_asked && err && err->kind != ERR_BUSY)
		forge_api_note(&reviews->api, err);
	if (reviews->at)
		ingest_look_at_reviews(ingest);
	reviews->found.problem = err ? str_of(err->text) : STR("");
	if (reviews->looked)
		reviews->looked(reviews->arg, &reviews->found, NULL);
	forge_api_done(&reviews->api);
	flow_free(flow);
	ingest_ended(ingest);
}

void ingest_ask_reviews(struct ingest *ingest, int64_t repository, int64_t pull_request,
	const struct ingest_found *found, ingest_looked *looked, void *arg)
{
	struct reviews_flow *reviews = flow_new(sizeof *reviews, steps, reviews_ended);
	reviews->ingest = ingest;
	reviews->api.flow = &reviews->flow;
	reviews->api.ingest = ingest;
	reviews->api.repository = repository;
	reviews->only = pull_request;
	reviews->found = *found;
	reviews->looked = looked;
	reviews->arg = arg;
	ingest->active++;
	flow_start(&reviews->flow);
}
