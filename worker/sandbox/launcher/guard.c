#include "worker/sandbox/launcher/guard.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/launcher/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two programs: which calls there are, and what of them a step loses besides: those of its own set-up, and some
 * arguments. The kernel takes the stricter answer. The first is long, and the kernel compiles it anew for each process
 * that puts it on: so the keeper of a slot wears it, and the processes of jobs inherit it from there. */
static struct sock_fprog slot_program, step_program;
static unsigned landlock_abi;

static bool export_program(scmp_filter_ctx filter, struct sock_fprog *ret, struct err *err)
{
	auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || seccomp_export_bpf(filter, fd) < 0)
		return err_errno(err, "compile the system call filter");
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_errno(err, "compile the system call filter");
	void *program = mem_alloc((size_t)st.st_size);
	if (pread(fd, program, (size_t)st.st_size, 0) != st.st_size) {
		free(program);
		return err_errno(err, "read the system call filter");
	}
	ret->filter = program;
	ret->len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	return true;
}

static int add_by_name(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		if (number < 0)
			continue;
		int rc = seccomp_rule_add(filter, action, number, 0);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Plain Linux, 32-bit `uname`, no address randomisation (debuggers, TSan), and the question what it is now. */
static int allow_personalities(scmp_filter_ctx filter)
{
	static const uint64_t values[] = {0, 0x8, 0x40000, 0xffffffff};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < COUNT_OF(values); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffU, values[i]));
	return rc;
}

static bool make_slot_program(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return err_set(err, ERR_SYSTEM, "libseccomp gives no filter");
	/* Other ABIs (i386, x32) have other numbers: all of them are refused. */
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_by_name(filter, SCMP_ACT_ALLOW, syscalls_allowed);
	if (rc == 0)
		rc = add_by_name(filter, SCMP_ACT_ALLOW, syscalls_of_set_up);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = add_by_name(filter, SCMP_ACT_ERRNO(EPERM), syscalls_refused);
	if (rc == 0)
		rc = allow_personalities(filter);
	bool ok = rc == 0 ? export_program(filter, &slot_program, err)
			  : err_set(err, ERR_SYSTEM, "libseccomp refuses the filter of calls: %d", rc);
	seccomp_release(filter);
	return ok;
}

/* ioctl's request is 32 bits; the kernel ignores the upper half of the register, so the filter must too. */
static int refuse_ioctl(scmp_filter_ctx filter, uint32_t request)
{
	return seccomp_rule_add(
		filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffU, request));
}

static int refuse_arguments(scmp_filter_ctx filter)
{
	static const uint64_t namespaces[] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
	for (size_t i = 0; i < COUNT_OF(namespaces); i++) {
		int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
		if (rc < 0)
			return rc;
	}
	static const int families[] = {
		AF_ALG, AF_VSOCK, AF_PACKET, AF_KEY, AF_XDP, AF_TIPC, AF_BLUETOOTH, AF_CAN, AF_RDS, AF_NFC, AF_SMC};
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffU, (uint64_t)families[i]));
		if (rc < 0)
			return rc;
	}
	int rc = refuse_ioctl(filter, TIOCSTI);
	if (rc == 0)
		rc = refuse_ioctl(filter, TIOCLINUX);
	if (rc == 0)
		rc = refuse_ioctl(filter, TIOCSETD);
	return rc;
}

