#ifndef WORKER_SANDBOX_LAUNCHER_NET_H
#define WORKER_SANDBOX_LAUNCHER_NET_H

/*
 * The network of a slot: loopback, and with egress a slirp4netns on the host's side of a tap device. What must not be
 * reached is an unreachable route in the slot's own namespace, where no step has the right to change it.
 */

#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A range for benchmarks that no network routes; 10.0.2.0/24, the usual choice, is many a virtual machine's own. */
#define NET_CIDR     "198.18.77.0/24"
#define NET_GATEWAY  "198.18.77.2"
#define NET_RESOLVER "198.18.77.3"

/* In the slot's namespace. */
bool net_loopback_up(struct err *err);
/* With egress: no IPv6 but loopback's, so that nothing that is denied as IPv4 can be reached by another name. */
void net_no_ipv6(void);
/* Networks as "10.1.2.0/24" or "10.1.2.3"; IPv6 ones are passed over, since slots have no IPv6. The narrower wins,
 * and of two equal ones the allowed. */
bool net_deny(const char *const *denied, const char *const *allowed, struct err *err);

/* On the host: "" when slirp4netns can be run, else what is missing and how to get it. */
const char *net_egress_obstacle(void);
/* Starts the relay for the namespaces of process `keeper` and waits until the tap device is configured. */
bool net_egress_start(pid_t keeper, pid_t *ret_relay, struct err *err);
/* Appends what egress never reaches by itself: link-local, multicast, and this machine's own addresses now. */
struct buf;
size_t net_add_own_addresses(struct buf *list);

#endif
