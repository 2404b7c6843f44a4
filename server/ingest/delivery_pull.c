/* What a stored delivery says of a pull request becomes its row, and a trigger. */
#include "server/ingest/ingest_internal.h"

struct pull_row {
	int64_t version;
	struct str state, base, commit;
	bool is_fork;
	bool is_reviewer_known; /* of another query */
};

static const struct field pull_row_fields[] = {
	FIELD(struct pull_row, version, FIELD_I64, 0),
	FIELD(struct pull_row, state, FIELD_STR, 0),
	FIELD(struct pull_row, base, FIELD_STR, 0),
	FIELD(struct pull_row, commit, FIELD_STR, 0),
	FIELD(struct pull_row, is_fork, FIELD_BOOL, 0),
	FIELD_END,
};

void ingest_load_pull(struct db_batch *batch, const struct pull_delivery *delivery)
{
	db_add(batch, QUERY_PULL_LOAD, DB_I64(delivery->repository), DB_I64(delivery->pull->number));
	db_add(batch, QUERY_REVIEWER_KNOWN, DB_I64(delivery->repository), DB_TEXT(str_or_empty(delivery->actor)));
}

/* What becomes of it: the state of the row, of the trigger, and why. */
struct pull_outcome {
	const char *state, *trigger;
	struct str reason;
	struct str abandon; /* why its runs end; "": they go on */
	bool is_only_held;  /* only those that wait for a maintainer's consent */
};

static struct pull_outcome judge_change(
	const struct pull_delivery *delivery, const struct pull_row *row, struct arena *arena)
{
	const struct forge_pull *pull = delivery->pull;
	bool is_known = row->version > 0,
	     is_same = str_eq(row->commit, delivery->head) && str_eq(row->base, pull->base);
	/* Late news of a pull request that was closed meanwhile open it for nobody. */
	if (is_known && !str_is(row->state, "open") && pull->action != PULL_REOPENED)
		return (struct pull_outcome){row->state.p, "skipped", STR("the pull request is closed"), {0}, false};
	if (is_same && pull->action != PULL_REOPENED)
		return (struct pull_outcome){
			"open", "skipped", STR("this commit of the pull request was seen before"), {0}, false};
	if (is_same && str_is(row->state, "open"))
		return (struct pull_outcome){"open", "skipped", STR("the pull request is open already"), {0}, false};
	struct str why = arena_printf(arena, "pull request #%lld has a newer commit", (long long)pull->number);
	return (struct pull_outcome){"open", "pending", STR(""), why, true};
}

static struct pull_outcome judge_review(
	const struct pull_delivery *delivery, const struct pull_row *row, struct arena *arena)
{
	struct pull_outcome outcome = {row->version ? row->state.p : "open", "skipped", {0}, {0}, false};
	bool is_approval = delivery->pull->action == PULL_APPROVED;
	outcome.reason = arena_printf(arena, "%.*s %s pull request #%lld: noted", STR_ARG(delivery->actor),
		is_approval ? "approved" : "does not approve", (long long)delivery->pull->number);
	if (is_approval && !row->is_reviewer_known)
		outcome.reason = arena_printf(arena,
			"%.*s; it counts once an account here is that login (`penstock account login NAME %s %.*s`)",
			STR_ARG(outcome.reason), delivery->forge->name, STR_ARG(delivery->actor));
	return outcome;
}

static struct pull_outcome judge(const struct pull_delivery *delivery, const struct pull_row *row, struct arena *arena)
{
	const struct forge_pull *pull = delivery->pull;
	long long number = (long long)pull->number;
	switch (pull->action) {
	case PULL_OPENED:
	case PULL_UPDATED:
	case PULL_REOPENED:
		return judge_change(delivery, row, arena);
	case PULL_CLOSED:
	case PULL_MERGED: {
		bool is_merged = pull->action == PULL_MERGED;
		struct str why = arena_printf(arena, "pull request #%lld was %s by %.*s", number,
			is_merged ? "merged" : "closed", STR_ARG(delivery->actor));
		return (struct pull_outcome){is_merged ? "merged" : "closed", "skipped", why, why, false};
	}
	case PULL_APPROVED:
	case PULL_UNAPPROVED:
		break;
	}
	return judge_review(delivery, row, arena);
}

bool ingest_add_pull(struct db_batch *batch, const struct pull_delivery *delivery, const struct db_reply *reply,
	struct arena *arena, struct err *err)
{
	struct pull_row row = {0};
	const struct forge_pull *pull = delivery->pull;
	if (db_row_count(reply, 0) && !db_read_row(reply, 0, 0, pull_row_fields, &row, arena, err))
		return false;
	row.is_reviewer_known = db_bool(reply, 1, 0, 0);
	struct pull_outcome outcome = judge(delivery, &row, arena);
	bool is_triggered = str_is(str_of(outcome.trigger), "pending");
	/* A fork stays one: what came from outside does not become ours by a payload that says so. */
	bool is_fork = pull->is_fork || (row.version && row.is_fork);
	db_add(batch, QUERY_PULL_SAVE, DB_I64(delivery->repository), DB_I64(pull->number), DB_I64(row.version),
		DB_TEXT(str_of(outcome.state)), DB_TEXT(str_or_empty(pull->title)), DB_TEXT(str_or_empty(pull->author)),
		DB_TEXT(pull->base), DB_TEXT(pull->head), DB_BOOL(is_fork),
		DB_TEXT(is_triggered ? delivery->head : STR("")),
		DB_TEXT(pull->action == PULL_APPROVED ? str_or_empty(delivery->actor) : STR("")));
	db_add(batch, QUERY_TRIGGER_INSERT, DB_I64(delivery->repository), DB_I64(delivery->delivery),
		DB_TEXT(STR("pull_request")), DB_NULL, DB_TEXT(forge_pull_ref(delivery->forge, pull->number, arena)),
		DB_TEXT(STR("")), DB_TEXT(str_or_empty(delivery->head)), DB_BOOL(false),
		DB_TEXT(str_or_empty(delivery->actor)), DB_NULL, DB_TEXT(STR("{}")), DB_TEXTS(NULL, 0), DB_NULL,
		DB_TEXT(str_of(outcome.trigger)), DB_TEXT(outcome.reason), DB_I64(0), DB_I64(pull->number));
	if (pull->action == PULL_APPROVED && delivery->actor.n && pull->reviewed.n)
		db_add(batch, QUERY_REVIEW_INSERT, DB_I64(delivery->repository), DB_I64(pull->number),
			DB_TEXT(pull->reviewed), DB_TEXT(delivery->actor));
	if (pull->action == PULL_UNAPPROVED)
		db_add(batch, QUERY_REVIEW_WITHDRAW, DB_I64(delivery->repository), DB_I64(pull->number),
			DB_TEXT(str_or_empty(delivery->actor)));
	if (outcome.abandon.n)
		db_add(batch, QUERY_PULL_ABANDON, DB_I64(delivery->repository), DB_I64(pull->number),
			DB_TEXT(outcome.abandon), DB_BOOL(outcome.is_only_held));
	return true;
}
