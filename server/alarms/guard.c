#include "server/alarms/guard.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static bool allows_v4(uint32_t address)
{
	bool is_own_network = address >> 24 == 0, is_link_local = address >> 16 == 0xa9fe,
	     is_metadata = address == 0x646464c8, /* 100.100.100.200, where Alibaba has what others have link-local */
		is_many = address >> 28 >= 0xe;   /* multicast, reserved, broadcast */
	return !is_own_network && !is_link_local && !is_metadata && !is_many;
}

bool alarm_allows_address(void *arg, const struct sockaddr *address)
{
	(void)arg;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		return allows_v4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof v6);
	const struct in6_addr *in6 = &v6.sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(in6) || IN6_IS_ADDR_V4COMPAT(in6)) {
		uint32_t inner;
		memcpy(&inner, in6->s6_addr + 12, sizeof inner);
		return IN6_IS_ADDR_LOOPBACK(in6) || allows_v4(ntohl(inner));
	}
	static const uint8_t metadata[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}; /* of AWS */
	if (memcmp(in6->s6_addr, metadata, sizeof metadata) == 0)
		return false;
	return !IN6_IS_ADDR_UNSPECIFIED(in6) && !IN6_IS_ADDR_LINKLOCAL(in6) && !IN6_IS_ADDR_MULTICAST(in6);
}
