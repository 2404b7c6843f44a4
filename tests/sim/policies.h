#ifndef TESTS_SIM_POLICIES_H
#define TESTS_SIM_POLICIES_H

/*
 * What the configuration of the simulation closes and pins, in several versions, read by the real reader once a
 * process; and what that comes to in plain words, for the invariants.
 */

#include "server/engine/freeze.h"

enum { POLICIES = 5 }; /* the first closes nothing */

/* Never NULL; ends the program when one is no good. */
const struct configuration *policies_get(size_t policy);
/* Why no wave of this version may begin at these targets now; NULL: one may. */
const char *policies_say(size_t policy, struct str service, struct str environment, const struct str_list *targets,
	struct str version, bool is_override, int64_t now_us);
void policies_done(void);

#endif
