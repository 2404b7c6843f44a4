#ifndef SERVER_ENGINE_REFUSALS_H
#define SERVER_ENGINE_REFUSALS_H

/*
 * What the language has and this version plans but does not run. One table of rows; to build such a thing is to delete
 * its row. What is skipped refuses nothing.
 */

#include "server/engine/plan.h"

/* Adds a sentence for each construct, in the plan's order, each once. */
void refusals_add(struct plan *plan, struct arena *arena);

#endif
