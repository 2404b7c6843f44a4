#ifndef TESTS_SUPPORT_GRAPH_CHECK_H
#define TESTS_SUPPORT_GRAPH_CHECK_H

/* The design's invariants that can be seen in the rows of one run, its lanes shown. */

#include "server/engine/graph.h"

/* NULL, or what is broken. */
const char *graph_check(const struct run_graph *graph);
/* Of a run that was just brought as far as it goes: it is over, or something is left that could move it. */
bool graph_can_move(const struct run_graph *graph);

#endif
