#include "server/ingest/github_shape.h"

#include "common/json.h"

/* A head whose repository is gone is a fork's: nobody can say that it is ours. */
static bool is_fork(const json_t *pull)
{
	int64_t head = forge_number(pull, "head.repo.id"), base = forge_number(pull, "base.repo.id");
	return head == 0 || head != base;
}

void github_shape_read_pull(const json_t *pull, struct forge_pull *ret)
{
	ret->number = forge_number(pull, "number");
	ret->title = forge_text(pull, "title");
	ret->author = forge_text(pull, "user.login");
	ret->base = forge_text(pull, "base.ref");
	ret->head = forge_text(pull, "head.ref");
	ret->is_fork = is_fork(pull);
}

static const char *state_of(struct str state)
{
	if (str_is(state, "succeeded") || str_is(state, "skipped"))
		return "success";
	if (str_is(state, "failed"))
		return "failure";
	if (str_is(state, "pending") || str_is(state, "running") || str_is(state, "waiting"))
		return "pending";
	return "error"; /* cancelled, superseded, rolled back */
}

void github_shape_status(
	struct str api_url, const struct forge_status *status, struct forge_call *ret, struct arena *arena)
{
	ret->url = arena_printf(arena, "%.*s/repos/%.*s/statuses/%.*s", STR_ARG(api_url), STR_ARG(status->project),
		STR_ARG(status->commit));
	ret->body = json_pack("{s:s, s:o, s:o}", "state", state_of(status->state), "context",
		json_of_str(status->context), "description", json_of_str(status->description));
	if (status->url.n)
		json_object_set_new(ret->body, "target_url", json_of_str(status->url));
}

void github_shape_list(
	struct str api_url, struct str project, const char *query, struct forge_call *ret, struct arena *arena)
{
	ret->url = arena_printf(arena, "%.*s/repos/%.*s/pulls?state=open&%s=%d", STR_ARG(api_url), STR_ARG(project),
		query, FORGE_LIST_MAX);
}

void github_shape_read_listed(const json_t *pull, struct forge_listed *ret)
{
	github_shape_read_pull(pull, &ret->pull);
	ret->commit = forge_text(pull, "head.sha");
	ret->created_at = forge_text(pull, "created_at");
}

void github_shape_reviews(struct str api_url, struct str project, int64_t number, const char *query, int page,
	struct forge_call *ret, struct arena *arena)
{
	ret->url = arena_printf(arena, "%.*s/repos/%.*s/pulls/%lld/reviews?%s=50&page=%d", STR_ARG(api_url),
		STR_ARG(project), (long long)number, query, page);
}

/* GitHub changes the state of one that is dismissed, Gitea says so beside it. */
void github_shape_read_review(const json_t *review, struct forge_review *ret)
{
	struct str state = forge_text(review, "state");
	ret->login = forge_text(review, "user.login");
	ret->commit = forge_text(review, "commit_id");
	if (str_is(state, "APPROVED") && !json_is_true(json_object_get(review, "dismissed")))
		ret->verdict = FORGE_REVIEW_APPROVES;
	else if (str_is(state, "APPROVED") || str_is(state, "DISMISSED") || str_is(state, "CHANGES_REQUESTED") ||
		 str_is(state, "REQUEST_CHANGES"))
		ret->verdict = FORGE_REVIEW_DOES_NOT;
}
