#ifndef SERVER_API_RUN_STEPS_H
#define SERVER_API_RUN_STEPS_H

/* Steps of requests that name a run in their path, or answer with one. Private to server/api; implemented in runs.c. */

#include "common/io/flow.h"
#include "server/ingest/ingest.h"

enum flow_next run_find(struct flow *flow); /* {run} of the path, then */
enum flow_next run_take(struct flow *flow); /* into request->id */
enum flow_next run_summary_query(struct flow *flow);
enum flow_next run_summary_answer(struct flow *flow);

/* For ingest_start_run() and shell_apply(); arg: the flow, which waits. */
void run_started(void *arg, const struct ingest_outcome *outcome, const struct err *err);
void run_applied(void *arg, const struct err *err);

#endif
