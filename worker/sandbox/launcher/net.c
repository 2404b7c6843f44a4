#include "worker/sandbox/launcher/net.h"

#include "common/buf.h"
#include "common/mem.h"
#include "worker/sandbox/launcher/step.h"
#include "worker/sandbox/launcher/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RELAY_START_MS = 5000 };

static const char *const relay_paths[] = {"/usr/bin/slirp4netns", "/usr/local/bin/slirp4netns", "/bin/slirp4netns"};

bool net_loopback_up(struct err *err)
{
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_errno(err, "bring up loopback");
	return true;
}

static bool parse_network(const char *text, struct in_addr *ret, unsigned char *ret_bits)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits = 32;
	if (n >= sizeof address || (slash && !str_to_i64(str_of(slash + 1), &bits)) || bits < 0 || bits > 32)
		return false;
	memcpy(address, text, n);
	address[n] = 0;
	if (inet_pton(AF_INET, address, ret) != 1)
		return false;
	ret->s_addr &= bits ? htonl(~UINT32_C(0) << (32 - bits)) : 0;
	*ret_bits = (unsigned char)bits;
	return true;
}

void net_no_ipv6(void)
{
	static const char *const names[] = {"default", "tap0"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", names[i]);
		/* A kernel without IPv6 has no such file. In a container it may be read-only; then tap0 keeps a
		 * link-local address, which nobody answers: slirp4netns speaks IPv6 only when asked to. */
		sys_write_file(AT_FDCWD, path, "1", NULL);
	}
}

struct route_request {
	struct nlmsghdr header;
	struct rtmsg route;
	char attributes[64];
};

static void add_attribute(struct route_request *request, unsigned short type, const void *value, unsigned short n)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(attribute), value, n);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(RTA_LENGTH(n));
}

static bool add_route(int netlink, const char *network, bool is_allowed, struct err *err)
{
	struct in_addr to, gateway;
	unsigned char bits;
	if (strchr(network, ':'))
		return true;
	if (!parse_network(network, &to, &bits))
		return err_set(err, ERR_INVALID, "\"%s\" is not a network; write 10.1.2.0/24 or 10.1.2.3", network);
	struct route_request request = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			.nlmsg_type = RTM_NEWROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.route = {.rtm_family = AF_INET,
			.rtm_dst_len = bits,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_STATIC,
			.rtm_scope = RT_SCOPE_UNIVERSE,
			.rtm_type = is_allowed ? RTN_UNICAST : RTN_UNREACHABLE},
	};
	add_attribute(&request, RTA_DST, &to, sizeof to);
	if (is_allowed) {
		inet_pton(AF_INET, NET_GATEWAY, &gateway);
		add_attribute(&request, RTA_GATEWAY, &gateway, sizeof gateway);
	}
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer;
	if (send(netlink, &request, request.header.nlmsg_len, 0) < 0 ||
		recv(netlink, &answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof answer.error))
		return err_errno(err, "set a route for %s", network);
	if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0) {
		errno = -answer.error.error;
		return err_errno(err, "set a route for %s", network);
	}
	return true;
}

bool net_deny(const char *const *denied, const char *const *allowed, struct err *err)
{
	auto_fd int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink < 0)
		return err_errno(err, "open netlink");
	for (; *denied; denied++) {
		if (!add_route(netlink, *denied, false, err))
			return false;
	}
	for (; *allowed; allowed++) {
		if (!add_route(netlink, *allowed, true, err))
			return false;
	}
	return true;
}

static const char *relay_path(void)
{
	for (size_t i = 0; i < COUNT_OF(relay_paths); i++) {
		if (access(relay_paths[i], X_OK) == 0)
			return relay_paths[i];
	}
	return NULL;
}

const char *net_egress_obstacle(void)
{
	if (!relay_path())
		return "slirp4netns is not installed: apt-get install slirp4netns";
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		return "/dev/net/tun cannot be opened: modprobe tun, chmod 666 /dev/net/tun, or give the container that device";
	return "";
}

static _Noreturn void become_relay(const char *path, pid_t keeper, int ready, int launcher)
{
	step_die_with_parent(launcher);
	int kept = sys_close_all_but(ready);
	fcntl(kept, F_SETFD, 0);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	char target[32];
	snprintf(target, sizeof target, "%d", (int)keeper);
	/* As root it locks itself into a file system of its own and drops root's capabilities; an ordinary account,
	 * which has nothing to drop, is not able to. */
	bool is_root = geteuid() == 0;
	char *arguments[] = {"slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-seccomp",
		is_root ? "--enable-sandbox" : "--configure", "--cidr=" NET_CIDR, "--ready-fd=3", target, "tap0", NULL};
	char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	execve(path, arguments, environment);
	_exit(127);
}

bool net_egress_start(pid_t keeper, pid_t *ret_relay, struct err *err)
{
	const char *obstacle = net_egress_obstacle();
	if (*obstacle)
		return err_set(err, ERR_UNSUPPORTED, "network egress is not possible here: %s", obstacle);
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd int self = pidfd_open(getpid(), 0);
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t relay = sys_clone3(&args);
	if (relay == 0)
		become_relay(relay_path(), keeper, ready[1], self);
	close(ready[1]);
	struct pollfd wait = {.fd = ready[0], .events = POLLIN};
	char byte;
	bool ok = relay > 0 && poll(&wait, 1, RELAY_START_MS) == 1 && read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	if (ok) {
		*ret_relay = relay;
		return true;
	}
	if (relay > 0) {
		kill(relay, SIGKILL);
		waitpid(relay, NULL, 0);
	}
	return err_set(err, ERR_SYSTEM,
		"slirp4netns did not bring up the network; run `slirp4netns --configure PID tap0` by hand to see why");
}

size_t net_add_own_addresses(struct buf *list)
{
	static const char fixed[] = "169.254.0.0/16\0"
				    "224.0.0.0/4\0"
				    "255.255.255.255";
	buf_add(list, fixed, sizeof fixed);
	size_t count = 3;
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return count;
	for (struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || one->ifa_flags & IFF_LOOPBACK)
			continue;
		char text[INET_ADDRSTRLEN];
		struct sockaddr_in address;
		memcpy(&address, one->ifa_addr, sizeof address);
		if (inet_ntop(AF_INET, &address.sin_addr, text, sizeof text) && buf_add(list, text, strlen(text) + 1))
			count++;
	}
	freeifaddrs(all);
	return count;
}
