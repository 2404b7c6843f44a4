#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

/* Histories by number: the same number is the same list of events, always. */

#include "tests/sim/sim.h"

struct history {
	struct sim_event events[EVENTS_MAX];
	size_t count;
};

void history_make(struct history *history, uint64_t seed);
/* False: an invariant is broken; sim->fault says which and sim->at by which event. A BUG() counts as one. */
bool history_run(struct sim *sim, const struct history *history);
/* Takes out and simplifies events as long as it still fails. */
void history_shrink(struct sim *sim, struct history *history);
/* Runs it, each event and what it does on standard output. */
void history_tell(struct sim *sim, const struct history *history);

#endif
