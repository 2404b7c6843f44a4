#ifndef SERVER_ENGINE_PLAN_REPLACE_H
#define SERVER_ENGINE_PLAN_REPLACE_H

/*
 * One stage of a plan, planned again by the configuration of today: the plan with the new stage in it, and in words
 * what is different about what people were asked to approve. Pure.
 */

#include "server/engine/plan.h"

struct plan_replaced {
	struct plan plan; /* `old` with the stage replaced; borrows from both */
	bool is_same;     /* nothing is different at all */
	/* "target eu-3 is new; REGION of eu-1 is now \"b\", not \"a\""; "": nothing that a gate is bound to, as with
	 * checks that the environment has come to demand */
	struct str difference;
};

/*
 * `fresh` was made of the same file for the same commit, and cut behind the stage: its last one takes the place of
 * stage `index`. Where it comes with mandatory policies that no stage before has checked, they are checked as a preview
 * of the stage, and no gate is void for them. Previews of targets that are gone stay, skipped, since people have seen
 * them.
 */
void plan_replace_stage(
	const struct plan *old, size_t index, const struct plan *fresh, struct arena *arena, struct plan_replaced *ret);

#endif
