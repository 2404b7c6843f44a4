#include "tests/abuse/probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- who is to stay untouched ---- */

static void on_signal(int number)
{
	char text[32];
	int n = snprintf(text, sizeof text, "signal %d\n", number);
	if (write(1, text, (size_t)n) < 0)
		_exit(1);
}

/* Outside: says every signal it gets, and holds a secret in its memory. */
static int canary(int argc, char **argv)
{
	(void)argc;
	for (int number = 1; number < NSIG; number++)
		signal(number, on_signal);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char *secret = strdup(argv[0]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		pause();
		if (!*secret)
			return 1;
	}
}

static int make_abstract(const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t n = strnlen(name, sizeof ret->sun_path - 2);
	memcpy(ret->sun_path + 1, name, n);
	return (int)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* Another job, in the other slot: says whoever comes. */
static int neighbour(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7777), .sin_addr.s_addr = INADDR_ANY};
	struct sockaddr_un name;
	struct pollfd sockets[2] = {{.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN},
		{.fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN}};
	socklen_t n = (socklen_t)make_abstract("neighbour", &name);
	for (int number = 1; number < NSIG; number++)
		signal(number, on_signal);
	int id = shmget(0x4e45, 4096, IPC_CREAT | 0666);
	if (bind(sockets[0].fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(sockets[0].fd, 9) < 0 ||
		bind(sockets[1].fd, (struct sockaddr *)&name, n) < 0 || listen(sockets[1].fd, 9) < 0 || id < 0) {
		perror("neighbour");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(sockets, 2, -1) > 0)
			puts("somebody is here");
		fflush(stdout);
		for (size_t i = 0; i < 2; i++)
			if (sockets[i].revents)
				close(accept(sockets[i].fd, NULL, NULL));
	}
}

/* ---- processes ---- */

static void read_of(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY);
	say(path, fd < 0 ? fd : read(fd, &byte, 1));
}

static int init(int argc, char **argv)
{
	char there[8];
	struct iovec mine = {there, sizeof there}, its = {(void *)0x400000, sizeof there};
	(void)argc;
	(void)argv;
	say("attach", ptrace(PTRACE_ATTACH, 1, 0, 0));
	say("seize", ptrace(PTRACE_SEIZE, 1, 0, 0));
	say("read memory", process_vm_readv(1, &mine, 1, &its, 1, 0));
	say("write memory", process_vm_writev(1, &mine, 1, &its, 1, 0));
	say("take descriptor", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
	static const char *const files[] = {"/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/root",
		"/proc/1/cwd", "/proc/1/fd", "/proc/1/exe"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		read_of(files[i]);
	return 0;
}

static int stop_init(int argc, char **argv)
{
	static const int numbers[] = {SIGKILL, SIGSTOP, SIGTERM, SIGSEGV, SIGINT};
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		kill(1, numbers[i]);
	siginfo_t from_kernel = {.si_signo = SIGTERM, .si_code = SI_KERNEL};
	say("forge", syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &from_kernel));
	usleep(50000);
	puts("still here");
	return 0;
}

/* Every process number that there can be, but ours. */
static int everybody(int argc, char **argv)
{
	long found = 0;
	(void)argc;
	(void)argv;
	for (pid_t pid = 2; pid < 400000; pid++)
		if (pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno != ESRCH))
			found++;
	printf("others: %ld\n", found);
	say("group 1", kill(-1000000, SIGKILL));
	return 0;
}

static int descriptors(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	DIR *directory = opendir("/proc/self/fd");
	for (struct dirent *entry; (entry = readdir(directory));) {
		char target[256] = "";
		if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == dirfd(directory))
			continue;
		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1) < 0)
			continue;
		target[strcspn(target, ":")] = 0;
		struct stat info; /* where its path begins depends on how the machine mounts /dev */
		bool is_null = fstat((int)strtol(entry->d_name, NULL, 10), &info) == 0 && S_ISCHR(info.st_mode) &&
			       info.st_rdev == makedev(1, 3);
		printf("%s %s\n", entry->d_name, is_null ? "null" : target);
	}
	closedir(directory);
	fflush(stdout);
	say("read back", open("/proc/self/fd/1", O_RDONLY));
	return 0;
}

