#ifndef SERVER_ENGINE_DELIVERY_H
#define SERVER_ENGINE_DELIVERY_H

/*
 * Environment stages: the version that is fixed, the lane, the waves with their deployments, alarms, and what condemns
 * a version. Private to the engine; settle.c calls it for stages of that kind.
 *
 * Where something other than a job is waited for, *ret_wait gets the sentence: on what, and what ends it.
 */

#include "server/engine/engine.h"

/* A blocked stage whose turn has come. True: its version is fixed and its previews are done, so its gate may open. */
bool delivery_prepare(struct run_graph *graph, size_t index, struct effects *effects);
/* A queued stage that is not barred: asks for its lane, and starts when the lane lets it in. */
void delivery_enter(struct run_graph *graph, size_t index, struct effects *effects, struct str *ret_wait);
/* A running stage: brings its waves as far as they can go. */
void delivery_run(struct run_graph *graph, size_t index, struct effects *effects, struct str *ret_wait);
/* The run ends, and all jobs of the stage are over: so do its waves and deployments. */
void delivery_end(struct run_graph *graph, size_t index);
/* The stage is over, or was asked to be: it leaves its lane. */
void delivery_leave(struct run_graph *graph, size_t index, struct effects *effects);
/* Fails the stage, and ends what has not begun. */
void delivery_fail(struct run_graph *graph, size_t index, struct str why);
/* Takes in that its plan was replaced: whoever was asked about the old one is asked again. The run may end over it. */
void delivery_take_replan(struct run_graph *graph, size_t index, struct effects *effects);
/* False: another configuration holds than the one it was planned by, so it is planned again first; it takes a moment.
 * What has begun to deploy stays as it is. */
bool delivery_is_current(const struct run_graph *graph, size_t index, struct effects *effects);
/* Of a stage at its gate or on its way to its lane. False: checks that came with a newer configuration are at work, or
 * one of them has failed, and with it the stage. */
bool delivery_is_rechecked(struct run_graph *graph, size_t index, struct effects *effects);
/* False: commits are to be looked at first, which takes no more than a moment: how they are related, who wrote them. */
bool delivery_is_compared(const struct run_graph *graph, size_t index, struct effects *effects);
/* Of a stage at its gate or on its way to its lane. True: its version was condemned, or a newer run entered the lane,
 * and so the run ends. */
bool delivery_is_barred(struct run_graph *graph, size_t index, struct effects *effects);
/* Of a stage that is tried again: who has deployed since to a target that it is done with, "web#43, which has deployed
 * to eu-1 since", and what to do instead; "": nobody has. */
struct str delivery_overtaken(const struct run_graph *graph, size_t index);
/* Why a way back did not come to its end, and which targets it leaves; the same for every other run. */
struct str delivery_say_left(const struct run_graph *graph, struct str why);
/* Its worker went silent while it deployed. */
bool delivery_is_silent(const struct run_graph *graph, const struct graph_job *job);
/* Nobody waits for that worker any more. */
void delivery_give_up(struct run_graph *graph, struct graph_job *job);
/* A person says how an unknown deployment ended: "live", "failed" or "retry". */
bool delivery_resolve(
	struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err);
/* A person says that a wave is good which lacks what its bake asks for. */
bool delivery_accept(
	struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err);

#endif
