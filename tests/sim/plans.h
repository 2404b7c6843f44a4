#ifndef TESTS_SIM_PLANS_H
#define TESTS_SIM_PLANS_H

/*
 * The pipelines of the simulation, read and planned by the real reader and planner against two configurations: the
 * second has one target more. Plans are made once a process and shared by all histories.
 */

#include "server/engine/plan.h"

enum { PIPELINES = 9, CONFIGURATIONS = 3, PLANS_SINCE_S = 1700000000 }; /* histories begin then */

/* Never NULL; ends the program when a pipeline is no good. */
const struct plan *plans_get(size_t pipeline, size_t configuration);
/* plan_replace_stage() by `today`, worked out once a process. `old` is of plans_get() or came of this. */
struct plans_replaced {
	const struct plan *plan;
	bool is_same;
	struct str difference;
};
const struct plans_replaced *plans_replace(const struct plan *old, size_t stage, const struct plan *today);
/* The file of it. */
const char *plans_text(size_t pipeline);
const char *plans_name(size_t pipeline);
void plans_done(void);

#endif
