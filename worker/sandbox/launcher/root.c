#include "worker/sandbox/launcher/root.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/net.h"
#include "worker/sandbox/launcher/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Any directory that every machine has and every account may enter: in our own mount namespace it becomes the root. */
#define NEW_ROOT "/tmp"

static const char *const directories[] = {"etc", "etc/ssl", "usr", "proc", "mnt", "dev", "dev/pts", "dev/shm", "tmp",
	"run", "home", "home/build", "workspace", "opt", "var", ".volume"};

/* Read-only from the host. A missing one is left out. */
static const char *const system_paths[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/ld.so.cache",
	"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/services", "/etc/protocols", "/etc/mime.types",
	"/etc/debian_version", "/etc/os-release"};

static const struct {
	const char *path, *text;
} files[] = {
	{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
		       "build:x:1000:1000:build:" SANDBOX_HOME_PATH ":/bin/sh\n"
		       "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
	{"etc/group", "root:x:0:\ntty:x:5:\nbuild:x:1000:\nnogroup:x:65534:\n"},
	{"etc/hosts", "127.0.0.1 localhost penstock\n::1 localhost penstock\n"},
	{"etc/hostname", "penstock\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
	{"etc/host.conf", "multi on\n"},
};

static const struct {
	const char *path, *target;
} links[] = {
	{"dev/fd", "/proc/self/fd"},
	{"dev/stdin", "/proc/self/fd/0"},
	{"dev/stdout", "/proc/self/fd/1"},
	{"dev/stderr", "/proc/self/fd/2"},
	{"dev/ptmx", "pts/ptmx"},
	{"etc/mtab", "/proc/self/mounts"},
	{"var/tmp", "/tmp"},
	{"var/run", "/run"},
};

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static bool set_flags(const char *path, uint64_t flags, unsigned at_flags, struct err *err)
{
	struct mount_attr attr = {.attr_set = flags};
	if (mount_setattr(AT_FDCWD, path, at_flags, &attr, sizeof attr) < 0)
		return err_errno(err, "set mount flags of %s", path);
	return true;
}

static bool bind(const char *from, const char *to, struct err *err)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_errno(err, "bind %s", from);
	return true;
}

static bool write_new_file(const char *path, const char *text, struct err *err)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		return err_errno(err, "make %s", path);
	return true;
}

