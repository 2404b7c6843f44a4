// links: penstock_ingest penstock_git penstock_store
#include "server/git/git_remote.h"
#include "server/git/host_keys.h"
#include "server/ingest/forge.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ZEROS "0000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111"

/* --- signatures, held against those that others publish --- */

struct header {
	const char *name, *value;
};

static bool get_header(void *arg, const char *name, struct str *ret)
{
	for (const struct header *header = arg; header->name; header++) {
		if (strcasecmp(header->name, name) != 0)
			continue;
		*ret = str_of(header->value);
		return true;
	}
	return false;
}

/* docs.github.com, "Validating webhook deliveries": testing the webhook payload validation. */
#define GITHUB_SECRET "It's a Secret to Everybody"
#define GITHUB_BODY   "Hello, World!"
#define GITHUB_HEX    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
/* The example of standardwebhooks.com's libraries. */
#define WEBHOOK_SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define WEBHOOK_BODY      "{\"test\": 2432232314}"
#define WEBHOOK_ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define WEBHOOK_AT        1614265330
#define WEBHOOK_AT_TEXT   "1614265330"
#define WEBHOOK_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static const struct {
	const struct forge *forge;
	const char *secret, *body;
	int64_t now_s;
	struct header headers[5];
	enum forge_trust trust;
} signatures[] = {
	{&forge_github, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Hub-Signature-256", "sha256=" GITHUB_HEX}}, FORGE_SIGNED},
	{&forge_github, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Hub-Signature-256", GITHUB_HEX}},
		FORGE_UNSIGNED}, /* no prefix */
	{&forge_github, GITHUB_SECRET, "Hello, World?", 0, {{"X-Hub-Signature-256", "sha256=" GITHUB_HEX}},
		FORGE_UNSIGNED},
	{&forge_github, "another", GITHUB_BODY, 0, {{"X-Hub-Signature-256", "sha256=" GITHUB_HEX}}, FORGE_UNSIGNED},
	{&forge_github, GITHUB_SECRET, GITHUB_BODY, 0, {{0}}, FORGE_UNSIGNED},
	{&forge_git, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Penstock-Signature", "sha256=" GITHUB_HEX}}, FORGE_SIGNED},
	{&forge_gitea, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Gitea-Signature", GITHUB_HEX}}, FORGE_SIGNED},
	{&forge_gitea, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Forgejo-Signature", GITHUB_HEX}}, FORGE_SIGNED},
	{&forge_gitea, GITHUB_SECRET, GITHUB_BODY, 0, {{"X-Hub-Signature-256", "sha256=" GITHUB_HEX}}, FORGE_SIGNED},
	/* the first that is there counts */
	{&forge_gitea, GITHUB_SECRET, GITHUB_BODY, 0,
		{{"X-Forgejo-Signature", "00"}, {"X-Gitea-Signature", GITHUB_HEX}}, FORGE_UNSIGNED},
	{&forge_gitlab, "a token", "{}", 0, {{"X-Gitlab-Token", "a token"}}, FORGE_SIGNED},
	{&forge_gitlab, "a token", "{}", 0, {{"X-Gitlab-Token", "a token2"}}, FORGE_UNSIGNED},
	{&forge_gitlab, "", "{}", 0, {{"X-Gitlab-Token", ""}}, FORGE_UNSIGNED}, /* no secret is no token */
	/* id and time come with every delivery; without a signature the token counts */
	{&forge_gitlab, "a token", "{}", 0,
		{{"webhook-id", "1"}, {"webhook-timestamp", "1"}, {"X-Gitlab-Token", "a token"}}, FORGE_SIGNED},
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", WEBHOOK_SIGNATURE}},
		FORGE_SIGNED},
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT + 300,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", WEBHOOK_SIGNATURE}},
		FORGE_SIGNED},
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT + 301,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", WEBHOOK_SIGNATURE}},
		FORGE_STALE},
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT - 301,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", WEBHOOK_SIGNATURE}},
		FORGE_STALE},
	/* one of several fits: the sender rotates its key */
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", "v1,AAAA v2,x " WEBHOOK_SIGNATURE}},
		FORGE_SIGNED},
	/* another version's signature is none */
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
		FORGE_UNSIGNED},
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT,
		{{"webhook-id", "another"}, {"webhook-timestamp", WEBHOOK_AT_TEXT},
			{"webhook-signature", WEBHOOK_SIGNATURE}},
		FORGE_UNSIGNED},
	/* a bad signature is not rescued by a token */
	{&forge_gitlab, WEBHOOK_SECRET, WEBHOOK_BODY, WEBHOOK_AT,
		{{"webhook-id", WEBHOOK_ID}, {"webhook-timestamp", WEBHOOK_AT_TEXT}, {"webhook-signature", "v1,"},
			{"X-Gitlab-Token", WEBHOOK_SECRET}},
		FORGE_UNSIGNED},
};

