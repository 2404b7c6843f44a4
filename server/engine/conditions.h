#ifndef SERVER_ENGINE_CONDITIONS_H
#define SERVER_ENGINE_CONDITIONS_H

/*
 * Conditions that need the run: success(), failure(), always() and outputs of jobs. A condition that cannot be
 * evaluated (an output that was never written compared by order, say) is false, and why says so. Private to the engine.
 */

#include "server/engine/graph.h"

/* Of a stage: success() means that no stage before it failed. */
bool condition_stage(const struct run_graph *graph, size_t stage, struct str *ret_why);
/* Of a job: success() means that all it needs succeeded (or may fail). */
bool condition_job(const struct run_graph *graph, const struct graph_job *job, struct str *ret_why);

/* A text of the plan with what the run knows by now. */
bool condition_render(const struct run_graph *graph, struct str text, struct str *ret, struct err *err);

#endif
