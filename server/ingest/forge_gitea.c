/*
 * Gitea and Forgejo. docs.gitea.com and forgejo.org: "Webhooks", "API usage". Both send the signature under several
 * names; the first that is there counts, a bad one is not rescued by another.
 */
#include "common/json.h"
#include "server/ingest/forge.h"
#include "server/ingest/github_shape.h"

static enum forge_trust verify(const struct forge_delivery *delivery, struct str secret, struct arena *arena)
{
	(void)arena;
	static const struct {
		const char *header, *prefix;
	} signatures[] = {{"X-Forgejo-Signature", ""}, {"X-Gitea-Signature", ""}, {"X-Hub-Signature-256", "sha256="}};
	enum { LAST = sizeof signatures / sizeof signatures[0] - 1 };
	struct str given;
	size_t i = 0;
	while (i < LAST && !delivery->header(delivery->arg, signatures[i].header, &given))
		i++;
	bool is_signed = forge_has_hmac(delivery, signatures[i].header, signatures[i].prefix, secret);
	return is_signed ? FORGE_SIGNED : FORGE_UNSIGNED;
}

static bool id(const struct forge_delivery *delivery, struct str *ret)
{
	return delivery->header(delivery->arg, "X-Gitea-Delivery", ret) ||
	       delivery->header(delivery->arg, "X-Forgejo-Delivery", ret);
}

/* --- events --- */

static struct str actor_of(const json_t *body)
{
	struct str login = forge_text(body, "sender.login");
	return login.n ? login : forge_text(body, "pusher.login");
}

/* The deletion of a branch comes as this event alone. Its commit is not told, nor needed. */
static bool read_delete(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	struct str name = forge_text(body, "ref"), type = forge_text(body, "ref_type");
	bool is_tag = str_is(type, "tag");
	if (name.n == 0 || name.n > 1000 || (!is_tag && !str_is(type, "branch")))
		return err_set(err, ERR_INVALID, "\"ref\" and \"ref_type\" name no branch and no tag");
	ret->kind = FORGE_PUSH;
	ret->actor = actor_of(body);
	ret->updates = arena_new(arena, struct ref_update);
	ret->updates[ret->update_count++] = (struct ref_update){
		.ref = str_starts(name, STR("refs/"))
			       ? name
			       : arena_printf(arena, "refs/%s/%.*s", is_tag ? "tags" : "heads", STR_ARG(name)),
		.before = STR(""),
		.after = STR(""),
	};
	return true;
}

static bool read_action(const json_t *body, struct str event, struct str action, enum forge_pull_action *ret)
{
	if (str_is(event, "pull_request_approved") ||
		(str_is(action, "reviewed") && str_is(forge_text(body, "review.type"), "pull_request_review_approved")))
		*ret = PULL_APPROVED;
	else if (str_is(event, "pull_request_rejected") ||
		 (str_is(action, "reviewed") &&
			 str_is(forge_text(body, "review.type"), "pull_request_review_rejected")))
		*ret = PULL_UNAPPROVED;
	else if (str_is(action, "opened"))
		*ret = PULL_OPENED;
	else if (str_is(action, "reopened"))
		*ret = PULL_REOPENED;
	else if (str_is(action, "synchronized"))
		*ret = PULL_UPDATED;
	else if (str_is(action, "edited") && forge_at(body, "changes.ref"))
		*ret = PULL_UPDATED;
	else if (str_is(action, "closed"))
		*ret = json_is_true(forge_at(body, "pull_request.merged")) ? PULL_MERGED : PULL_CLOSED;
	else
		return false;
	return true;
}

static bool read_pull(
	struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	struct str action = forge_text(body, "action");
	struct forge_event read = {.kind = FORGE_PULL_REQUEST, .actor = actor_of(body)};
	if (!read_action(body, event, action, &read.pull.action))
		return forge_ignore_event(ret, event, action, arena);
	github_shape_read_pull(json_object_get(body, "pull_request"), &read.pull);
	/* Which commit was reviewed is not told: the head may be newer. */
	*ret = read;
	return forge_check_pull(ret, err);
}

static bool read(struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	if (str_is(event, "push")) {
		ret->actor = actor_of(body);
		return forge_read_push(body, ret, arena, err);
	}
	if (str_is(event, "delete"))
		return read_delete(body, ret, arena, err);
	if (str_is(event, "pull_request") || str_is(event, "pull_request_approved") ||
		str_is(event, "pull_request_rejected"))
		return read_pull(event, body, ret, arena, err);
	if (str_is(event, "create"))
		return forge_ignore(ret, STR("the \"push\" event tells of it"));
	return forge_ignore_event(ret, event, STR(""), arena);
}

/* --- what it is asked and told --- */

static struct str api_url(struct str scheme, struct str host, struct arena *arena)
{
	return arena_printf(arena, "%.*s://%.*s/api/v1", STR_ARG(scheme), STR_ARG(host));
}

static void status(struct str api_url, struct str token, const struct forge_status *status, struct forge_call *ret,
	struct arena *arena)
{
	github_shape_status(api_url, status, ret, arena);
	pair_set(&ret->headers, arena, STR("Authorization"), arena_printf(arena, "token %.*s", STR_ARG(token)));
}

static void list(struct str api_url, struct str token, struct str project, struct forge_call *ret, struct arena *arena)
{
	github_shape_list(api_url, project, "sort=recentupdate&limit", ret, arena);
	pair_set(&ret->headers, arena, STR("Authorization"), arena_printf(arena, "token %.*s", STR_ARG(token)));
}

static void reviews(struct str api_url, struct str token, struct str project, int64_t number, int page,
	struct forge_call *ret, struct arena *arena)
{
	github_shape_reviews(api_url, project, number, "limit", page, ret, arena);
	pair_set(&ret->headers, arena, STR("Authorization"), arena_printf(arena, "token %.*s", STR_ARG(token)));
}

const struct forge forge_gitea = {
	.name = "gitea",
	.event = "X-Gitea-Event",
	.pulls = "refs/pull/",
	.user = "penstock",
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
