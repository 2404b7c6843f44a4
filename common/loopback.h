#ifndef COMMON_LOOPBACK_H
#define COMMON_LOOPBACK_H

/*
 * Which URLs stay on this machine. A proxy that the environment names would take loopback for its own machine's, so
 * whoever calls such a URL passes the proxy by. Pure.
 */

#include "common/str.h"

/* http://localhost:7070/x, http://127.0.0.1, https://[::1]:8443: nothing is looked up. */
bool loopback_has_url(struct str url);

#endif
