/* Gates for the mock server. */
import type { Gate } from "../src/lib/model";

export function makeGate(id: number, stage: number, given: Partial<Gate> = {}): Gate {
	return {
		id,
		stage_id: stage,
		state: "open",
		approvals: 1,
		approved: 0,
		groups: ["release"],
		require: {},
		author: "deny",
		authors: ["ann.keller@example.org"],
		is_comment_required: false,
		opened_at: null,
		expires_at: null,
		decided_at: null,
		not_before: null,
		reason: "",
		decisions: [],
		may_decide: true,
		why_not: "",
		who_may: "one person of the groups release",
		...given,
	};
}
