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

/* The jobs of one wave and part, of those of its stage. */
static inline bool is_of(const struct graph_job *job, const struct graph_wave *wave, enum plan_part part)
{
	return job->plan->wave == wave->number && job->plan->part == part;
}

/* The version was quarantined; true: the run ends. */
bool delivery_is_condemned(struct run_graph *graph, size_t index);
/* It was condemned in another environment while this run was under way: at a safe point the run ends. True: it does. */
bool delivery_is_quarantined(struct run_graph *graph, size_t index);
/* A teardown: somebody deployed meanwhile, or asked for more time. True: the run ends. */
bool delivery_is_called_off(struct run_graph *graph, size_t index);
/* Why no wave may begin; empty: one may. */
struct str delivery_hold(const struct run_graph *graph, size_t index);
/* One that fired since the wave began, whatever it is by now; NULL: none did. */
const struct graph_alarm *delivery_fired(const struct run_graph *graph, size_t index, const struct graph_wave *wave);
/* Of a wave that failed: the targets that failed, or all where it was a check. True: nobody is at it any more. */
bool delivery_is_diagnosed(struct run_graph *graph, size_t index, size_t at, bool has_failed, struct effects *effects);
/* What a failed wave means is for the file to say. Called when no worker is at it any more. */
void delivery_fail_wave(struct run_graph *graph, size_t index, size_t at, struct str why, struct effects *effects);
void delivery_start_bake(struct run_graph *graph, struct graph_wave *wave);
/* A wave that bakes: runs its checks, and ends it when these, the time and the alarms allow. */
void delivery_bake(struct run_graph *graph, size_t at, struct effects *effects, struct str *ret_wait);
struct str delivery_wait_for_alarm(const struct run_graph *graph, const struct graph_alarm *alarm);

#endif
