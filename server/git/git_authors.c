#include "server/git/git_authors.h"

#include "server/git/git_private.h"

#include <string.h>
#include <strings.h>

static void add(struct str_list *authors, const char *mail, struct arena *arena)
{
	struct str text = git_text(mail, arena);
	if (text.n && text.n <= GIT_MAIL_BYTES_MAX && authors->count < GIT_AUTHORS_MAX && !str_list_has(authors, text))
		str_list_add(authors, arena, text);
}

/* "Ann Example <ann@example.org>" */
static void add_named(struct str_list *authors, const char *value, struct arena *arena)
{
	const char *open = strrchr(value, '<'), *close = open ? strchr(open, '>') : NULL;
	if (close)
		add(authors, arena_str(arena, (struct str){open + 1, (size_t)(close - open - 1)}).p, arena);
}

static bool add_commit(
	git_repository *repository, const git_oid *id, struct str_list *authors, struct arena *arena, struct err *err)
{
	git_commit *commit;
	git_message_trailer_array trailers = {0};
	if (git_commit_lookup(&commit, repository, id) != 0)
		return git_fail(err, "read a commit");
	const git_signature *author = git_commit_author(commit);
	const char *message = git_commit_message(commit);
	add(authors, author ? author->email : NULL, arena);
	if (message && git_message_trailers(&trailers, message) == 0)
		for (size_t i = 0; i < trailers.count; i++)
			if (strcasecmp(trailers.trailers[i].key, "Co-authored-by") == 0)
				add_named(authors, trailers.trailers[i].value, arena);
	git_message_trailer_array_free(&trailers);
	git_commit_free(commit);
	return true;
}

/* Takes the walk. */
static bool add_walked(
	git_repository *repository, git_revwalk *walk, struct str_list *authors, struct arena *arena, struct err *err)
{
	git_oid id;
	bool ok = true;
	git_revwalk_sorting(walk, GIT_SORT_TIME);
	for (size_t n = 0; ok && n < GIT_AUTHORS_COMMITS_MAX && git_revwalk_next(&id, walk) == 0; n++)
		ok = add_commit(repository, &id, authors, arena, err);
	git_revwalk_free(walk);
	return ok;
}

bool git_authors_of_change(struct git_mirror *mirror, const struct git_change *change, struct str_list *ret,
	struct arena *arena, struct err *err)
{
	git_repository *repository = (git_repository *)(void *)mirror;
	struct str_list authors = {0};
	git_revwalk *walk;
	git_oid id;
	bool is_bounded;
	if (!git_find_commit(repository, change->commit, &id, err) ||
		!add_commit(repository, &id, &authors, arena, err) ||
		!git_change_walk(mirror, change, &walk, &is_bounded, err) ||
		!add_walked(repository, walk, &authors, arena, err))
		return false;
	*ret = authors;
	return true;
}

bool git_authors_between(struct git_mirror *mirror, struct str from, struct str to, struct str_list *ret,
	struct arena *arena, struct err *err)
{
	git_repository *repository = (git_repository *)(void *)mirror;
	struct str_list authors = {0};
	git_revwalk *walk = NULL;
	git_oid first, last;
	if (!git_find_commit(repository, to, &last, err) || !git_find_commit(repository, from, &first, err))
		return false;
	if (git_revwalk_new(&walk, repository) != 0 || git_revwalk_push(walk, &last) != 0 ||
		git_revwalk_hide(walk, &first) != 0) {
		git_revwalk_free(walk);
		return git_fail(err, "look for the commits since what is live");
	}
	if (!add_walked(repository, walk, &authors, arena, err))
		return false;
	*ret = authors;
	return true;
}
