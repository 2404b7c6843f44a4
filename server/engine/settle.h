#ifndef SERVER_ENGINE_SETTLE_H
#define SERVER_ENGINE_SETTLE_H

/*
 * Brings a run as far as it can go: the one place that decides what comes next. Idempotent; called at the end of every
 * event. Private to the engine.
 */

#include "server/engine/engine.h"

void settle(struct run_graph *graph, struct effects *effects);

/* Asks the run to end: what waits ends now, what a worker holds is asked to. The first caller's reason stays. */
void settle_end(struct run_graph *graph, enum run_state ending, struct str reason);

/* A blocked job whose needs are over is queued or skipped; true: it moved. */
bool settle_job(struct run_graph *graph, struct graph_job *job, struct effects *effects);
bool settle_job_failed(const struct graph_job *job);
/* "job \"test/unit\": exited with 1, and 2 more" */
struct str settle_describe_failure(const struct run_graph *graph, size_t stage);

#endif
