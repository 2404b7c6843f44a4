/* How commits are related that a delivery asks about, and who wrote them: looked up in the mirror, once, and kept as
 * rows. */
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/git/git_ancestry.h"
#include "server/git/git_authors.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/shell/shell.h"

#include <stdlib.h>

struct comparison {
	struct flow flow;
	struct ingest *ingest;
	int64_t run, repository;
	char *mirror_path;
	struct str *newer, *older, *by_patch, *contained; /* of each pair */
	size_t count;
	struct str commit; /* of the run */
	struct graph_change *changes;
	size_t change_count;
	struct err err;
};

/* What lies between two commits that are not both here counts as nobody's: there is the change itself, whose authors
 * the run knows. */
static void find_authors(struct comparison *comparison, struct git_mirror *mirror)
{
	for (size_t i = 0; i < comparison->change_count; i++) {
		struct graph_change *change = &comparison->changes[i];
		struct err err = {0};
		if (!git_authors_between(mirror, change->base, comparison->commit, &change->authors,
			    &comparison->flow.arena, &err) &&
			err.kind != ERR_NOT_FOUND)
			comparison->err = err;
	}
}

static void compare_on_pool(void *arg)
{
	struct comparison *comparison = arg;
	struct git_mirror *mirror = NULL;
	bool is_open = git_mirror_open(comparison->mirror_path, &mirror, &comparison->err);
	for (size_t i = 0; i < comparison->count; i++) {
		bool is_contained = false;
		if (is_open)
			git_contains(mirror, comparison->newer[i], comparison->older[i],
				str_is(comparison->by_patch[i], "t"), &is_contained, &comparison->err);
		comparison->contained[i] = is_contained ? STR("t") : STR("f");
	}
	if (is_open)
		find_authors(comparison, mirror);
	git_mirror_close(mirror);
}

static void compared(void *arg, bool is_cancelled)
{
	struct comparison *comparison = arg;
	struct err stopping = {0};
	err_set(&stopping, ERR_BUSY, "the server is stopping");
	/* A mirror that cannot be read holds nobody up for ever: what it cannot tell counts as not contained. */
	if (comparison->err.kind != ERR_NONE)
		log_error("ingest.compare", F("run", comparison->run), F("err", &comparison->err));
	if (is_cancelled)
		flow_fail(&comparison->flow, &stopping);
	else
		flow_resume(&comparison->flow);
}

static enum flow_next compare(struct flow *flow)
{
	struct comparison *comparison = (struct comparison *)flow;
	work_submit(comparison->ingest->server->loop, compare_on_pool, compared, comparison);
	return FLOW_WAIT;
}

static enum flow_next save(struct flow *flow)
{
	struct comparison *comparison = (struct comparison *)flow;
	size_t n = comparison->count;
	struct db_batch *batch = db_batch_new(comparison->ingest->server->db);
	db_add(batch, QUERY_COMMIT_RELATIONS_SAVE, DB_I64(comparison->repository), DB_TEXTS(comparison->newer, n),
		DB_TEXTS(comparison->older, n), DB_TEXTS(comparison->by_patch, n), DB_TEXTS(comparison->contained, n));
	for (size_t i = 0; i < comparison->change_count; i++) {
		const struct graph_change *change = &comparison->changes[i];
		db_add(batch, QUERY_COMMIT_AUTHORS_SAVE, DB_I64(comparison->repository), DB_TEXT(comparison->commit),
			DB_TEXT(change->base), DB_TEXTS(change->authors.items, change->authors.count));
	}
	return db_await(flow, batch);
}

static flow_step *const steps[] = {compare, save, NULL};

static void ended(struct flow *flow)
{
	struct comparison *comparison = (struct comparison *)flow;
	struct ingest *ingest = comparison->ingest;
	bool is_saved = flow->err.kind == ERR_NONE;
	id_map_remove(&ingest->comparisons, comparison->run);
	if (is_saved)
		shell_look(ingest->server->shell, comparison->run);
	free(comparison->mirror_path);
	flow_free(flow);
	ingest_ended(ingest);
}

void ingest_compare(struct ingest *ingest, const struct run_graph *graph)
{
	const struct graph_facts *facts = &graph->facts;
	if (ingest->closed || id_map_get(&ingest->comparisons, graph->id))
		return;
	struct comparison *comparison = flow_new(sizeof *comparison, steps, ended);
	struct arena *arena = &comparison->flow.arena;
	comparison->ingest = ingest;
	comparison->run = graph->id;
	comparison->repository = graph->repository;
	comparison->mirror_path = mirrors_path(ingest->server->mirrors, graph->repository);
	comparison->newer = arena_array(arena, struct str, facts->relation_count);
	comparison->older = arena_array(arena, struct str, facts->relation_count);
	comparison->by_patch = arena_array(arena, struct str, facts->relation_count);
	comparison->contained = arena_array(arena, struct str, facts->relation_count);
	for (size_t i = 0; i < facts->relation_count; i++) {
		const struct graph_relation *relation = &facts->relations[i];
		if (relation->holds.n)
			continue;
		size_t n = comparison->count++;
		comparison->newer[n] = arena_str(arena, relation->newer);
		comparison->older[n] = arena_str(arena, relation->older);
		comparison->by_patch[n] = relation->by_patch ? STR("t") : STR("f");
	}
	comparison->commit = arena_str(arena, graph->commit);
	comparison->changes = arena_array(arena, struct graph_change, facts->change_count);
	for (size_t i = 0; i < facts->change_count; i++)
		if (!facts->changes[i].is_known)
			comparison->changes[comparison->change_count++] =
				(struct graph_change){.base = arena_str(arena, facts->changes[i].base)};
	id_map_put(&ingest->comparisons, graph->id, comparison);
	ingest->active++;
	flow_start(&comparison->flow);
}
