/*
 * GitHub and GitHub Enterprise Server. docs.github.com: "Validating webhook deliveries", "Webhook events and payloads",
 * "REST API endpoints for commit statuses".
 */
#include "common/json.h"
#include "server/ingest/forge.h"
#include "server/ingest/github_shape.h"

static enum forge_trust verify(const struct forge_delivery *delivery, struct str secret, struct arena *arena)
{
	(void)arena;
	return forge_has_hmac(delivery, "X-Hub-Signature-256", "sha256=", secret) ? FORGE_SIGNED : FORGE_UNSIGNED;
}

static bool id(const struct forge_delivery *delivery, struct str *ret)
{
	return delivery->header(delivery->arg, "X-GitHub-Delivery", ret);
}

/* --- events --- */

static bool read_push(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	ret->actor = forge_text(body, "sender.login");
	if (ret->actor.n == 0)
		ret->actor = forge_text(body, "pusher.name");
	return forge_read_push(body, ret, arena, err);
}

/* False: what was done to the pull request changes nothing that is run. */
static bool read_action(const json_t *body, struct str action, enum forge_pull_action *ret)
{
	if (str_is(action, "opened"))
		*ret = PULL_OPENED;
	else if (str_is(action, "reopened"))
		*ret = PULL_REOPENED;
	else if (str_is(action, "synchronize"))
		*ret = PULL_UPDATED;
	else if (str_is(action, "edited") && forge_at(body, "changes.base"))
		*ret = PULL_UPDATED;
	else if (str_is(action, "closed"))
		*ret = json_is_true(forge_at(body, "pull_request.merged")) ? PULL_MERGED : PULL_CLOSED;
	else if (str_is(action, "submitted") && str_is(forge_text(body, "review.state"), "approved"))
		*ret = PULL_APPROVED;
	else if (str_is(action, "dismissed") ||
		 (str_is(action, "submitted") && str_is(forge_text(body, "review.state"), "changes_requested")))
		*ret = PULL_UNAPPROVED;
	else
		return false;
	return true;
}

static bool read_pull(
	struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	struct str action = forge_text(body, "action");
	struct forge_event read = {.kind = FORGE_PULL_REQUEST, .actor = forge_text(body, "sender.login")};
	if (!read_action(body, action, &read.pull.action))
		return forge_ignore_event(ret, event, action, arena);
	github_shape_read_pull(json_object_get(body, "pull_request"), &read.pull);
	if (read.pull.action == PULL_APPROVED)
		read.pull.reviewed = forge_text(body, "review.commit_id");
	/* Anybody who maintains the repository may dismiss it; it is its author's all the same. */
	if (read.pull.action == PULL_UNAPPROVED)
		read.actor = forge_text(body, "review.user.login");
	*ret = read;
	return forge_check_pull(ret, err);
}

static bool read(struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	if (str_is(event, "push"))
		return read_push(body, ret, arena, err);
	if (str_is(event, "pull_request") || str_is(event, "pull_request_review"))
		return read_pull(event, body, ret, arena, err);
	if (str_is(event, "ping"))
		return forge_ignore(ret, STR("ping: the webhook is set up"));
	if (str_is(event, "create") || str_is(event, "delete"))
		return forge_ignore(ret, STR("the \"push\" event tells of it"));
	return forge_ignore_event(ret, event, STR(""), arena);
}

/* --- what it is asked and told --- */

static struct str api_url(struct str scheme, struct str host, struct arena *arena)
{
	if (str_is(host, "github.com"))
		return STR("https://api.github.com");
	return arena_printf(arena, "%.*s://%.*s/api/v3", STR_ARG(scheme), STR_ARG(host));
}

static void ask_as(struct forge_call *ret, struct str token, struct arena *arena)
{
	pair_set(&ret->headers, arena, STR("Authorization"), arena_printf(arena, "Bearer %.*s", STR_ARG(token)));
	pair_set(&ret->headers, arena, STR("Accept"), STR("application/vnd.github+json"));
	pair_set(&ret->headers, arena, STR("X-GitHub-Api-Version"), STR("2022-11-28"));
}

static void status(struct str api_url, struct str token, const struct forge_status *status, struct forge_call *ret,
	struct arena *arena)
{
	github_shape_status(api_url, status, ret, arena);
	ask_as(ret, token, arena);
}

static void list(struct str api_url, struct str token, struct str project, struct forge_call *ret, struct arena *arena)
{
	github_shape_list(api_url, project, "sort=updated&direction=desc&per_page", ret, arena);
	ask_as(ret, token, arena);
}

static void reviews(struct str api_url, struct str token, struct str project, int64_t number, int page,
	struct forge_call *ret, struct arena *arena)
{
	github_shape_reviews(api_url, project, number, "per_page", page, ret, arena);
	ask_as(ret, token, arena);
}

const struct forge forge_github = {
	.name = "github",
	.event = "X-GitHub-Event",
	.pulls = "refs/pull/",
	.user = "x-access-token",
	.has_unique_bodies = true,
	.secret = forge_random_secret,
	.verify = verify,
	.id = id,
	.read = read,
	.api_url = api_url,
	.status = status,
	.list = list,
	.read_listed = github_shape_read_listed,
	.reviews = reviews,
	.read_review = github_shape_read_review,
};
