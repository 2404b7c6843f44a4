#ifndef SERVER_CONFIGURATION_DELIVERY_FACTS_H
#define SERVER_CONFIGURATION_DELIVERY_FACTS_H

/* What the configuration says of a run's environment stage that is next or under way, for the engine to decide by. */

#include "server/configuration/configurations.h"
#include "server/engine/graph.h"

/* Fills graph->facts.frozen and configuration. False: the snapshot is older than the run's rows, which holds whatever
 * asks; somebody is to look for a newer one. */
bool delivery_facts_add(const struct configuration_snapshot *snapshot, struct run_graph *graph);

#endif
