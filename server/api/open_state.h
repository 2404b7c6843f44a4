#ifndef SERVER_API_OPEN_STATE_H
#define SERVER_API_OPEN_STATE_H

/* Whether an environment takes deployments now, as answers of the API say it. Private to server/api. */

#include "server/configuration/configurations.h"

#include <jansson.h>

/* {kind, reason, since, until}. Without a service: for every one alike, so what stops one service alone does not count;
 * without a target: for the whole environment. The caller owns it. */
json_t *open_state(const struct configuration_snapshot *now, const struct configuration_environment *environment,
	struct str service, struct str target, struct arena *arena);

#endif