START_TEST(a_signature_is_what_its_forge_says)
{
	auto_arena arena = {0};
	struct forge_delivery delivery = {get_header, (void *)(uintptr_t)signatures[_i].headers,
		str_of(signatures[_i].body), signatures[_i].now_s * 1000000};
	ck_assert_int_eq(
		signatures[_i].forge->verify(&delivery, str_of(signatures[_i].secret), &arena), signatures[_i].trust);
}
END_TEST

/* --- events that the published examples lack --- */

static const struct {
	const struct forge *forge;
	const char *event, *body;
	enum forge_event_kind kind;
	enum forge_pull_action action;
	bool is_fork;
} events[] = {
#define HUB(action, more, head)                                                                                        \
	"{\"action\": \"" action                                                                                       \
	"\", \"pull_request\": {\"number\": 7, \"base\": {\"ref\": \"main\", \"repo\": {\"id\": 1}}, "                 \
	"\"head\": {\"ref\": \"x\", \"repo\": " head "}}" more "}"
	{&forge_github, "pull_request", HUB("opened", "", "{\"id\": 1}"), FORGE_PULL_REQUEST, PULL_OPENED, false},
	{&forge_github, "pull_request", HUB("opened", "", "{\"id\": 2}"), FORGE_PULL_REQUEST, PULL_OPENED, true},
	/* a head whose repository is gone is nobody's we know */
	{&forge_github, "pull_request", HUB("opened", "", "null"), FORGE_PULL_REQUEST, PULL_OPENED, true},
	{&forge_github, "pull_request", HUB("opened", "", "{\"id\": \"1\"}"), FORGE_PULL_REQUEST, PULL_OPENED, true},
	{&forge_github, "pull_request", HUB("edited", ", \"changes\": {\"title\": {}}", "{\"id\": 1}"), FORGE_IGNORED,
		0, false},
	{&forge_github, "pull_request", HUB("edited", ", \"changes\": {\"base\": {}}", "{\"id\": 1}"),
		FORGE_PULL_REQUEST, PULL_UPDATED, false},
	{&forge_github, "pull_request_review",
		HUB("submitted", ", \"review\": {\"state\": \"approved\"}", "{\"id\": 1}"), FORGE_PULL_REQUEST,
		PULL_APPROVED, false},
	{&forge_github, "pull_request_review",
		HUB("submitted", ", \"review\": {\"state\": \"commented\"}", "{\"id\": 1}"), FORGE_IGNORED, 0, false},
	{&forge_gitea, "pull_request", HUB("edited", ", \"changes\": {\"ref\": {}}", "{\"id\": 1}"), FORGE_PULL_REQUEST,
		PULL_UPDATED, false},
	{&forge_gitea, "pull_request_rejected", HUB("reviewed", "", "{\"id\": 1}"), FORGE_PULL_REQUEST, PULL_UNAPPROVED,
		false},
#define LAB(action, more)                                                                                              \
	"{\"object_attributes\": {\"iid\": 7, \"action\": \"" action                                                   \
	"\", \"target_branch\": \"main\", \"source_branch\": \"x\", "                                                  \
	"\"source_project_id\": 1, \"target_project_id\": 1" more "}}"
	{&forge_gitlab, "Merge Request Hook", LAB("open", ""), FORGE_PULL_REQUEST, PULL_OPENED, false},
	{&forge_gitlab, "Merge Request Hook", LAB("update", ""), FORGE_IGNORED, 0, false},
	{&forge_gitlab, "Merge Request Hook", LAB("update", ", \"oldrev\": \"1\""), FORGE_PULL_REQUEST, PULL_UPDATED,
		false},
	{&forge_gitlab, "Merge Request Hook", LAB("approval", ""), FORGE_PULL_REQUEST, PULL_APPROVED, false},
	{&forge_gitlab, "Merge Request Hook", LAB("unapproved", ""), FORGE_PULL_REQUEST, PULL_UNAPPROVED, false},
	/* of a key that is there twice the reader sees the last; here it is another project */
	{&forge_gitlab, "Merge Request Hook", LAB("merge", ", \"source_project_id\": 2"), FORGE_PULL_REQUEST,
		PULL_MERGED, true},
};

