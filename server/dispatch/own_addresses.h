#ifndef SERVER_DISPATCH_OWN_ADDRESSES_H
#define SERVER_DISPATCH_OWN_ADDRESSES_H

/*
 * The addresses behind which the coordinator and its database are: what a job with `network: egress` must not reach,
 * wherever it runs. Loopback and "every address" (0.0.0.0) are nobody's and are left out. Each address once, in a
 * stable order, as text.
 */

#include "common/arena.h"
#include "common/str.h"

enum { OWN_ADDRESSES_MAX = 256 };

/* Those of this machine's interfaces, as they are now. */
void own_addresses_add_machine(struct str_list *list, struct arena *arena);
/* Those of hosts by name or number, separated by commas ("db1,10.0.0.7,/run/postgresql"): sockets and names that nobody
 * knows have none. Blocking: asks the name servers. */
void own_addresses_add_hosts(struct str_list *list, struct str hosts, struct arena *arena);

#endif
