/*
 * Process 1 of the virtual machine of `tests/run vm`: loads the modules listed in /modules, takes the host's root file
 * system (9p, read-only) as its own with fresh /proc, /sys, /dev, /tmp and cgroup version 2, runs the command in
 * /command (one word a line), and switches the machine off. Static, the only program of the initramfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 64, LINE_MAX_BYTES = 4096 };

static const struct {
	const char *source, *target, *type, *options;
} mounts[] = {
	{"proc", "/host/proc", "proc", ""},
	{"sysfs", "/host/sys", "sysfs", ""},
	{"cgroup2", "/host/sys/fs/cgroup", "cgroup2", ""},
	{"devtmpfs", "/host/dev", "devtmpfs", ""},
	{"devpts", "/host/dev/pts", "devpts", "mode=620,ptmxmode=666"},
	{"tmpfs", "/host/dev/shm", "tmpfs", "mode=1777"},
	{"tmpfs", "/host/tmp", "tmpfs", "mode=1777"},
	{"tmpfs", "/host/run", "tmpfs", "mode=755"},
	{"tmpfs", "/host/var/tmp", "tmpfs", "mode=1777"},
};

static void complain(const char *what)
{
	printf("init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
}

/* The words of a file, one a line; the array ends with a NULL. */
static char **read_words(const char *path)
{
	static char *words[WORDS_MAX + 1];
	char line[LINE_MAX_BYTES];
	size_t count = 0;
	FILE *file = fopen(path, "r");
	while (file && count < WORDS_MAX && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		words[count++] = strdup(line);
	}
	words[count] = NULL;
	if (file)
		fclose(file);
	return words;
}

static void load_modules(void)
{
	for (char **path = read_words("/modules"); *path; path++) {
		int fd = open(*path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			complain(*path);
		close(fd);
	}
}

static void enter_host(void)
{
	mkdir("/host", 0755);
	if (mount("host", "/host", "9p", MS_RDONLY, "trans=virtio,version=9p2000.L,msize=512000,cache=loose") < 0)
		complain("the host's files");
	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type, 0, mounts[i].options) < 0)
			complain(mounts[i].target);
	}
	if (chdir("/host") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		complain("enter the host's files");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		complain("loopback");
	close(fd);
}

int main(void)
{
	puts("init: here");
	fflush(stdout);
	load_modules();
	char **command = read_words("/command");
	enter_host();
	loopback_up();
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
		setenv("HOME", "/tmp", 1);
		execv(command[0], command);
		complain(command[0]);
		_exit(127);
	}
	/* Orphans too: nobody else would reap them. */
	int status = 0;
	for (pid_t ended; (ended = wait(&status)) != pid && ended > 0;)
		;
	printf("init: the command ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
}
