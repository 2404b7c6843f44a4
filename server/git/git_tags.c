#include "server/git/git_tags.h"

#include "server/git/git_private.h"

#include "common/hex.h"

#include <stdlib.h>

struct found_tag {
	git_oid commit;
	struct worker_tag tag;
	bool is_within;
};

struct gathering {
	git_repository *repository;
	struct found_tag *tags;
	size_t count;
	struct arena *arena;
};

/* What an annotated tag says, as it is stored: the worker makes the same object of it. */
static struct str object_of(struct gathering *gathering, const git_oid *id)
{
	git_odb *odb = NULL;
	git_odb_object *object = NULL;
	struct str text = {0};
	if (git_repository_odb(&odb, gathering->repository) == 0 && git_odb_read(&object, odb, id) == 0)
		text = base64_encode(
			gathering->arena, (struct str){git_odb_object_data(object), git_odb_object_size(object)});
	git_odb_object_free(object);
	git_odb_free(odb);
	return text;
}

static int add_tag(const char *name, git_oid *id, void *payload)
{
	struct gathering *gathering = payload;
	struct found_tag found = {.tag.name = arena_str(gathering->arena, str_skip(str_of(name), 10))};
	git_tag *tag = NULL;
	git_object *object = NULL;
	if (gathering->count == WORKER_TAGS_MAX)
		return 0;
	if (git_tag_lookup(&tag, gathering->repository, id) == 0) {
		/* A tag of a tag is left out: describe would name the inner one. */
		if (git_tag_target_type(tag) == GIT_OBJECT_COMMIT) {
			git_oid_cpy(&found.commit, git_tag_target_id(tag));
			found.tag.object = object_of(gathering, id);
		}
	} else if (git_object_lookup(&object, gathering->repository, id, GIT_OBJECT_COMMIT) == 0) {
		git_oid_cpy(&found.commit, id);
	}
	git_tag_free(tag);
	git_object_free(object);
	if (git_oid_is_zero(&found.commit))
		return 0;
	gathering->tags = arena_grow(gathering->arena, gathering->tags, sizeof *gathering->tags, gathering->count);
	gathering->tags[gathering->count++] = found;
	return 0;
}

static int compare_commits(const void *a, const void *b)
{
	return git_oid_cmp(&((const struct found_tag *)a)->commit, &((const struct found_tag *)b)->commit);
}

static int compare_names(const void *a, const void *b)
{
	return str_compare(((const struct found_tag *)a)->tag.name, ((const struct found_tag *)b)->tag.name);
}

static size_t mark(struct gathering *gathering, const git_oid *id)
{
	size_t low = 0, high = gathering->count, marked = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (git_oid_cmp(&gathering->tags[middle].commit, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < gathering->count && git_oid_equal(&gathering->tags[low].commit, id); low++, marked++)
		gathering->tags[low].is_within = true;
	return marked;
}

static bool walk(struct gathering *gathering, const git_oid *from, struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid id;
	if (git_revwalk_new(&walk, gathering->repository) != 0 || git_revwalk_push(walk, from) != 0) {
		git_revwalk_free(walk);
		return git_fail(err, "history of the commit");
	}
	for (size_t left = gathering->count; left && git_revwalk_next(&id, walk) == 0;)
		left -= mark(gathering, &id);
	git_revwalk_free(walk);
	return true;
}

bool git_tags_within(
	struct git_mirror *mirror, struct str commit, struct worker_tags *ret, struct arena *arena, struct err *err)
{
	struct gathering gathering = {.repository = (git_repository *)(void *)mirror, .arena = arena};
	struct worker_tags made = {0};
	git_oid from;
	if (git_oid_fromstrn(&from, commit.p, commit.n) != 0)
		return err_set(err, ERR_INVALID, "\"%.*s\" is no commit", STR_ARG(commit));
	if (git_tag_foreach(gathering.repository, add_tag, &gathering) != 0)
		return git_fail(err, "tags");
	if (gathering.count) {
		qsort(gathering.tags, gathering.count, sizeof *gathering.tags, compare_commits);
		if (!walk(&gathering, &from, err))
			return false;
		qsort(gathering.tags, gathering.count, sizeof *gathering.tags, compare_names);
	}
	made.tags = arena_array(arena, struct worker_tag, gathering.count);
	for (size_t i = 0; i < gathering.count; i++) {
		char id[GIT_OID_HEXSZ + 1];
		if (!gathering.tags[i].is_within)
			continue;
		made.tags[made.tag_count] = gathering.tags[i].tag;
		made.tags[made.tag_count++].commit =
			arena_str(arena, str_of(git_oid_tostr(id, sizeof id, &gathering.tags[i].commit)));
	}
	*ret = made;
	return true;
}