/* What can be done to the pipe that output goes into: the next job must not feel it. The signal is meant for whoever
 * has the number next; who has it now only waits for it. */
static int spoil_output(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	pid_t victim = fork();
	if (victim == 0) {
		close(1);
		close(2);
		pause();
		_exit(0);
	}
	puts("before");
	fflush(stdout);
	fcntl(1, F_SETFL, O_NONBLOCK | O_ASYNC | O_APPEND);
	fcntl(1, F_SETPIPE_SZ, 4096);
	fcntl(1, F_SETOWN, victim);
	fcntl(1, F_SETSIG, SIGKILL);
	fchmod(1, 0);
	return 0;
}

/* ---- sockets ---- */

static int try_connect(int family, int kind, const void *address, socklen_t n)
{
	int fd = socket(family, kind, 0), error = 0;
	socklen_t size = sizeof error;
	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	int rc = connect(fd, address, n);
	if (rc < 0 && errno == EINPROGRESS) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		rc = poll(&wait, 1, 3000) == 1 ? getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) : -1;
		errno = rc < 0 ? ETIMEDOUT : error;
		rc = errno ? -1 : 0;
	}
	if (rc == 0 && kind == SOCK_DGRAM)
		rc = (int)send(fd, "x", 1, 0);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

/* LABEL ADDRESS PORT ...: by TCP and UDP, over IPv4 or IPv6; "@name" and paths as unix sockets. */
static int reach(int argc, char **argv)
{
	for (int i = 0; i + 2 < argc; i += 3) {
		char what[128];
		struct sockaddr_in in = {
			.sin_family = AF_INET, .sin_port = htons((in_port_t)strtol(argv[i + 2], NULL, 10))};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		const char *address = argv[i + 1];
		if (address[0] == '@' || address[0] == '/') {
			socklen_t n = sizeof un;
			if (address[0] == '@')
				n = (socklen_t)make_abstract(address + 1, &un);
			else
				snprintf(un.sun_path, sizeof un.sun_path, "%s", address);
			say(argv[i], try_connect(AF_UNIX, SOCK_STREAM, &un, n));
			continue;
		}
		bool is_6 = strchr(address, ':');
		if (inet_pton(is_6 ? AF_INET6 : AF_INET, address, is_6 ? (void *)&in6.sin6_addr : &in.sin_addr) != 1) {
			printf("%s: what address is that?\n", address);
			continue;
		}
		const void *to = is_6 ? (void *)&in6 : (void *)&in;
		socklen_t n = is_6 ? sizeof in6 : sizeof in;
		snprintf(what, sizeof what, "%s tcp", argv[i]);
		say(what, try_connect(is_6 ? AF_INET6 : AF_INET, SOCK_STREAM, to, n));
		snprintf(what, sizeof what, "%s udp", argv[i]);
		say(what, try_connect(is_6 ? AF_INET6 : AF_INET, SOCK_DGRAM, to, n));
	}
	return 0;
}

