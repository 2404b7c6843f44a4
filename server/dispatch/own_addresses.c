#include "server/dispatch/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool is_nobodys(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		return v4.sin_addr.s_addr == INADDR_ANY || ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	memcpy(&v6, address, sizeof v6);
	return IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) || IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static void add(struct str_list *list, const struct sockaddr *address, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6) || is_nobodys(address))
		return;
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
	} else {
		memcpy(&v6, address, sizeof v6);
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
	}
	if (list->count >= OWN_ADDRESSES_MAX || str_list_has(list, str_of(text)))
		return;
	list->items = arena_grow(arena, list->items, sizeof *list->items, list->count);
	list->items[list->count++] = arena_str(arena, str_of(text));
}

void own_addresses_add_machine(struct str_list *list, struct arena *arena)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		if (!(one->ifa_flags & IFF_LOOPBACK))
			add(list, one->ifa_addr, arena);
	freeifaddrs(all);
}

void own_addresses_add_hosts(struct str_list *list, struct str hosts, struct arena *arena)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	struct str host;
	while (str_cut(&hosts, ',', &host)) {
		host = str_trim(host);
		/* "/path" and "@name" are sockets of this machine. */
		if (host.n == 0 || host.p[0] == '/' || host.p[0] == '@' ||
			getaddrinfo(arena_str(arena, host).p, NULL, &hints, &found) != 0)
			continue;
		for (const struct addrinfo *one = found; one; one = one->ai_next)
			add(list, one->ai_addr, arena);
		freeaddrinfo(found);
	}
}