START_TEST(an_event_means_the_same_from_every_forge)
{
	auto_arena arena = {0};
	struct forge_event event = {0};
	struct err err = {0};
	json_t *body = json_loads(events[_i].body, 0, NULL);
	ck_assert_ptr_nonnull(body);
	ck_assert_msg(events[_i].forge->read(str_of(events[_i].event), body, &event, &arena, &err), "%s", err.text);
	ck_assert_int_eq(event.kind, events[_i].kind);
	if (event.kind == FORGE_IGNORED)
		ck_assert_uint_gt(event.reason.n, 0);
	if (event.kind == FORGE_PULL_REQUEST) {
		ck_assert_int_eq(event.pull.number, 7);
		ck_assert_int_eq(event.pull.action, events[_i].action);
		ck_assert_int_eq(event.pull.is_fork, events[_i].is_fork);
	}
	/* What is stored reads back as it was. */
	struct forge_event again = {0};
	json_t *stored = fields_write(forge_event_fields, &event);
	if (event.kind != FORGE_IGNORED) {
		ck_assert_msg(fields_read(forge_event_fields, stored, &again, &arena, &err), "%s", err.text);
		ck_assert_int_eq(again.pull.number, event.pull.number);
		ck_assert_int_eq(again.kind, event.kind);
	}
	json_decref(stored);
	json_decref(body);
}
END_TEST

/* --- every value of every payload in the place of every other --- */

static const struct {
	const struct forge *forge;
	const char *event, *file;
} payloads[] = {
	{&forge_github, "push", "github-push.json"},
	{&forge_github, "pull_request", "github-pull.json"},
	{&forge_github, "pull_request_review", "github-pull.json"},
	{&forge_gitlab, "Push Hook", "gitlab-push.json"},
	{&forge_gitlab, "Merge Request Hook", "gitlab-merge-request.json"},
	{&forge_gitea, "push", "gitea-push.json"},
	{&forge_gitea, "delete", "gitea-push.json"},
	{&forge_gitea, "pull_request", "gitea-pull.json"},
	{&forge_gitea, "pull_request_approved", "gitea-pull.json"},
};

/* Whatever comes in: refused with a sentence, ignored with one, or something that the rest may rely on. */
static void check_read(size_t payload, const json_t *body)
{
	auto_arena arena = {0};
	struct forge_event event = {0};
	struct err err = {0};
	if (!payloads[payload].forge->read(str_of(payloads[payload].event), body, &event, &arena, &err)) {
		ck_assert_int_eq(err.kind, ERR_INVALID);
		ck_assert_uint_gt(strlen(err.text), 0);
		return;
	}
	switch (event.kind) {
	case FORGE_IGNORED:
		ck_assert_uint_gt(event.reason.n, 0);
		break;
	case FORGE_PUSH:
		ck_assert_uint_eq(event.update_count, 1);
		ck_assert_uint_gt(event.updates[0].ref.n, 0);
		ck_assert(event.updates[0].after.n == 0 || event.updates[0].after.n == 40);
		break;
	case FORGE_PULL_REQUEST:
		ck_assert_int_gt(event.pull.number, 0);
		ck_assert(event.pull.base.n && event.pull.head.n);
		break;
	}
}

/* Puts each value in the place of each value below `node`, one after the other. */
static void mutate(size_t payload, const json_t *body, json_t *node, json_t *values)
{
	const char *name;
	json_t *child;
	void *next;
	json_object_foreach_safe(node, next, name, child)
	{
		json_incref(child);
		for (size_t i = 0; i < json_array_size(values); i++) {
			json_object_set(node, name, json_array_get(values, i));
			check_read(payload, body);
		}
		json_object_set(node, name, child);
		mutate(payload, body, child, values);
		json_decref(child);
	}
}

START_TEST(no_payload_does_harm)
{
	char path[512];
	snprintf(path, sizeof path, "%s/tests/e2e/payloads/%s", SOURCE_DIR, payloads[_i].file);
	json_t *body = json_load_file(path, 0, NULL), *values = json_array();
	ck_assert_ptr_nonnull(body);
	char *text = mem_alloc(5000);
	memset(text, 'x', 4999);
	json_array_append_new(values, json_null());
	json_array_append_new(values, json_true());
	json_array_append_new(values, json_integer(-1));
	json_array_append_new(values, json_integer(INT64_MAX));
	json_array_append_new(values, json_real(1e308));
	json_array_append_new(values, json_string(""));
	json_array_append_new(values, json_string("opened"));
	json_array_append_new(values, json_string("approved"));
	json_array_append_new(values, json_string("0000000000000000000000000000000000000000"));
	json_array_append_new(values, json_string(text));
	json_array_append_new(values, json_array());
	json_array_append_new(values, json_object());
	json_array_append(values, body);
	json_t *copy = json_deep_copy(body);
	/* So that everything there is to read is read. */
	const char *commit = "0123456789012345678901234567890123456789";
	json_t *more = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:{}, s:{}}}", "before", commit, "after", commit,
		"ref_type", "branch", "review", "state", "approved", "type", "pull_request_review_approved", "changes",
		"base", "ref");
	json_object_update_missing(copy, more);
	json_object_set(copy, "before", json_object_get(more, "before"));
	json_object_set(copy, "after", json_object_get(more, "after"));
	json_decref(more);
	check_read((size_t)_i, copy);
	mutate((size_t)_i, copy, copy, values);
	json_decref(copy);
	json_decref(values);
	json_decref(body);
	free(text);
}
END_TEST