/* A link stays a link (/bin -> usr/bin), a directory or file is bound read-only. */
static bool bring_in(const char *path, struct err *err)
{
	char to[PATH_MAX], target[PATH_MAX];
	snprintf(to, sizeof to, "%s%s", NEW_ROOT, path);
	struct stat st;
	if (lstat(path, &st) < 0)
		return true;
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			return err_errno(err, "read link %s", path);
		target[n] = 0;
		return symlink(target, to) == 0 || err_errno(err, "make link %s", path);
	}
	if (S_ISDIR(st.st_mode) && mkdir(to, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make %s", to);
	if (!S_ISDIR(st.st_mode) && !write_new_file(to, "", err))
		return false;
	return bind(path, to, err) &&
	       set_flags(to, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE, err);
}

static bool make_dev(struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		char from[64], to[64];
		snprintf(from, sizeof from, "/dev/%s", devices[i]);
		snprintf(to, sizeof to, NEW_ROOT "/dev/%s", devices[i]);
		if (!write_new_file(to, "", err) || !bind(from, to, err))
			return false;
	}
	if (mount("devpts", NEW_ROOT "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		    "newinstance,ptmxmode=0666,mode=620") < 0)
		return err_errno(err, "mount devpts");
	return true;
}

/* With egress, names are resolved through slirp4netns' forwarder. */
static bool make_etc(const struct root_plan *plan, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char to[64];
		snprintf(to, sizeof to, NEW_ROOT "/%s", files[i].path);
		if (!write_new_file(to, files[i].text, err))
			return false;
	}
	return plan->network != SANDBOX_NETWORK_EGRESS ||
	       write_new_file(NEW_ROOT "/etc/resolv.conf", "nameserver " NET_RESOLVER "\n", err);
}

static bool mount_tmpfs(const char *to, uint64_t bytes, uint64_t inodes, const char *mode, struct err *err)
{
	char options[128];
	snprintf(options, sizeof options, "mode=%s,size=%llu,nr_inodes=%llu", mode, (unsigned long long)bytes,
		(unsigned long long)inodes);
	if (mount("tmpfs", to, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return err_errno(err, "mount a tmpfs at %s", to);
	return true;
}

/* Both areas lie on one volume, so that one limit holds for both. */
static bool place_areas(const char *root, struct err *err)
{
	static const char *const areas[][2] = {
		{ROOT_VOLUME_WORK, SANDBOX_WORKSPACE_PATH}, {ROOT_VOLUME_HOME, SANDBOX_HOME_PATH}};
	for (size_t i = 0; i < COUNT_OF(areas); i++) {
		char from[64], to[64];
		snprintf(from, sizeof from, "%s%s", root, areas[i][0]);
		snprintf(to, sizeof to, "%s%s", root, areas[i][1]);
		if (mkdir(from, 0755) < 0 && errno != EEXIST)
			return err_errno(err, "make %s", from);
		if (!bind(from, to, err) || !set_flags(to, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, err))
			return false;
	}
	return true;
}

static bool place_volume(const struct root_plan *plan, struct err *err)
{
	if (plan->volume < 0)
		return mount_tmpfs(NEW_ROOT ROOT_VOLUME, plan->disk_bytes, plan->inodes, "755", err) &&
		       place_areas(NEW_ROOT, err);
	char from[64];
	snprintf(from, sizeof from, "/proc/self/fd/%d", plan->volume);
	return bind(from, NEW_ROOT ROOT_VOLUME, err) && place_areas(NEW_ROOT, err);
}

/* By descriptor, since the account of the slot may not be let into the directory that it lies in. */
static bool place_policy(const struct root_plan *plan, struct err *err)
{
	char from[64];
	if (plan->policy < 0)
		return true;
	snprintf(from, sizeof from, "/proc/self/fd/%d", plan->policy);
	return write_new_file(NEW_ROOT ROOT_POLICY, "", err) && bind(from, NEW_ROOT ROOT_POLICY, err) &&
	       set_flags(NEW_ROOT ROOT_POLICY, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, err);
}

bool root_clear(const struct root_plan *plan, bool *ret_is_empty, struct err *err)
{
	if (umount2(SANDBOX_WORKSPACE_PATH, MNT_DETACH) < 0 || umount2(SANDBOX_HOME_PATH, MNT_DETACH) < 0)
		return err_errno(err, "unmount the workspace");
	*ret_is_empty = true;
	if (plan->volume < 0) {
		if (umount2(ROOT_VOLUME, MNT_DETACH) < 0)
			return err_errno(err, "unmount the workspace's tmpfs");
		return mount_tmpfs(ROOT_VOLUME, plan->disk_bytes, plan->inodes, "755", err);
	}
	*ret_is_empty = rmdir(ROOT_VOLUME_WORK) == 0 && rmdir(ROOT_VOLUME_HOME) == 0;
	return true;
}

bool root_place(struct err *err)
{
	return place_areas("", err);
}

static bool enter(struct err *err)
{
	if (chdir(NEW_ROOT) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(err, "enter the new root");
	return set_flags("/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, err);
}

bool root_build(const struct root_plan *plan, struct err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(err, "make mounts private");
	if (!mount_tmpfs(NEW_ROOT, 1 << 20, 512, "755", err))
		return false;
	for (size_t i = 0; i < COUNT_OF(directories); i++) {
		char to[64];
		snprintf(to, sizeof to, NEW_ROOT "/%s", directories[i]);
		if (mkdir(to, 0755) < 0)
			return err_errno(err, "make %s", to);
	}
	for (size_t i = 0; i < COUNT_OF(links); i++) {
		char to[64];
		snprintf(to, sizeof to, NEW_ROOT "/%s", links[i].path);
		if (symlink(links[i].target, to) < 0)
			return err_errno(err, "make link %s", to);
	}
	for (size_t i = 0; i < COUNT_OF(system_paths); i++) {
		if (!bring_in(system_paths[i], err))
			return false;
	}
	return make_etc(plan, err) && make_dev(err) && place_policy(plan, err) && place_volume(plan, err) &&
	       bind("/proc", NEW_ROOT "/mnt", err) && enter(err);
}

/* What Docker masks. To an account that owns nothing there these files are closed anyway; this is the second lock. */
static bool mask_proc(struct err *err)
{
	static const char *const hidden_files[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list",
		"/proc/sysrq-trigger", "/proc/latency_stats", "/proc/sched_debug"};
	static const char *const hidden_directories[] = {"/proc/acpi", "/proc/scsi", "/proc/asound"};
	static const char *const read_only[] = {"/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq"};
	for (size_t i = 0; i < COUNT_OF(hidden_files); i++) {
		if (mount("/dev/null", hidden_files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return err_errno(err, "hide %s", hidden_files[i]);
	}
	for (size_t i = 0; i < COUNT_OF(hidden_directories); i++) {
		if (mount("/opt", hidden_directories[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return err_errno(err, "hide %s", hidden_directories[i]);
	}
	for (size_t i = 0; i < COUNT_OF(read_only); i++) {
		if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL) < 0) {
			if (errno == ENOENT)
				continue;
			return err_errno(err, "bind %s", read_only[i]);
		}
		uint64_t flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
		if (!set_flags(read_only[i], flags, 0, err))
			return false;
	}
	return true;
}

bool root_finish(const struct root_plan *plan, struct err *err)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_errno(err, "mount /proc; in a container, it must see an unmasked /proc");
	if (umount2("/mnt", MNT_DETACH) < 0)
		return err_errno(err, "unmount the host's /proc");
	/* The volume's own mount would show work and home under a second name. */
	if (umount2(ROOT_VOLUME, MNT_DETACH) < 0)
		return err_errno(err, "unmount the volume");
	return mask_proc(err) && mount_tmpfs("/tmp", plan->disk_bytes, plan->inodes, "1777", err) &&
	       mount_tmpfs("/dev/shm", plan->disk_bytes, plan->inodes, "1777", err);
}
