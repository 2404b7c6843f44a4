/* penstock-sandbox: started by a worker or the CLI (see client.h) with a socket as descriptor 3; of no use by hand. */

#include "common/mem.h"
#include "worker/sandbox/launcher/launcher.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/launcher/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLIENT_FD = 3, LOCK_TRIES = 500, LOCK_PAUSE_NS = 10000000 };

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	int64_t value;
	if (!str_to_i64(str_of(text), &value) || value < 0 || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool parse_options(int argc, char **argv, struct machine *machine)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'},
		{"slots", required_argument, NULL, 'n'},
		{"first-range", required_argument, NULL, 'r'},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool ok = option == 's'   ? optarg[0] == '/' && (machine->state = mem_strdup(optarg))
			  : option == 'n' ? parse_number(optarg, LAUNCHER_MAX_SLOTS, &machine->slots)
			  : option == 'r' ? parse_number(optarg, 60000 - LAUNCHER_MAX_SLOTS, &machine->first_range)
					  : false;
		if (!ok)
			return false;
	}
	return machine->state && machine->slots && optind == argc;
}

/* The command line can be read in every step's /proc/1. The kernel shows all of the original length, zeros too, unless
 * its last byte is not zero: then it takes the text for one that was rewritten, and ends it where it ends. */
static void hide_arguments(int argc, char **argv, char **environment)
{
	static const char name[] = "penstock-init";
	size_t n = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
	memset(argv[0], 0, n);
	memcpy(argv[0], name, n < sizeof name + 1 ? n - 2 : sizeof name);
	argv[0][n - 1] = '.';
	for (char **variable = environment; *variable; variable++)
		explicit_bzero(*variable, strlen(*variable));
	environment[0] = NULL;
	prctl(PR_SET_NAME, name);
}

/* One launcher per state directory. A predecessor that was just killed may still hold the lock through children that
 * are about to die. */
static bool lock_state(const char *state, struct err *err)
{
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make the sandbox's state directory %s", state);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%.4000s/lock", state);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "open %s", path);
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
	close(fd);
	return err_set(err, ERR_BUSY,
		"%s belongs to another running sandbox launcher; give this worker its own directory", state);
}

/* Stable over restarts, so that a launcher finds the cgroups of its predecessor. */
static void name_from_state(const char *state, char ret[static 17])
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const char *c = state; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	snprintf(ret, 17, "%016llx", (unsigned long long)hash);
}

static bool prepare_process(struct launcher *launcher, struct err *err)
{
	struct machine *machine = &launcher->machine;
	char id[17];
	setsid();
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!lock_state(machine->state, err))
		return false;
	machine->is_root = geteuid() == 0;
	if (machine->is_root && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return err_errno(err, "make a mount namespace; root without CAP_SYS_ADMIN cannot build sandboxes");
	volume_sweep(machine->state);
	name_from_state(machine->state, id);
	cgroup_tree_open(&machine->cgroups, id);
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	launcher->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return launcher->signals >= 0 || err_errno(err, "watch signals");
}

int main(int argc, char **argv, char **environment)
{
	static struct launcher launcher = {.client = CLIENT_FD};
	int type;
	socklen_t n = sizeof type;
	if (!parse_options(argc, argv, &launcher.machine) ||
		getsockopt(CLIENT_FD, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr,
			"penstock-sandbox is started by penstock-worker and penstock; see docs/security-sandbox.md\n");
		return 2;
	}
	close_range(CLIENT_FD + 1, ~0U, 0);
	fcntl(CLIENT_FD, F_SETFD, FD_CLOEXEC);
	hide_arguments(argc, argv, environment);
	struct err err = {0};
	bool ok = prepare_process(&launcher, &err) && launcher_start(&launcher, &err);
	if (ok)
		launcher_serve(&launcher);
	else
		wire_fail(launcher.client, 0, 0, &err);
	launcher_stop(&launcher);
	return ok ? 0 : 1;
}
