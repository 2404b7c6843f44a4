#ifndef CLI_PORT_OWNER_H
#define CLI_PORT_OWNER_H

/* Who listens on a TCP port of this machine, from /proc: for the sentence about a port that is taken. */

#include "cli/cli.h"

/* "nginx (pid 812)"; NULL where nobody listens, or the process belongs to somebody whose files we may not read. */
const char *port_owner(struct arena *arena, int64_t port);

#endif
