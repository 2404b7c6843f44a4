/*
 * GitLab. docs.gitlab.com: "Webhooks" (secret tokens; signing tokens, since 19), "Webhook events", "Commits API: set
 * commit pipeline status". A signing token is "whsec_" and the base64 of the key; the signature is that of
 * standardwebhooks.com. webhook-id and webhook-timestamp come with every delivery, webhook-signature only when a
 * signing token is set.
 */
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/ingest/forge.h"

#include <string.h>

enum { WINDOW_S = 300, KEY_BYTES = 32, SIGNATURES_MAX = 8 };

static const struct str secret_prefix = {"whsec_", 6};

/* --- signatures --- */

static struct str secret(struct arena *arena)
{
	char bytes[KEY_BYTES];
	random_bytes(bytes, sizeof bytes);
	return arena_printf(arena, "whsec_%.*s", STR_ARG(base64_encode(arena, (struct str){bytes, sizeof bytes})));
}

static struct str key_of(struct str secret, struct arena *arena)
{
	struct str key;
	if (str_starts(secret, secret_prefix) && base64_decode(arena, str_skip(secret, secret_prefix.n), &key))
		return key;
	return secret;
}

/* "v1,BASE64 v1,BASE64": one that fits is enough. */
static bool has_signature(struct str list, struct str expected)
{
	struct str one;
	bool is_there = false;
	for (int i = 0; i < SIGNATURES_MAX && str_cut(&list, ' ', &one); i++)
		is_there |= str_starts(one, STR("v1,")) && digest_equal(str_skip(one, 3), expected);
	return is_there;
}

static bool is_in_time(struct str timestamp, int64_t now_us)
{
	int64_t at;
	if (!str_to_i64(timestamp, &at))
		return false;
	int64_t now = now_us / 1000000;
	return at >= now - WINDOW_S && at <= now + WINDOW_S;
}

static struct str signature_of(const struct forge_delivery *delivery, struct str id, struct str timestamp,
	struct str secret, struct arena *arena)
{
	uint8_t mac[DIGEST_BYTES];
	struct str head = arena_printf(arena, "%.*s.%.*s.", STR_ARG(id), STR_ARG(timestamp));
	char *signed_text = arena_alloc(arena, head.n + delivery->body.n + 1);
	memcpy(signed_text, head.p, head.n);
	if (delivery->body.n)
		memcpy(signed_text + head.n, delivery->body.p, delivery->body.n);
	digest_hmac(key_of(secret, arena), (struct str){signed_text, head.n + delivery->body.n}, mac);
	return base64_encode(arena, (struct str){(const char *)mac, sizeof mac});
}

/* Not the lengths either: what is compared are digests. */
static bool is_token(struct str given, struct str secret)
{
	uint8_t a[DIGEST_BYTES], b[DIGEST_BYTES];
	digest_of(given, a);
	digest_of(secret, b);
	return given.n &&
	       digest_equal((struct str){(const char *)a, sizeof a}, (struct str){(const char *)b, sizeof b});
}

static enum forge_trust verify(const struct forge_delivery *delivery, struct str secret, struct arena *arena)
{
	struct str id = {0}, timestamp = {0}, signature = {0}, token = {0};
	delivery->header(delivery->arg, "webhook-id", &id);
	delivery->header(delivery->arg, "webhook-timestamp", &timestamp);
	struct str expected = signature_of(delivery, id, timestamp, secret, arena);
	if (!delivery->header(delivery->arg, "webhook-signature", &signature)) {
		delivery->header(delivery->arg, "X-Gitlab-Token", &token);
		return is_token(token, secret) ? FORGE_SIGNED : FORGE_UNSIGNED;
	}
	/* A signature that does not fit is not rescued by a token beside it. */
	if (id.n == 0 || !has_signature(signature, expected))
		return FORGE_UNSIGNED;
	return is_in_time(timestamp, delivery->now_us) ? FORGE_SIGNED : FORGE_STALE;
}

static bool id(const struct forge_delivery *delivery, struct str *ret)
{
	return delivery->header(delivery->arg, "webhook-id", ret) ||
	       delivery->header(delivery->arg, "Idempotency-Key", ret) ||
	       delivery->header(delivery->arg, "X-Gitlab-Event-UUID", ret);
}

/* --- events --- */

static bool read_push(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	ret->actor = forge_text(body, "user_username");
	if (ret->actor.n == 0)
		ret->actor = forge_text(body, "user_name");
	if (forge_at(body, "push_options.ci.skip")) {
		ret->options.items = arena_new(arena, struct str);
		ret->options.items[ret->options.count++] = STR("ci.skip");
	}
	return forge_read_push(body, ret, arena, err);
}