/* A notice of a plain repository: each update is held to what forges' pushes are. */
static const struct {
	const char *ref, *before, *after;
	const char *complaint; /* NULL: fine */
} notices[] = {
	{"refs/heads/main", ZEROS, ONES, NULL},
	{"refs/heads/main", "", ONES, NULL}, /* made by hand */
	{"refs/heads/main", ONES, "", NULL},
	{"", ZEROS, ONES, "no ref"},
	{"refs/heads/main", ZEROS, "HEAD~3", "no commit ids"}, /* git would resolve it */
	{"refs/heads/main", "--output=x", ONES, "no commit ids"},
	{"refs/heads/main", ZEROS, "1111111", "no commit ids"},
};

START_TEST(a_notice_names_commits)
{
	auto_arena arena = {0};
	struct forge_event event = {0};
	struct err err = {0};
	json_t *body = json_pack("{s:[{s:s, s:s, s:s}]}", "updates", "ref", notices[_i].ref, "before",
		notices[_i].before, "after", notices[_i].after);
	bool is_fine = forge_git.read(STR("push"), body, &event, &arena, &err);
	ck_assert_int_eq(is_fine, notices[_i].complaint == NULL);
	if (is_fine)
		ck_assert_uint_eq(event.updates[0].before.n + event.updates[0].after.n, 80);
	else
		ck_assert_msg(strstr(err.text, notices[_i].complaint) != NULL, "%s", err.text);
	json_decref(body);
}
END_TEST

/* --- addresses --- */

static const struct {
	const char *url;
	bool is_fine;
	enum git_scheme scheme;
	const char *host, *project;
	bool is_private; /* a token may go there */
} addresses[] = {
	{"https://example.org/octo/web.git", true, GIT_SCHEME_HTTPS, "example.org", "octo/web", true},
	{"https://example.org:8443/a/b/c/", true, GIT_SCHEME_HTTPS, "example.org:8443", "a/b/c", true},
	{"http://example.org/a", true, GIT_SCHEME_HTTP, "example.org", "a", false},
	{"http://127.0.0.1:3000/a/b", true, GIT_SCHEME_HTTP, "127.0.0.1:3000", "a/b", true},
	{"http://[::1]:3000/a/b", true, GIT_SCHEME_HTTP, "[::1]:3000", "a/b", true},
	{"http://127.0.0.1.example.org/a", true, GIT_SCHEME_HTTP, "127.0.0.1.example.org", "a", false},
	{"ssh://git@example.org:2222/octo/web.git", true, GIT_SCHEME_SSH, "example.org:2222", "octo/web", false},
	{"git@example.org:octo/web.git", true, GIT_SCHEME_SSH, "example.org", "octo/web", false},
	{"git://example.org/web", true, GIT_SCHEME_GIT, "example.org", "web", false},
	{"file:///srv/git/web.git", true, GIT_SCHEME_FILE, "", "srv/git/web", false},
	{"/srv/git/my web.git", true, GIT_SCHEME_FILE, "", "srv/git/my web", false},
	{"ext::sh -c id", false, 0, NULL, NULL, false},
	{"ext::id@host:x", false, 0, NULL, NULL, false},
	{"-oProxyCommand=id@host:x", false, 0, NULL, NULL, false},
	{"git@-oProxyCommand=id:x", false, 0, NULL, NULL, false},
	{"ssh://-oProxyCommand=id/x", false, 0, NULL, NULL, false},
	{"https://ann:secret@example.org/x", false, 0, NULL, NULL, false}, /* lists would show it */
	{"https://example.org/x\n[core]", false, 0, NULL, NULL, false},    /* it stands in git's configuration */
	{"https://exam\"ple.org/x", false, 0, NULL, NULL, false},
	{"https://example.org:0/x", false, 0, NULL, NULL, false},
	{"ftp://example.org/x", false, 0, NULL, NULL, false},
	{"file://host/x", false, 0, NULL, NULL, false},
	{"", false, 0, NULL, NULL, false},
};

