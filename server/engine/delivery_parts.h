#ifndef SERVER_ENGINE_DELIVERY_PARTS_H
#define SERVER_ENGINE_DELIVERY_PARTS_H

/* What the way to the lane (delivery_entry.c) and the waves (delivery.c) share. Private to them. */

#include "server/engine/delivery.h"

static inline const struct plan_delivery *rules_of(const struct run_graph *graph, size_t index)
{
	return graph->stages[index].plan->delivery;
}

static inline bool is_rollback(const struct run_graph *graph, size_t index)
{
	return rules_of(graph, index)->priority == PLAN_PRIORITY_ROLLBACK;
}

/* After it nothing of the service runs there. */
static inline bool is_teardown(const struct run_graph *graph, size_t index)
{
	return rules_of(graph, index)->priority == PLAN_PRIORITY_TEARDOWN;
}

/* Its targets have versions of their own, which were deployed before, and not the one that this run made. */
static inline bool is_about_the_past(const struct run_graph *graph, size_t index)
{
	return is_rollback(graph, index) || is_teardown(graph, index);
}

/* The version was quarantined; true: the run ends. */
bool delivery_is_condemned(struct run_graph *graph, size_t index);
/* A teardown: somebody deployed meanwhile, or asked for more time. True: the run ends. */
bool delivery_is_called_off(struct run_graph *graph, size_t index);
/* Why no wave may begin; empty: one may. */
struct str delivery_hold(const struct run_graph *graph, size_t index);
/* False: commits are to be compared first, which takes no more than a moment. */
bool delivery_is_compared(const struct run_graph *graph, size_t index, struct effects *effects);
struct str delivery_wait_for_alarm(const struct run_graph *graph, const struct graph_alarm *alarm);

#endif
