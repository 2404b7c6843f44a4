#ifndef SERVER_ENGINE_PLAN_POLICY_H
#define SERVER_ENGINE_PLAN_POLICY_H

/*
 * Checks that a plan has whatever its file says: an environment, a tier or a repository demands them, and the planner
 * puts them in after the file was read, so that no file can take them out, skip them or let them fail. They stand in a
 * job of their own, with a fresh workspace that no step of the file has touched. Pure.
 */

#include "server/engine/plan.h"

/*
 * Makes the rules (names of common/policy_rules.h) a condition of stage `stage`, of whatever kind: a job stage with one
 * job, "STAGE-policy/policy", comes right before it, which sees the artifacts of all jobs before. The stage that is
 * guarded then needs success(), also where its own condition would pass over a failure. To be called once for a stage,
 * with all that is demanded there, when `needs` are resolved (planning_needs()); an empty list does nothing. *ret_stage
 * is where the stage stands afterwards. The plan's arrays are copied, never written to.
 */
void plan_require_policies(
	struct plan *plan, size_t stage, const struct str_list *policies, size_t *ret_stage, struct arena *arena);

/* "policy: no-secrets, pipeline-pinned" */
struct str plan_policy_step_name(const struct str_list *policies, struct arena *arena);

#endif
