#ifndef SERVER_RUNS_VIEW_JSON_H
#define SERVER_RUNS_VIEW_JSON_H

/* Stage, Gate and Job of the API, from a loaded and linked graph. Private to server/runs. New references. */

#include "server/auth/auth.h"
#include "server/engine/engine.h"

/* What a page shows of a job besides what the engine knows. */
struct job_display {
	int64_t id;
	struct str worker;
	struct str_list labels;
	const json_t *steps; /* {"0": {state, exit_code, started_at, ended_at, line}, ...} */
	bool is_stranded;    /* queued, and no connected worker may take it */
};

json_t *view_stage(const struct run_graph *graph, size_t index);
json_t *view_gate(const struct run_graph *graph, const struct graph_gate *gate, const struct caller *caller);
json_t *view_job(const struct run_graph *graph, const struct graph_job *job, const struct job_display *display);

#endif