START_TEST(an_address_is_taken_apart)
{
	struct git_address address;
	struct err err = {0};
	bool is_fine = git_address_read(str_of(addresses[_i].url), &address, &err);
	ck_assert_msg(is_fine == addresses[_i].is_fine, "%s: %s", addresses[_i].url, err.text);
	if (!is_fine)
		return;
	ck_assert_int_eq(address.scheme, addresses[_i].scheme);
	ck_assert_msg(str_is(address.host, addresses[_i].host), "%.*s", STR_ARG(address.host));
	struct str project = git_address_project(&address);
	ck_assert_msg(str_is(project, addresses[_i].project), "%.*s", STR_ARG(project));
	ck_assert_int_eq(git_address_is_private(&address), addresses[_i].is_private);
}
END_TEST

/* GitHub's own key, and the fingerprint that GitHub publishes for it. */
START_TEST(a_host_key_shows_its_fingerprint)
{
	auto_arena arena = {0};
	struct str_list keys;
	struct err err = {0};
	ck_assert(host_keys_read(
		STR("# comment\n\ngithub.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"),
		&keys, &arena, &err));
	ck_assert_uint_eq(keys.count, 1);
	ck_assert_msg(str_is(keys.items[0], "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"), "%.*s",
		STR_ARG(keys.items[0]));
}
END_TEST

/* As GitHub's and Gitea's references list them; what somebody said last is found by whoever reads the list. */
static const struct {
	const struct forge *forge;
	const char *json;
	enum forge_verdict verdict;
} reviews[] = {
	{&forge_github, "{\"state\": \"APPROVED\"}", FORGE_REVIEW_APPROVES},
	{&forge_github, "{\"state\": \"CHANGES_REQUESTED\"}", FORGE_REVIEW_DOES_NOT},
	{&forge_github, "{\"state\": \"DISMISSED\"}", FORGE_REVIEW_DOES_NOT},
	{&forge_github, "{\"state\": \"COMMENTED\"}", FORGE_REVIEW_SAYS_NOTHING},
	{&forge_github, "{\"state\": \"PENDING\"}", FORGE_REVIEW_SAYS_NOTHING},
	{&forge_gitea, "{\"state\": \"APPROVED\", \"dismissed\": false, \"stale\": true}", FORGE_REVIEW_APPROVES},
	{&forge_gitea, "{\"state\": \"APPROVED\", \"dismissed\": true}", FORGE_REVIEW_DOES_NOT},
	{&forge_gitea, "{\"state\": \"REQUEST_CHANGES\", \"dismissed\": false}", FORGE_REVIEW_DOES_NOT},
	{&forge_gitea, "{\"state\": \"REQUEST_REVIEW\", \"dismissed\": false}", FORGE_REVIEW_SAYS_NOTHING},
	{&forge_gitea, "{\"state\": \"COMMENT\"}", FORGE_REVIEW_SAYS_NOTHING},
	{&forge_gitea, "{\"state\": 7}", FORGE_REVIEW_SAYS_NOTHING},
	{&forge_gitea, "[]", FORGE_REVIEW_SAYS_NOTHING},
};

START_TEST(a_review_is_what_its_forge_says)
{
	struct forge_review review = {0};
	json_t *json = json_loads(reviews[_i].json, 0, NULL);
	if (json_is_object(json))
		json_object_update_new(
			json, json_pack("{s:s, s:{s:s}}", "commit_id", "c0ffee", "user", "login", "ben"));
	reviews[_i].forge->read_review(json, &review);
	ck_assert_int_eq(review.verdict, reviews[_i].verdict);
	ck_assert(!json_is_object(json) || (str_is(review.login, "ben") && str_is(review.commit, "c0ffee")));
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forge");
	TCase *cases = tcase_create("forge");
	tcase_add_loop_test(cases, a_signature_is_what_its_forge_says, 0, COUNT_OF(signatures));
	tcase_add_loop_test(cases, an_event_means_the_same_from_every_forge, 0, COUNT_OF(events));
	tcase_add_loop_test(cases, a_review_is_what_its_forge_says, 0, COUNT_OF(reviews));
	tcase_add_loop_test(cases, no_payload_does_harm, 0, COUNT_OF(payloads));
	tcase_add_loop_test(cases, a_notice_names_commits, 0, sizeof notices / sizeof notices[0]);
	tcase_add_loop_test(cases, an_address_is_taken_apart, 0, COUNT_OF(addresses));
	tcase_add_test(cases, a_host_key_shows_its_fingerprint);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
