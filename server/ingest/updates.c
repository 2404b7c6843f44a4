/* What an update of a ref becomes. */
#include "server/ingest/ingest_internal.h"

bool ref_is_none(struct str commit)
{
	for (size_t i = 0; i < commit.n; i++)
		if (commit.p[i] != '0')
			return false;
	return true;
}

struct str ref_guess_default(const struct pair_list *refs)
{
	static const struct str names[] = {{"main", 4}, {"master", 6}};
	struct str first = STR("");
	for (size_t i = 0; i < refs->count; i++) {
		if (!str_starts(refs->items[i].name, STR("refs/heads/")))
			continue;
		struct str branch = str_skip(refs->items[i].name, 11);
		for (size_t j = 0; j < 2; j++)
			if (str_eq(branch, names[j]))
				return branch;
		first = first.n ? first : branch;
	}
	return first;
}

struct judged {
	const char *state;
	struct str reason;
	bool moves_ref;
};

static struct judged judge(const struct update_facts *facts, const struct ref_update *update)
{
	struct str known = pair_get(facts->known, update->ref), now = pair_get(facts->mirror, update->ref);
	struct str after = ref_is_none(update->after) ? (struct str){0} : update->after;
	bool is_tag = str_starts(update->ref, STR("refs/tags/")),
	     is_branch = str_starts(update->ref, STR("refs/heads/"));
	if (!is_tag && !is_branch)
		return (struct judged){"skipped", STR("only branches and tags start runs"), false};
	if (str_eq(known, after))
		return (struct judged){"skipped", STR("this update was seen before"), false};
	if (after.n && now.n == 0)
		return (struct judged){"skipped", STR("the ref was deleted before it was looked at"), false};
	/* Tags come peeled from the mirror, as the commit they mean. */
	bool is_next = str_eq(known, ref_is_none(update->before) ? (struct str){0} : update->before);
	if (!is_next && !is_tag && !str_eq(now, after))
		return (struct judged){"skipped", STR("a later update of the ref was seen first"), false};
	if (after.n == 0)
		return (struct judged){
			"skipped", is_tag ? STR("the tag was deleted") : STR("the branch was deleted"), true};
	if (str_list_has(&facts->options, STR("ci.skip")))
		return (struct judged){"skipped", STR("pushed with -o ci.skip"), true};
	return (struct judged){"pending", STR(""), true};
}

void ingest_add_update(struct db_batch *batch, const struct update_facts *facts, const struct ref_update *update)
{
	struct judged judged = judge(facts, update);
	bool is_tag = str_starts(update->ref, STR("refs/tags/")), is_deleted = ref_is_none(update->after);
	struct str before = ref_is_none(update->before) ? STR("") : update->before;
	struct str after = is_deleted ? STR("") : update->after, now = pair_get(facts->mirror, update->ref);
	/* An annotated tag's own id is no commit: run what it means. */
	struct str commit = is_tag && !is_deleted && now.n ? now : after;
	db_add(batch, QUERY_TRIGGER_INSERT, DB_I64(facts->repository), DB_ID_OR_NULL(facts->delivery),
		DB_TEXT(is_tag ? STR("tag") : STR("push")), DB_NULL, DB_TEXT(update->ref), DB_TEXT(before),
		DB_TEXT(commit), DB_BOOL(is_deleted), DB_TEXT(facts->actor), DB_NULL, DB_TEXT(STR("{}")),
		DB_TEXTS(facts->options.items, facts->options.count), DB_NULL, DB_TEXT(str_of(judged.state)),
		DB_TEXT(judged.reason), DB_I64(0), DB_NULL);
	struct str known = pair_get(facts->known, update->ref);
	if (judged.moves_ref && !str_eq(known, after))
		db_add(batch, QUERY_REF_MOVE, DB_I64(facts->repository), DB_TEXT(update->ref), DB_TEXT(known),
			DB_TEXT(is_tag ? commit : after));
}
