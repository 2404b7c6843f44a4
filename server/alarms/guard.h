#ifndef SERVER_ALARMS_GUARD_H
#define SERVER_ALARMS_GUARD_H

/*
 * Which addresses the monitors of alarms may have. The configuration is the admin's, so loopback and private networks
 * are fine; what is refused is what no monitor has and an attacker wants: link-local addresses, behind which clouds
 * keep credentials of the machine, and those that mean every machine or many. Pure.
 */

#include <stdbool.h>

struct sockaddr;

/* For struct http_request; arg is not used. */
bool alarm_allows_address(void *arg, const struct sockaddr *address);

#endif