/* An update that brings commits has oldrev; labels, reviewers and the like come as updates too. */
static bool read_action(const json_t *body, struct str action, enum forge_pull_action *ret)
{
	if (str_is(action, "open"))
		*ret = PULL_OPENED;
	else if (str_is(action, "reopen"))
		*ret = PULL_REOPENED;
	else if (str_is(action, "update") &&
		 (forge_text(body, "object_attributes.oldrev").n || forge_at(body, "changes.target_branch")))
		*ret = PULL_UPDATED;
	else if (str_is(action, "close"))
		*ret = PULL_CLOSED;
	else if (str_is(action, "merge"))
		*ret = PULL_MERGED;
	else if (str_is(action, "approved") || str_is(action, "approval"))
		*ret = PULL_APPROVED;
	else if (str_is(action, "unapproved") || str_is(action, "unapproval"))
		*ret = PULL_UNAPPROVED;
	else
		return false;
	return true;
}

static bool read_merge_request(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	const json_t *merge = json_object_get(body, "object_attributes");
	struct str action = forge_text(merge, "action");
	struct forge_event read = {.kind = FORGE_PULL_REQUEST, .actor = forge_text(body, "user.username")};
	if (!read_action(body, action, &read.pull.action))
		return forge_ignore(ret, arena_printf(arena, "a merge request's action \"%.*s\" starts nothing",
						 STR_ARG(forge_word(action, arena))));
	int64_t source = forge_number(merge, "source_project_id"), target = forge_number(merge, "target_project_id");
	read.pull.number = forge_number(merge, "iid");
	read.pull.title = forge_text(merge, "title");
	/* Only the event of opening it says who did. */
	read.pull.author = read.pull.action == PULL_OPENED ? read.actor : (struct str){0};
	read.pull.base = forge_text(merge, "target_branch");
	read.pull.head = forge_text(merge, "source_branch");
	if (read.pull.action == PULL_APPROVED)
		read.pull.reviewed = forge_text(merge, "last_commit.id");
	read.pull.is_fork = source == 0 || source != target;
	*ret = read;
	return forge_check_pull(ret, err);
}

static bool read(struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	if (str_is(event, "Push Hook") || str_is(event, "Tag Push Hook"))
		return read_push(body, ret, arena, err);
	if (str_is(event, "Merge Request Hook"))
		return read_merge_request(body, ret, arena, err);
	return forge_ignore_event(ret, event, STR(""), arena);
}

/* --- what it is asked and told --- */

static struct str api_url(struct str scheme, struct str host, struct arena *arena)
{
	return arena_printf(arena, "%.*s://%.*s/api/v4", STR_ARG(scheme), STR_ARG(host));
}

static const char *state_of(struct str state)
{
	if (str_is(state, "succeeded") || str_is(state, "skipped"))
		return "success";
	if (str_is(state, "failed"))
		return "failed";
	if (str_is(state, "running"))
		return "running";
	if (str_is(state, "pending") || str_is(state, "waiting"))
		return "pending";
	return "canceled";
}

/* "group/sub/name" as one segment of a path. */
static struct str quote(struct str project, struct arena *arena)
{
	struct str text = {0}, rest = project, part;
	while (str_cut(&rest, '/', &part))
		text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), text.n ? "%2F" : "", STR_ARG(part));
	return text;
}

static void status(struct str api_url, struct str token, const struct forge_status *status, struct forge_call *ret,
	struct arena *arena)
{
	ret->url = arena_printf(arena, "%.*s/projects/%.*s/statuses/%.*s", STR_ARG(api_url),
		STR_ARG(quote(status->project, arena)), STR_ARG(status->commit));
	pair_set(&ret->headers, arena, STR("PRIVATE-TOKEN"), token);
	ret->body = json_pack("{s:s, s:o, s:o}", "state", state_of(status->state), "name", json_of_str(status->context),
		"description", json_of_str(status->description));
	if (status->branch.n)
		json_object_set_new(ret->body, "ref", json_of_str(status->branch));
	if (status->url.n)
		json_object_set_new(ret->body, "target_url", json_of_str(status->url));
}

static void list(struct str api_url, struct str token, struct str project, struct forge_call *ret, struct arena *arena)
{
	ret->url = arena_printf(arena, "%.*s/projects/%.*s/merge_requests?state=opened&order_by=updated_at&per_page=%d",
		STR_ARG(api_url), STR_ARG(quote(project, arena)), FORGE_LIST_MAX);
	pair_set(&ret->headers, arena, STR("PRIVATE-TOKEN"), token);
}

static void read_listed(const json_t *merge, struct forge_listed *ret)
{
	int64_t source = forge_number(merge, "source_project_id"), target = forge_number(merge, "target_project_id");
	ret->pull = (struct forge_pull){
		.number = forge_number(merge, "iid"),
		.title = forge_text(merge, "title"),
		.author = forge_text(merge, "author.username"),
		.base = forge_text(merge, "target_branch"),
		.head = forge_text(merge, "source_branch"),
		.is_fork = source == 0 || source != target,
	};
	ret->commit = forge_text(merge, "sha");
	ret->created_at = forge_text(merge, "created_at");
}

const struct forge forge_gitlab = {
	.name = "gitlab",
	.event = "X-Gitlab-Event",
	.pulls = "refs/merge-requests/",
	.user = "oauth2",
	.secret = secret,
	.verify = verify,
	.id = id,
	.read = read,
	.api_url = api_url,
	.status = status,
	.list = list,
	.read_listed = read_listed,
};
