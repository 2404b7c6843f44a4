#ifndef SERVER_STORE_RUN_STORE_H
#define SERVER_STORE_RUN_STORE_H

/*
 * Runs between rows and the engine: loading a graph, writing what the engine marked, and making new runs. Each function
 * adds statements to a batch, or reads the reply of the batch that its partner made; nothing is sent here.
 */

#include "server/engine/engine.h"
#include "server/engine/lane.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"

/* --- one run --- */

enum { RUN_STORE_STATEMENTS = 9 };
void run_store_load(struct db_batch *batch, int64_t run); /* adds so many */

struct run_loaded {
	struct run_graph graph; /* without its plan: set it, then graph_link() */
	struct str plan_hash;   /* "": a run without a plan, over from its start */
	struct attempt_end *ends;
	size_t end_count;
	bool is_torn; /* somebody wrote it while it was read: good to be shown, not to be decided on */
};

/* `first`: index of the first of them in the reply. ERR_NOT_FOUND when there is no such run. Everything lives in
 * `arena`; the reply may go. */
bool run_store_read(const struct db_reply *reply, size_t first, int64_t now_us, struct run_loaded *ret,
	struct arena *arena, struct err *err);

/* A graph that somebody kept, a smaller batch of its own: whether it is still the run, its lane, the attempts that
 * ended since and the jobs they are of. ERR_CONFLICT: it is not; load it again. */
void run_store_refresh(struct db_batch *batch, int64_t run);
bool run_store_read_again(const struct db_reply *reply, int64_t now_us, struct run_loaded *loaded, struct err *err);

/* A batch of one statement; the plan is put into the cache and held by the caller. */
void run_store_load_plan(struct db_batch *batch, struct str hash);

bool run_store_read_plan(const struct db_reply *reply, struct plan_cache *cache, struct str hash, struct plan_ref **ret,
	struct err *err);

/* Guarded by the run's version and every row's loaded state: ERR_CONFLICT when any is stale. */
void run_store_save(struct db_batch *batch, const struct run_graph *graph, const struct effects *effects);

/* --- a new run --- */

struct run_new {
	int64_t repository;
	struct str pipeline;
	int64_t trigger;  /* 0: none */
	int64_t rerun_of; /* 0: none */
	struct str event, ref, branch, tag, commit, before, title, author, actor;
	struct str_list authors; /* mail addresses of who wrote the change */
	int64_t account;         /* 0: none */
	const struct pair_list *inputs;
	const struct plan *plan;             /* NULL: the file was broken; the run is failed from its start */
	const json_t *errors;                /* NULL: none */
	struct str reason;                   /* of the failure */
	int64_t pull_request;                /* its number; 0: none */
	struct str head_commit, base_commit; /* of it; `commit` is their merge */
	bool is_fork;
	bool is_rollback;
	int64_t configuration; /* the version that it was planned by */
};

/* Adds label sets, plan and run; answers with run_store_read_created() on the LAST of the statements it added, whose
 * index is returned. A plan with refusals makes a failed run whose reason is the first of them. */
size_t run_store_create(struct db_batch *batch, size_t first_statement, const struct run_new *run, struct arena *arena);

struct run_created {
	int64_t id;
	int64_t number;
	int64_t jobs;
	int64_t lane; /* that it asked for; 0 */
};
bool run_store_read_created(const struct db_reply *reply, size_t statement, struct run_created *ret, struct err *err);

/* --- a stage that is planned again --- */

struct run_replan {
	int64_t run, version; /* as decided on */
	int64_t stage;
	size_t index; /* of the stage in the run and in its plan */
	int64_t configuration;
	const struct plan *plan; /* of the run from now on; NULL: it stays as it is */
	struct str replanned;    /* what is different about what people were asked; "": nothing */
	struct str refused;      /* why the stage may not be entered any more; "" */
};

/* Guarded by the run's version. Jobs and waves of the stage become those of the plan. */
void run_store_replan(struct db_batch *batch, const struct run_replan *replan, struct arena *arena);

/* --- a lane --- */

void lane_store_load(struct db_batch *batch, int64_t lane);
bool lane_store_read(const struct db_reply *reply, struct lane *ret, struct arena *arena, struct err *err);
void lane_store_save(struct db_batch *batch, const struct lane *lane, struct arena *arena);

#endif
