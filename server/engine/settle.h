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

#endif
