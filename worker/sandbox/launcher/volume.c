#include "worker/sandbox/launcher/volume.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOP_TRIES = 16 };

static const char *const mkfs_paths[] = {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"};

static const char *mkfs_path(void)
{
	for (size_t i = 0; i < COUNT_OF(mkfs_paths); i++) {
		if (access(mkfs_paths[i], X_OK) == 0)
			return mkfs_paths[i];
	}
	return NULL;
}

const char *volume_obstacle(void)
{
	if (geteuid() != 0)
		return "only root can mount a loop device";
	if (!mkfs_path())
		return "mkfs.ext4 is not installed: apt-get install e2fsprogs";
	if (access("/dev/loop-control", R_OK | W_OK) < 0)
		return "/dev/loop-control cannot be opened: modprobe loop, or give the container that device";
	return "";
}

static void image_path(const char *state, unsigned number, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.4000s/slot-%u.ext4", state, number);
}

static void mount_path(const char *state, unsigned number, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.4000s/slot-%u", state, number);
}

/* What mkfs.ext4 asks for at least; it comes on top of the limit. A small volume has few inodes to look at. */
#define JOURNAL_BYTES        (UINT64_C(4) << 20)
#define JOURNALED_FROM_BYTES (UINT64_C(16) << 20)

/* Said one by one, since no mke2fs.conf is read: it may be anybody's. Groups are not written until they are used. */
#define FEATURES "extent,flex_bg,uninit_bg,^resize_inode"

/* No reserve, but a journal, though what is in there never outlives its slot: without one, ext4 looks at every inode
 * that was removed in the last minutes before it takes a free one, and a slot of many short jobs gets slower with each.
 */
static bool make_filesystem(const char *image, bool has_journal, uint64_t inodes, struct err *err)
{
	char count[32];
	snprintf(count, sizeof count, "%llu", (unsigned long long)inodes);
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		sys_close_all_but(0);
		close(3);
		char *arguments[] = {"mkfs.ext4", "-q", "-F", "-m", "0", "-N", count, "-O",
			has_journal ? FEATURES ",has_journal" : FEATURES ",^has_journal",
			has_journal ? "-Jsize=4" : "-q", "-E",
			"lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0", (char *)(uintptr_t)image,
			NULL};
		char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MKE2FS_CONFIG=/dev/null", NULL};
		execve(mkfs_path(), arguments, environment);
		_exit(127);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return err_errno(err, "run mkfs.ext4");
	if (status != 0)
		return err_set(err, ERR_SYSTEM, "mkfs.ext4 failed on %s (wait status %d)", image, status);
	return true;
}

/* Others may take the free device between asking and configuring. */
static bool attach_loop(int image, char ret_device[static 32], int *ret_fd, struct err *err)
{
	auto_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return err_errno(err, "open /dev/loop-control");
	for (int i = 0; i < LOOP_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return err_errno(err, "find a free loop device");
		snprintf(ret_device, 32, "/dev/loop%d", number);
		int fd = open(ret_device, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, "open %s", ret_device);
		struct loop_config config = {.fd = (__u32)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			*ret_fd = fd;
			return true;
		}
		close(fd);
		if (errno != EBUSY)
			return err_errno(err, "attach %s", ret_device);
	}
	return err_set(err, ERR_BUSY, "no free loop device after %d tries", LOOP_TRIES);
}

/* Nobody reads it after a crash, so nothing waits for the disk; a new file is zeros, and need not be written as such.
 */
#define OPTIONS         "discard,noinit_itable"
#define JOURNAL_OPTIONS OPTIONS ",data=writeback,commit=300,barrier=0"

static bool mount_image(const char *image, const char *at, bool has_journal, uid_t owner, struct err *err)
{
	char device[32], lost[PATH_MAX + 16];
	auto_fd int loop = -1;
	auto_fd int fd = open(image, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open %s", image);
	if (!attach_loop(fd, device, &loop, err))
		return false;
	if (mount(device, at, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME, has_journal ? JOURNAL_OPTIONS : OPTIONS) < 0)
		return err_errno(err, "mount %s at %s", device, at);
	snprintf(lost, sizeof lost, "%s/lost+found", at);
	if ((rmdir(lost) < 0 && errno != ENOENT) || chown(at, owner, owner) < 0 || chmod(at, 0755) < 0) {
		err_errno(err, "prepare %s", at);
		umount2(at, MNT_DETACH);
		return false;
	}
	return true;
}

bool volume_open(const char *state, unsigned number, uint64_t bytes, uint64_t inodes, uid_t owner, struct err *err)
{
	char image[PATH_MAX], at[PATH_MAX];
	bool has_journal = bytes >= JOURNALED_FROM_BYTES;
	image_path(state, number, image);
	mount_path(state, number, at);
	unlink(image);
	{
		auto_fd int fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)(bytes + (has_journal ? JOURNAL_BYTES : 0))) < 0)
			return err_errno(err, "make %s of %llu bytes", image, (unsigned long long)bytes);
	}
	if (mkdir(at, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make %s", at);
	if (make_filesystem(image, has_journal, inodes, err) && mount_image(image, at, has_journal, owner, err))
		return true;
	unlink(image);
	rmdir(at);
	return false;
}

void volume_close(const char *state, unsigned number)
{
	char image[PATH_MAX], at[PATH_MAX];
	image_path(state, number, image);
	mount_path(state, number, at);
	umount2(at, MNT_DETACH);
	unlink(image);
	rmdir(at);
}

void volume_sweep(const char *state)
{
	DIR *entries = opendir(state);
	if (!entries)
		return;
	struct dirent *entry;
	while ((entry = readdir(entries))) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%.3800s/%.255s", state, entry->d_name);
		if (strncmp(entry->d_name, "slot-", 5) != 0)
			continue;
		if (entry->d_type == DT_DIR)
			rmdir(path);
		else
			unlink(path);
	}
	closedir(entries);
}
