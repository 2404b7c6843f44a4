/* The table of forges, and what their files share. */
#include "server/ingest/forge.h"

#include "common/digest.h"
#include "common/hex.h"
#include "common/random.h"

#include <string.h>

enum { REF_BYTES_MAX = 1024, WORD_BYTES_MAX = 40 };

static const char *const event_kind_names[] = {"push", "pull_request", "ignored", NULL};
const char *const forge_pull_action_names[] = {
	"opened", "updated", "reopened", "closed", "merged", "approved", "unapproved", NULL};

static const struct field update_fields[] = {
	FIELD(struct ref_update, ref, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct ref_update, before, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct ref_update, after, FIELD_STR, FIELD_REQUIRED),
	FIELD_END,
};

static const struct field pull_fields[] = {
	FIELD(struct forge_pull, number, FIELD_I64, 0),
	FIELD_ENUM(struct forge_pull, action, forge_pull_action_names, 0),
	FIELD(struct forge_pull, title, FIELD_STR, 0),
	FIELD(struct forge_pull, author, FIELD_STR, 0),
	FIELD(struct forge_pull, base, FIELD_STR, 0),
	FIELD(struct forge_pull, head, FIELD_STR, 0),
	FIELD(struct forge_pull, reviewed, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct forge_pull, is_fork, FIELD_BOOL, 0),
	FIELD_END,
};

/* How deliveries are stored. A push without a kind was stored by an older version. */
const struct field forge_event_fields[] = {
	FIELD_ENUM(struct forge_event, kind, event_kind_names, 0),
	FIELD_AS(struct forge_event, actor, "pusher", FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct forge_event, updates, update_count, struct ref_update, update_fields, FIELD_OMIT_EMPTY),
	FIELD(struct forge_event, options, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct forge_event, pull, FIELD_OBJECT, pull_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct forge *forge_of(struct str name)
{
	static const struct forge *const forges[] = {&forge_git, &forge_github, &forge_gitlab, &forge_gitea};
	for (size_t i = 0; i < sizeof forges / sizeof forges[0]; i++)
		if (str_is(name, forges[i]->name))
			return forges[i];
	return NULL;
}

struct str forge_pull_ref(const struct forge *forge, int64_t number, struct arena *arena)
{
	return arena_printf(arena, "%s%lld/head", forge->pulls, (long long)number);
}

struct str forge_random_secret(struct arena *arena)
{
	return random_token(arena, "phs");
}

struct str forge_advice(int status, struct str repository, struct str project, struct arena *arena)
{
	switch (status) {
	case 401:
		return arena_printf(arena,
			"its token is not good any more; `penstock repo credential set %.*s --forge-token-file FILE` takes "
			"a new one",
			STR_ARG(repository));
	case 403:
		return STR("its token may not do that (docs/forges.md)");
	case 301:
	case 302:
	case 307:
	case 308:
	case 404:
		return arena_printf(arena,
			"\"%.*s\" is not there for its token; was it renamed? `penstock repo set %.*s --clone-url URL`",
			STR_ARG(project), STR_ARG(repository));
	}
	return status >= 500 ? STR("it is asked again") : STR("");
}

/* --- reading bodies --- */

const json_t *forge_at(const json_t *body, const char *path)
{
	struct str rest = str_of(path), part;
	while (body && str_cut(&rest, '.', &part)) {
		char name[64];
		if (part.n >= sizeof name)
			return NULL;
		memcpy(name, part.p, part.n);
		name[part.n] = 0;
		body = json_object_get(body, name);
	}
	return body;
}

struct str forge_text(const json_t *body, const char *path)
{
	const json_t *value = forge_at(body, path);
	return (struct str){json_string_value(value), json_string_length(value)};
}

int64_t forge_number(const json_t *body, const char *path)
{
	return json_integer_value(forge_at(body, path));
}

bool forge_ignore(struct forge_event *ret, struct str reason)
{
	*ret = (struct forge_event){.kind = FORGE_IGNORED, .reason = reason};
	return true;
}

bool forge_ignore_event(struct forge_event *ret, struct str event, struct str action, struct arena *arena)
{
	struct str done = forge_word(action, arena);
	return forge_ignore(
		ret, arena_printf(arena,
			     action.n ? "\"%.*s\" with action \"%.*s\" starts nothing" : "\"%.*s\"%.*s starts nothing",
			     STR_ARG(forge_word(event, arena)), STR_ARG(done)));
}

struct str forge_word(struct str text, struct arena *arena)
{
	struct str word = arena_str(arena, str_head(text, WORD_BYTES_MAX));
	char *p = (char *)(uintptr_t)word.p;
	for (size_t i = 0; i < word.n; i++)
		if (p[i] < ' ' || p[i] > '~')
			p[i] = '?';
	return word;
}

static bool is_commit(struct str text)
{
	return (text.n == 40 || text.n == 64) && str_has_only(text, "0123456789abcdef");
}

bool forge_check_update(const struct ref_update *update, struct err *err)
{
	if (update->ref.n == 0 || update->ref.n > REF_BYTES_MAX)
		return err_set(err, ERR_INVALID, "\"ref\" is no ref of at most %d bytes", REF_BYTES_MAX);
	if (!is_commit(update->before) || !is_commit(update->after))
		return err_set(err, ERR_INVALID, "\"before\" and \"after\" are no commit ids");
	return true;
}

bool forge_read_push(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	struct ref_update update = {forge_text(body, "ref"), forge_text(body, "before"), forge_text(body, "after")};
	if (!forge_check_update(&update, err))
		return false;
	ret->kind = FORGE_PUSH;
	ret->updates = arena_new(arena, struct ref_update);
	ret->updates[0] = update;
	ret->update_count = 1;
	return true;
}

static bool is_branch(struct str name)
{
	return name.n > 0 && name.n <= REF_BYTES_MAX;
}

bool forge_check_pull(const struct forge_event *event, struct err *err)
{
	const struct forge_pull *pull = &event->pull;
	if (pull->number <= 0)
		return err_set(err, ERR_INVALID, "the pull request has no number");
	if (!is_branch(pull->base) || !is_branch(pull->head))
		return err_set(err, ERR_INVALID, "pull request %lld lacks its branches", (long long)pull->number);
	return true;
}

/* --- signatures --- */

bool forge_has_hmac(const struct forge_delivery *delivery, const char *header, const char *prefix, struct str secret)
{
	struct str text = {0};
	uint8_t given[DIGEST_BYTES] = {0}, expected[DIGEST_BYTES];
	bool has_form = delivery->header(delivery->arg, header, &text) && str_starts(text, str_of(prefix)) &&
			hex_decode_to(str_skip(text, strlen(prefix)), given, sizeof given);
	digest_hmac(secret, delivery->body, expected);
	bool is_equal = digest_equal(
		(struct str){(const char *)expected, sizeof expected}, (struct str){(const char *)given, sizeof given});
	return has_form && is_equal;
}