static int refuse_set_up(scmp_filter_ctx filter)
{
	int rc = add_by_name(filter, SCMP_ACT_ERRNO(EPERM), syscalls_of_set_up);
	/* Its flags are behind a pointer that a filter cannot follow; C libraries fall back to clone. */
	return rc < 0 ? rc : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static bool make_step_program(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return err_set(err, ERR_SYSTEM, "libseccomp gives no filter");
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (rc == 0)
		rc = refuse_set_up(filter);
	if (rc == 0)
		rc = refuse_arguments(filter);
	bool ok = rc == 0 ? export_program(filter, &step_program, err)
			  : err_set(err, ERR_SYSTEM, "libseccomp refuses the filter of steps: %d", rc);
	seccomp_release(filter);
	return ok;
}

bool guard_prepare(struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	landlock_abi = abi > 0 ? (unsigned)abi : 0;
	bool ok = make_slot_program(err) && make_step_program(err);
	/* What libseccomp leaves of the heap would be copied into each process, and tidied up by each. */
	malloc_trim(0);
	return ok;
}

unsigned guard_landlock_abi(void)
{
	return landlock_abi;
}

bool guard_bound_capabilities(struct err *err)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability) < 0)
			return err_errno(err, "drop capability %d from the bounding set", capability);
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_errno(err, "clear the ambient capabilities");
	return true;
}

bool guard_keep_capabilities(uint64_t keep, struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	for (size_t i = 0; i < COUNT_OF(data); i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> (32 * i));
	if (syscall(SYS_capset, &header, data) < 0)
		return err_errno(err, "drop capabilities");
	return true;
}

#define LANDLOCK_READ     (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

#define LANDLOCK_TRUNCATE (1ULL << 14) /* newer than Debian 12's headers */
/* A rule for a single file may name no right that only directories have. */
#define LANDLOCK_OF_FILES                                                                                              \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_TRUNCATE)

static uint64_t landlock_all(void)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 */
	if (landlock_abi >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (landlock_abi >= 3)
		all |= LANDLOCK_TRUNCATE;
	return all;
}

static bool landlock_allow(int ruleset, const char *path, uint64_t access, struct err *err)
{
	auto_fd int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "landlock: open %s", path);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_errno(err, "landlock: look at %s", path);
	if (!S_ISDIR(st.st_mode))
		access &= LANDLOCK_OF_FILES;
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_errno(err, "landlock: rule for %s", path);
	return true;
}

bool guard_landlock_make(const char *const *writable, int *ret_ruleset, struct err *err)
{
	if (landlock_abi == 0) {
		*ret_ruleset = -1;
		return true;
	}
	/* Later ABIs add fields behind this one; a short struct leaves them off. */
	struct landlock_ruleset_attr attr = {.handled_access_fs = landlock_all()};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	if (ruleset < 0)
		return err_errno(err, "landlock: create a ruleset");
	bool ok = landlock_allow(ruleset, "/", LANDLOCK_READ, err);
	for (size_t i = 0; ok && writable[i]; i++)
		ok = landlock_allow(ruleset, writable[i], landlock_all(), err);
	if (!ok) {
		close(ruleset);
		return false;
	}
	*ret_ruleset = ruleset;
	return true;
}

bool guard_confine(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, "set no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &slot_program) < 0)
		return err_errno(err, "install the filter of system calls");
	return true;
}

bool guard_enter(int landlock_ruleset, struct err *err)
{
	if (landlock_ruleset >= 0 && syscall(SYS_landlock_restrict_self, landlock_ruleset, 0) < 0)
		return err_errno(err, "enter Landlock");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &step_program) < 0)
		return err_errno(err, "install the filter of steps");
	return true;
}

bool guard_set_rlimits(uint32_t processes, struct err *err)
{
	struct rlimit none = {0, 0}, files;
	if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_errno(err, "set resource limits");
	if (files.rlim_max > 65536)
		files.rlim_max = 65536;
	files.rlim_cur = files.rlim_max < 1024 ? files.rlim_max : 1024;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_errno(err, "limit open files");
	struct rlimit count;
	if (processes && getrlimit(RLIMIT_NPROC, &count) == 0) {
		if (count.rlim_max > processes)
			count.rlim_max = processes;
		count.rlim_cur = count.rlim_max;
		if (setrlimit(RLIMIT_NPROC, &count) < 0)
			return err_errno(err, "limit processes");
	}
	return true;
}
