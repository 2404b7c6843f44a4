#include "common/io/flow.h"

#include "common/mem.h"

#include <stdlib.h>

void *flow_new(size_t size, flow_step *const *steps, void (*on_end)(struct flow *flow))
{
	BUG_ON(size < sizeof(struct flow));
	struct flow *flow = mem_alloc(size);
	flow->steps = steps;
	flow->on_end = on_end;
	return flow;
}

/* The owner is usually freed by on_end: nothing may touch the flow behind this. */
static void end(struct flow *flow, bool is_ok)
{
	if (is_ok)
		flow->err = (struct err){0};
	BUG_ON(!is_ok && flow->err.kind == ERR_NONE);
	flow->is_running = false;
	flow->on_end(flow);
}

/* Whether the operation that the last step started has completed inside it already. */
static bool take_resumed(struct flow *flow)
{
	bool is_resumed = flow->is_resumed;
	flow->is_resumed = false;
	return is_resumed;
}

static void run(struct flow *flow)
{
	flow->is_running = true;
	while (flow->steps[flow->at]) {
		/* Moved on before the step runs, so that it may jump. */
		switch (flow->steps[flow->at++](flow)) {
		case FLOW_CONTINUE:
			BUG_ON(flow->is_resumed);
			continue;
		case FLOW_WAIT:
			if (take_resumed(flow)) {
				if (flow->is_failed) {
					end(flow, false);
					return;
				}
				continue;
			}
			flow->is_running = false;
			return;
		case FLOW_DONE:
			end(flow, true);
			return;
		case FLOW_FAIL:
			end(flow, false);
			return;
		}
		BUG("step %zu returned no flow_next", flow->at - 1);
	}
	end(flow, true);
}

void flow_start(struct flow *flow)
{
	BUG_ON(flow->is_running || flow->at != 0);
	run(flow);
}

void flow_resume(struct flow *flow)
{
	if (!flow->is_running) {
		run(flow);
		return;
	}
	BUG_ON(flow->is_resumed);
	flow->is_resumed = true;
}

void flow_fail(struct flow *flow, const struct err *err)
{
	BUG_ON(err->kind == ERR_NONE);
	flow->err = *err;
	if (!flow->is_running) {
		end(flow, false);
		return;
	}
	BUG_ON(flow->is_resumed);
	flow->is_resumed = flow->is_failed = true;
}

void flow_jump(struct flow *flow, flow_step *step)
{
	for (size_t i = 0; flow->steps[i]; i++) {
		if (flow->steps[i] == step) {
			flow->at = i;
			return;
		}
	}
	BUG("a jump to a step that is not in the table");
}

void flow_restart(struct flow *flow)
{
	flow_hold(flow, NULL, NULL);
	arena_done(&flow->arena);
	flow->err = (struct err){0};
	flow->at = 0;
	if (!flow->is_running)
		run(flow);
}

void flow_hold(struct flow *flow, void *held, void (*release)(void *held))
{
	if (flow->held)
		flow->release(flow->held);
	flow->held = held;
	flow->release = release;
}

void flow_free(struct flow *flow)
{
	flow_hold(flow, NULL, NULL);
	arena_done(&flow->arena);
	free(flow);
}
