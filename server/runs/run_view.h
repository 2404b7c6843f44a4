#ifndef SERVER_RUNS_RUN_VIEW_H
#define SERVER_RUNS_RUN_VIEW_H

/*
 * Runs as the API shows them. One batch of statements reads a run whole or what changed of it since an earlier look;
 * the JSON has the shapes of server/api/openapi.yaml. A gate is shown for the caller: whether they may decide, and why
 * not.
 */

#include "server/auth/auth.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"

struct run_summary {
	int64_t id, number, version, waiting_since, created_at, started_at, ended_at, pull_request;
	struct str repository, name, pipeline, kind, state, event, ref, branch, tag, commit, title, author, actor,
		reason, waiting_for, head_commit, base_commit;
	bool has_warnings, is_fork;
};

/* The columns of the view run_summary, in its order; JSON by fields_write(). */
extern const struct field run_summary_fields[];

/* Adds RUN_VIEW_STATEMENTS; it must stand first in its batch, or the horizon would be too late. since: a horizon, ""
 * for all. */
enum { RUN_VIEW_STATEMENTS = 14 }; /* the last one lists what changed */
void run_view_add(struct db_batch *batch, struct plan_cache *plans, int64_t run, struct str since);
/* Its plan was replaced since: what changed of it cannot be told, and a view of all is needed. */
bool run_view_is_replanned(const struct db_reply *reply);
/* What the next look gives as `since`. In the reply's memory. */
struct str run_view_horizon(const struct db_reply *reply);
/* Run; a new reference, NULL with err. */
json_t *run_view_snapshot(const struct db_reply *reply, struct plan_cache *plans, const struct caller *caller,
	struct arena *arena, struct err *err);
/* RunUpdate, perhaps with empty lists; NULL with err. */
json_t *run_view_update(const struct db_reply *reply, struct plan_cache *plans, const struct caller *caller,
	struct arena *arena, struct err *err);

#endif
