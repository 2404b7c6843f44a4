#ifndef SERVER_ENGINE_LANE_H
#define SERVER_ENGINE_LANE_H

/*
 * A lane: one at a time inside. Pure, like the rest of the engine: lane_apply() looks at the open requests of one lane
 * and says who holds it next. A run's transaction only inserts a request or a release; a transaction of the lane itself
 * applies this, so two runs never both believe they are inside.
 *
 * Of two runs that one is newer whose commit contains the other's; where neither does, the one with the higher number.
 * As long as nobody has looked which it is of two that wait, neither enters; the runs have their commits compared.
 */

#include "server/engine/states.h"

#include <stdint.h>

struct lane_entry { /* an open request: waiting, granted or revoked; in the order of their ids */
	int64_t id;
	int64_t run;
	int32_t priority; /* higher first; PLAN_PRIORITY_* */
	bool cancels;     /* ends who is inside */
	enum lane_request_state state, was;
	int64_t epoch;         /* of the grant */
	int64_t superseded_by; /* run; 0 */
};

/* Of two that wait: the commit of one contains that of the other, or nobody has looked yet. */
struct lane_relation {
	int64_t newer, older; /* runs */
	bool is_known;
};

struct lane {
	int64_t id;
	int64_t version;
	int64_t epoch;
	bool is_newest;   /* else fifo: first come, first served */
	bool is_reserved; /* a rollback is being planned: nobody else enters before it */
	struct lane_entry *entries;
	size_t count;
	struct lane_relation *relations; /* where the newest enters */
	size_t relation_count;
};

/* True: something changed (entries whose state differs from `was`, the epoch). */
bool lane_apply(struct lane *lane);

#endif
