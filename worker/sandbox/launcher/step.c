#include "worker/sandbox/launcher/step.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/guard.h"
#include "worker/sandbox/launcher/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIN_FREE_BYTES = 64 * 1024, MAX_FREE_BYTES = 4 * 1024 * 1024 };

/* /dev/random and /dev/urandom take writes from everybody, but not from a step. */
static const char *const writable[] = {SANDBOX_WORKSPACE_PATH, SANDBOX_HOME_PATH, "/tmp", "/proc", "/dev/shm",
	"/dev/pts", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", NULL};

void step_die_with_parent(int parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct pollfd gone = {.fd = parent, .events = POLLIN};
	if (poll(&gone, 1, 0) != 0)
		_exit(1);
}

/* A file system refuses a large write as a whole while there is room for a small one. */
static bool is_full(const char *path)
{
	struct statvfs st;
	if (statvfs(path, &st) < 0)
		return false;
	uint64_t little = st.f_blocks * st.f_frsize / 64;
	little = little < MIN_FREE_BYTES ? MIN_FREE_BYTES : little > MAX_FREE_BYTES ? MAX_FREE_BYTES : little;
	return st.f_bavail * st.f_frsize < little || (st.f_files && st.f_favail == 0);
}

static _Noreturn void report_and_exit(int to, const struct step_report *report)
{
	if (write(to, report, sizeof *report) < 0)
		_exit(2);
	_exit(0);
}

static _Noreturn void fail(int to, const struct err *err)
{
	struct step_report report = {0};
	snprintf(report.text, sizeof report.text, "%.199s", err->text);
	report_and_exit(to, &report);
}

static char program_stack[64 * 1024] __attribute__((aligned(16)));

struct program {
	const struct step_spec *spec;
	int ruleset;
	struct err err; /* set when the program could not be run; the memory is shared until it runs */
};

/* Runs in the parent's memory until execve, so it only makes system calls and writes into `program->err`. */
static int become_program(void *argument)
{
	struct program *program = argument;
	const struct step_spec *spec = program->spec;
	sigset_t none;
	sigemptyset(&none);
	setsid();
	if (dup2(spec->out, 1) < 0 || dup2(spec->err, 2) < 0) {
		err_errno(&program->err, "take the output descriptors");
		_exit(1);
	}
	/* Marked, not closed: the descriptors are still needed by this function. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (chdir(spec->cwd) < 0) {
		err_errno(&program->err, "enter directory %s", spec->cwd);
		_exit(1);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!guard_enter(program->ruleset, &program->err))
		_exit(1);
	execve(spec->arguments[0], (char *const *)(uintptr_t)spec->arguments,
		(char *const *)(uintptr_t)spec->environment);
	err_errno(&program->err, "run %s", spec->arguments[0]);
	return 1;
}

/* The main program's wait status. A signal from outside (sender pid 0) goes on to the whole tree; one that the step
 * itself sends to pid 1 does nothing. */
static int reap_until(pid_t main_program, const sigset_t *signals)
{
	for (;;) {
		siginfo_t info;
		int signal = sigwaitinfo(signals, &info);
		if (signal > 0 && signal != SIGCHLD && info.si_pid == 0)
			kill(-1, signal);
		int status;
		pid_t pid;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == main_program)
				return status;
		}
	}
}

bool step_volunteer_for_oom(const char *file, struct err *err)
{
	prctl(PR_SET_DUMPABLE, 1);
	bool ok = sys_write_file(AT_FDCWD, file, "500", err);
	prctl(PR_SET_DUMPABLE, 0);
	return ok;
}

static bool set_up(const struct step_spec *spec, int *ret_ruleset, struct err *err)
{
	return root_finish(spec->root, err) && step_volunteer_for_oom("/proc/self/oom_score_adj", err) &&
	       guard_landlock_make(writable, ret_ruleset, err) && guard_set_rlimits(spec->processes, err) &&
	       guard_keep_capabilities(0, err);
}

static _Noreturn void run_init(const struct step_spec *spec, int report_to)
{
	step_die_with_parent(spec->parent);
	struct program program = {.spec = spec, .ruleset = -1};
	struct err err = {0};
	if (!set_up(spec, &program.ruleset, &err))
		fail(report_to, &err);
	sigset_t signals;
	sigfillset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	/* In shared memory until it executes: one copy of page tables less for each step. */
	pid_t pid =
		clone(become_program, program_stack + sizeof program_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &program);
	if (pid < 0)
		err_errno(&program.err, "fork");
	if (program.err.kind != ERR_NONE)
		fail(report_to, &program.err);
	/* Only the program may hold its outputs, or their readers would never see the end. */
	if (report_to != 3)
		report_to = dup3(report_to, 3, O_CLOEXEC);
	close_range(4, ~0U, 0);
	struct step_report report = {.has_started = true, .status = reap_until(pid, &signals)};
	report.is_disk_full = is_full(SANDBOX_WORKSPACE_PATH) || is_full("/tmp");
	report_and_exit(report_to, &report);
}

bool step_start(const struct step_spec *spec, pid_t *ret_pid, int *ret_report, struct err *err)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		run_init(spec, report[1]);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return err_errno(err, "make the step's namespaces");
	}
	*ret_pid = pid;
	*ret_report = report[0];
	return true;
}
