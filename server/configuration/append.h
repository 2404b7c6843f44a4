#ifndef SERVER_CONFIGURATION_APPEND_H
#define SERVER_CONFIGURATION_APPEND_H

/* Puts a new environment into the text of a configuration, such that everything else stays as it is written. */

#include "common/arena.h"
#include "common/err.h"

/*
 * definition: what stands behind the name, as one line of YAML ("{ tier: sandbox }"). ERR_CONFLICT: the text is written
 * in a way that this cannot be added to safely; err says what to add by hand.
 */
bool configuration_append_environment(
	struct str text, struct str name, struct str definition, struct arena *arena, struct str *ret, struct err *err);

#endif
