#ifndef WORKER_SANDBOX_DOCTOR_H
#define WORKER_SANDBOX_DOCTOR_H

/*
 * What `penstock doctor` shows: which layers of the sandbox this machine gives. It looks from inside: a job is opened
 * through a real launcher, and a step in it reports what it sees and what it was refused.
 */

#include "common/err.h"
#include "worker/sandbox/client.h"

enum sandbox_layer_state { SANDBOX_LAYER_ON, SANDBOX_LAYER_OFF, SANDBOX_LAYER_MISSING };

struct sandbox_layer {
	const char *name;
	const char *purpose;
	enum sandbox_layer_state state; /* OFF: not in this profile; MISSING: the machine should give it and does not */
	char detail[160];               /* what was seen */
	const char *remedy;             /* "" when nothing is wrong */
};

/* Fills one entry per layer, in order of enum sandbox_layer_bit. Uses slot 0, which must be free. */
bool sandbox_doctor(struct sandbox *sandbox, struct sandbox_layer ret[static SANDBOX_LAYER_COUNT], struct err *err);

/* "on", "off" or "missing". */
const char *sandbox_layer_state_name(enum sandbox_layer_state state);

#endif