static long change_network(int kind, int type, const void *body, size_t n)
{
	struct {
		struct nlmsghdr header;
		char body[64];
	} request = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(n),
			     .nlmsg_type = (uint16_t)type,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (type == RTM_NEWROUTE ? NLM_F_CREATE : 0)}};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW, kind);
	memcpy(request.body, body, n);
	if (fd < 0 || send(fd, &request, request.header.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
		return -1;
	errno = -answer.error.error;
	return answer.error.error ? -1 : 0;
}

static int odd_sockets(int argc, char **argv)
{
	static const struct {
		const char *name;
		int family, kind, protocol;
	} kinds[] = {{"packet", AF_PACKET, SOCK_RAW, 0}, {"vsock", AF_VSOCK, SOCK_STREAM, 0},
		{"alg", AF_ALG, SOCK_SEQPACKET, 0}, {"raw ip", AF_INET, SOCK_RAW, 1},
		{"raw ip6", AF_INET6, SOCK_RAW, 58}, {"can", AF_CAN, SOCK_RAW, 1},
		{"bluetooth", AF_BLUETOOTH, SOCK_RAW, 1}, {"key", AF_KEY, SOCK_RAW, 2}, {"xdp", AF_XDP, SOCK_RAW, 0},
		{"tipc", AF_TIPC, SOCK_STREAM, 0}, {"rds", AF_RDS, SOCK_SEQPACKET, 0}};
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		say(kinds[i].name, socket(kinds[i].family, kinds[i].kind, kinds[i].protocol));
	struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_change = IFF_UP};
	say("delete route", change_network(NETLINK_ROUTE, RTM_DELROUTE, &route, sizeof route));
	say("add route", change_network(NETLINK_ROUTE, RTM_NEWROUTE, &route, sizeof route));
	say("take loopback down", change_network(NETLINK_ROUTE, RTM_NEWLINK, &link, sizeof link));
	int fd = socket(AF_INET, SOCK_DGRAM, 0), mark = 1;
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_PROMISC};
	say("promiscuous", ioctl(fd, SIOCSIFFLAGS, &request));
	say("mark", setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
	say("transparent", setsockopt(fd, IPPROTO_IP, 19, &mark, sizeof mark));
	return 0;
}

static int foreign_memory(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say("shared memory of the neighbour", shmget(0x4e45, 4096, 0));
	return 0;
}

/* ---- what a job finds ---- */

static void show(const char *path)
{
	char line[512];
	FILE *file = fopen(path, "r");
	printf("%s:\n", path);
	while (file && fgets(line, sizeof line, file))
		fputs(line, stdout);
	if (file)
		fclose(file);
}

static int count_pipe(int fd)
{
	struct stat info;
	if (fstat(fd, &info) < 0)
		return -1;
	printf("descriptor %d: mode %o flags %o size %d\n", fd, (unsigned)info.st_mode, (unsigned)fcntl(fd, F_GETFL),
		fcntl(fd, F_GETPIPE_SZ));
	return 0;
}

static long count_processes(void)
{
	long count = 0;
	DIR *directory = opendir("/proc");
	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	closedir(directory);
	return count;
}

/* Everything that an earlier job might have left, in an order that does not change. */
static int look(int argc, char **argv)
{
	static const char *const files[] = {"/proc/self/mounts", "/proc/net/unix", "/proc/net/tcp", "/proc/net/udp",
		"/proc/net/route", "/proc/net/if_inet6", "/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg",
		"/proc/self/limits", "/proc/self/uid_map", "/proc/sys/kernel/hostname", "/etc/passwd", "/etc/hosts"};
	(void)argc;
	(void)argv;
	count_pipe(1);
	printf("uid %d gid %d umask %o session %d\n", (int)getuid(), (int)getgid(), (unsigned)umask(0), (int)getpgrp());
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		show(files[i]);
	printf("processes: %ld\n", count_processes());
	fflush(stdout);
	return system("find /workspace /home/build /tmp /dev /run /opt /var /mnt -xdev -not -path '/workspace/.git/*' "
		      "-printf '%p %y %m %u\\n' | sort; env | grep -v ^CI_JOB_ID= | "
		      "sort; df --output=iused,used /tmp /dev/shm | tail -n +2");
}

const struct probe probe_reach[] = {
	{"canary", canary},
	{"neighbour", neighbour},
	{"init", init},
	{"stop-init", stop_init},
	{"everybody", everybody},
	{"descriptors-given", descriptors},
	{"spoil-output", spoil_output},
	{"reach", reach},
	{"odd-sockets", odd_sockets},
	{"foreign-memory", foreign_memory},
	{"look", look},
	{NULL, NULL},
};
