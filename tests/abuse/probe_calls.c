#include "tests/abuse/probe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- calls by number: all that these want of their arguments is that the call is made ---- */

struct call {
	const char *name;
	long number;
	long arguments[5];
};

#define CALL(name, ...)                                                                                                \
	{                                                                                                              \
#name, SYS_##name,                                                                                     \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

static int make_calls(const struct call *calls)
{
	for (; calls->name; calls++) {
		const long *a = calls->arguments;
		say(calls->name, syscall(calls->number, a[0], a[1], a[2], a[3], a[4]));
	}
	return 0;
}

static int mounts(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	const struct call calls[] = {
		CALL(mount, (long)"none", (long)"/tmp", (long)"tmpfs", 0, 0),
		{"mount proc", SYS_mount, {(long)"proc", (long)"/tmp", (long)"proc", 0, 0}},
		{"mount cgroup", SYS_mount, {(long)"x", (long)"/tmp", (long)"cgroup", 0, (long)"memory"}},
		{"bind", SYS_mount, {(long)"/usr", (long)"/tmp", 0, MS_BIND, 0}},
		{"remount /usr", SYS_mount, {0, (long)"/usr", 0, MS_REMOUNT | MS_BIND, 0}},
		{"umount /proc/sys", SYS_umount2, {(long)"/proc/sys", MNT_DETACH}},
		{"umount /proc/kcore", SYS_umount2, {(long)"/proc/kcore", MNT_DETACH}},
		CALL(pivot_root, (long)"/tmp", (long)"/tmp"),
		CALL(chroot, (long)"/tmp"),
		CALL(fsopen, (long)"tmpfs", 0),
		CALL(fsmount, -1, 0, 0),
		CALL(fspick, AT_FDCWD, (long)"/", 0),
		CALL(open_tree, AT_FDCWD, (long)"/", 1),
		CALL(move_mount, AT_FDCWD, (long)"/usr", AT_FDCWD, (long)"/tmp", 0),
		CALL(mount_setattr, AT_FDCWD, (long)"/usr", 0, 0, 0),
		{0},
	};
	return make_calls(calls);
}

static int kernel(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static const struct timeval epoch;
	static const struct timespec epoch_ns;
	const struct call calls[] = {
		CALL(init_module, (long)"", 0, (long)""),
		CALL(finit_module, 0, (long)"", 0),
		CALL(delete_module, (long)"loop", 0),
		CALL(kexec_load, 0, 0, 0, 0),
		CALL(reboot, (long)0xfee1dead, 672274793, 0x1234567, 0),
		CALL(swapon, (long)"/tmp/x", 0),
		CALL(swapoff, (long)"/tmp/x"),
		CALL(acct, (long)"/tmp/x"),
		CALL(quotactl, 0, 0, 0, 0),
		CALL(settimeofday, (long)&epoch, 0),
		CALL(clock_settime, 0, (long)&epoch_ns),
		CALL(sethostname, (long)"owned", 5),
		CALL(setdomainname, (long)"owned", 5),
		CALL(iopl, 3),
		CALL(ioperm, 0x70, 2, 1),
		CALL(syslog, 3, 0, 0),
		{"vhangup", SYS_vhangup, {0}},
		CALL(perf_event_open, 0, 0, -1, -1, 0),
		CALL(fanotify_init, 0, 0),
		CALL(open_by_handle_at, AT_FDCWD, 0, 0),
		CALL(lookup_dcookie, 0, 0, 0),
		{0},
	};
	return make_calls(calls);
}

static int bpf(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char attributes[128] = {0};
	const struct call calls[] = {
		{"map", SYS_bpf, {0, (long)attributes, sizeof attributes}},
		{"program", SYS_bpf, {5, (long)attributes, sizeof attributes}},
		{0},
	};
	return make_calls(calls);
}

static int io_uring(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char parameters[256] = {0};
	const struct call calls[] = {
		CALL(io_uring_setup, 8, (long)parameters),
		CALL(io_uring_enter, 3, 1, 0, 0, 0),
		CALL(io_uring_register, 3, 0, 0, 0),
		{0},
	};
	return make_calls(calls);
}

static int userfaultfd(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	const struct call calls[] = {CALL(userfaultfd, 0), {"user mode only", SYS_userfaultfd, {1}}, {0}};
	say("/dev/userfaultfd", open("/dev/userfaultfd", O_RDWR));
	return make_calls(calls);
}

static int keys(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	const struct call calls[] = {
		CALL(add_key, (long)"user", (long)"name", (long)"x", 1, KEY_SPEC_USER_KEYRING),
		CALL(request_key, (long)"user", (long)"name", 0, KEY_SPEC_SESSION_KEYRING),
		CALL(keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1),
		{"join session", SYS_keyctl, {KEYCTL_JOIN_SESSION_KEYRING, 0}},
		{0},
	};
	return make_calls(calls);
}

/* ---- namespaces ---- */

static char stack[64 * 1024] __attribute__((aligned(16)));

static int leave(void *argument)
{
	(void)argument;
	_exit(0);
}

static int namespaces(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
		{"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}};
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char text[64], path[64];
		snprintf(text, sizeof text, "unshare %s", kinds[i].name);
		say(text, unshare(kinds[i].flag));
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
		snprintf(text, sizeof text, "setns %s", kinds[i].name);
		say(text, setns(open(path, O_RDONLY | O_CLOEXEC), 0));
		if (kinds[i].flag == CLONE_NEWTIME)
			continue; /* clone has no bit for it */
		snprintf(text, sizeof text, "clone %s", kinds[i].name);
		say(text, clone(leave, stack + sizeof stack, kinds[i].flag | SIGCHLD, NULL));
	}
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	say("clone3 user", syscall(SYS_clone3, &args, sizeof args));
	return 0;
}

/* ---- other ABIs ---- */

static int x32(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say("getpid", syscall(0x40000000 | SYS_getpid));
	say("mount", syscall(0x40000000 | SYS_mount, "x", "/tmp", "tmpfs", 0, 0));
	say("ptrace", syscall(0x40000000 | 521, 16, 1, 0, 0));
	return 0;
}

/* Where the kernel has no such calls at all, the instruction is a fault. */
static int i386(int argc, char **argv)
{
	(void)argc;
	(void)argv;
#ifdef __x86_64__
	pid_t child = fork();
	if (child == 0) {
		long result;
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory"); /* getpid */
		_exit(result > 0);
	}
	int status;
	waitpid(child, &status, 0);
	bool is_refused = WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
	printf("getpid: %s\n", is_refused ? "refused" : "done");
#else
	puts("getpid: refused");
#endif
	return 0;
}

static int personalities(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say("READ_IMPLIES_EXEC", syscall(SYS_personality, 0x0400000));
	say("MMAP_PAGE_ZERO", syscall(SYS_personality, 0x0100000));
	say("ADDR_COMPAT_LAYOUT", syscall(SYS_personality, 0x0200000));
	say("PER_BSD", syscall(SYS_personality, 6));
	return 0;
}

/* ---- terminals ---- */

static int terminal(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	setsid();
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(master);
	unlockpt(master);
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ioctl(slave, TIOCSCTTY, 0);
	char byte = 'x', twelve[2] = {12, 0};
	int discipline = 2;
	say("TIOCSTI", ioctl(slave, TIOCSTI, &byte));
	/* The kernel looks at the lower half of the register alone. */
	say("TIOCSTI with upper bits", syscall(SYS_ioctl, slave, 0x100000000L | TIOCSTI, &byte));
	say("TIOCLINUX", ioctl(slave, TIOCLINUX, twelve));
	say("TIOCSETD", ioctl(slave, TIOCSETD, &discipline));
	return 0;
}

/* ---- identity ---- */

static int identity(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	gid_t root = 0;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
	say("setuid 0", setuid(0));
	say("setresuid 0", syscall(SYS_setresuid, 0, 0, 0));
	say("setgid 0", setgid(0));
	say("setgroups 0", syscall(SYS_setgroups, 1, &root));
	say("capset", syscall(SYS_capset, &header, all));
	say("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
	say("securebits", prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
	say("new privileges", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	int map = open("/proc/self/uid_map", O_WRONLY);
	say("uid_map", map < 0 ? map : write(map, "0 0 1", 5));
	return 0;
}

static int file_capability(int argc, char **argv)
{
	(void)argc;
	static const unsigned char every[20] = {1, 0, 0, 2, 255, 255, 255, 255};
	say("security.capability", setxattr(argv[0], "security.capability", every, sizeof every, 0));
	say("trusted.x", setxattr(argv[0], "trusted.x", "x", 1, 0));
	return 0;
}

static int devices(int argc, char **argv)
{
	static const char *const absent[] = {"/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/net/tun", "/dev/fuse",
		"/dev/loop-control", "/dev/loop0", "/dev/sda", "/dev/vda", "/dev/console", "/dev/tty1", "/dev/uinput",
		"/dev/vsock", "/dev/mapper/control"};
	(void)argc;
	(void)argv;
	say("mknod mem", mknod("mem", S_IFCHR | 0666, makedev(1, 1)));
	say("mknod disk", mknod("disk", S_IFBLK | 0666, makedev(254, 0)));
	say("mknod whiteout", mknod("whiteout", S_IFCHR, makedev(0, 0)));
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		say(absent[i], open(absent[i], O_RDWR));
	return 0;
}

const struct probe probe_calls[] = {
	{"mounts", mounts},
	{"kernel", kernel},
	{"bpf", bpf},
	{"io_uring", io_uring},
	{"userfaultfd", userfaultfd},
	{"keys", keys},
	{"namespaces", namespaces},
	{"x32", x32},
	{"i386", i386},
	{"personalities", personalities},
	{"terminal", terminal},
	{"identity", identity},
	{"file-capability", file_capability},
	{"devices", devices},
	{NULL, NULL},
};
