// links: penstock_sandbox_client
/* The layers of the sandbox, each asserted from inside a step; as root and as an ordinary account. */
#include "tests/integration/sandbox_fixture.h"
#include "worker/sandbox/doctor.h"

#include <signal.h>

static bool is_root(void)
{
	return geteuid() == 0;
}

/* A script prints exactly this, or "*" for whatever it prints as long as it exits with 0. */
static const struct {
	const char *what, *script, *output;
} facts[] = {
	{"steps are an account without a name on the host", "id -u; id -g; id -un", "1000\n1000\nbuild\n"},
	{"no groups come along", "test \"$(id -G)\" = 1000 || id -G | grep -qx '1000 65534' ; echo $?", "0\n"},
	{"no capabilities, in any set", "grep -h '^Cap' /proc/self/status /proc/1/status | tr -d '\\t' | sort -u",
		"CapAmb:0000000000000000\nCapBnd:0000000000000000\nCapEff:0000000000000000\nCapInh:0000000000000000\n"
		"CapPrm:0000000000000000\n"},
	{"no_new_privs and seccomp are on", "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'",
		"NoNewPrivs:1\nSeccomp:2\n"},
	{"two filters", "grep '^Seccomp_filters' /proc/self/status | tr -d '\\t'", "Seccomp_filters:2\n"},
	{"the environment is what was given", "env | grep -v -e '^PWD=' -e '^_=' -e SHLVL -e OLDPWD | sort",
		"HOME=/home/build\nMARK=given\nPATH=/usr/bin:/bin:/usr/sbin\n"},
	{"pid 1 is the sandbox's own", "tr '\\0' '\\n' </proc/1/cmdline", "penstock-init\n"},
	{"pid 1 shows no environment", "cat /proc/1/environ 2>/dev/null | wc -c", "0\n"},
	{"pid 1 shows no descriptors", "ls /proc/1/fd 2>/dev/null | wc -l", "0\n"},
	{"the step sees its own processes only", "ls /proc | grep -c '^[0-9]*$'", "*"},
	{"no descriptor but the three", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "}, /* 3 is ls's own */
	{"stdin is empty", "wc -c", "0\n"},
	{"it has its own session",
		"test \"$(cut -d' ' -f6 /proc/self/stat)\" -gt 0 && cat /dev/tty 2>&1 | grep -c 'No such'", "1\n"},
	{"a kill reaches nobody else", "kill -9 -1 2>/dev/null; echo alive", "*"},
	{"a signal to pid 1 does nothing", "kill -9 1; kill -TERM 1; echo alive", "alive\n"},
	{"the host name is neutral", "uname -n", "penstock\n"},
	{"cgroup paths of the host are hidden",
		"cut -d: -f3 /proc/self/cgroup | grep -v '^/$' | grep -v '^/\\.\\.' | wc -l", "0\n"},
	{"loopback only", "cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '", "lo\n"},
	{"loopback is up", "cat /proc/net/fib_trie | grep -c 127.0.0.1", "*"},
	{"root is read-only", "touch /x /etc/x /usr/x /opt/x 2>/dev/null || echo no", "no\n"},
	{"nothing of the host's root", "ls / | tr '\\n' ' '", "*"},
	{"no host home, no host tmp", "ls -A /home /tmp /root /var/lib 2>/dev/null | tr '\\n' ' '",
		"/home: build  /tmp: "},
	{"workspace and home can be written", "echo a > /workspace/a && echo b > /home/build/b && cat /workspace/a ~/b",
		"a\nb\n"},
	{"the working directory is the workspace", "pwd", "/workspace\n"},
	{"tmp can be written", "echo a > /tmp/a && cat /tmp/a", "a\n"},
	{"shm can be written", "echo a > /dev/shm/a && cat /dev/shm/a", "a\n"},
	{"no setuid anywhere",
		"awk '$2==\"/\"||$2==\"/usr\"||$2==\"/workspace\"||$2==\"/tmp\"{print $2, $4}' /proc/self/mounts | "
		"grep -v nosuid | wc -l",
		"0\n"},
	{"usr is read-only", "awk '$2==\"/usr\"{print $4}' /proc/self/mounts | cut -d, -f1", "ro\n"},
	{"devices are the harmless ones", "ls /dev | tr '\\n' ' '",
		"fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "},
	{"no device can be made", "mknod /tmp/d b 8 0 2>/dev/null || echo no", "no\n"},
	{"core_pattern is closed", "echo x 2>/dev/null > /proc/sys/kernel/core_pattern || echo no", "no\n"},
	{"proc/sys is read-only", "awk '$2==\"/proc/sys\"{print $4}' /proc/self/mounts | cut -d, -f1", "ro\n"},
	{"what leaks from proc is masked",
		"for f in kcore keys timer_list sysrq-trigger; do test -e /proc/$f && stat -c %t:%T /proc/$f; done | grep -v 1:3",
		""},
	{"no sys", "ls /sys 2>/dev/null | wc -l", "0\n"},
	{"no mount left from the host", "grep -c -e '/mnt' -e volume /proc/self/mountinfo", "0\n"},
	{"core dumps are off", "ulimit -c", "0\n"},
	{"oddly named but there: names resolve", "getent hosts localhost | head -1 | wc -l", "1\n"},
	{"no resolver without egress", "test -e /etc/resolv.conf || echo no", "no\n"},
	{"a child that waits is reaped", "sh -c 'sleep 0.05 & exit' ; sleep 0.2; ps -e 2>/dev/null | grep -c defunct",
		"0\n"},
	{"compilers' alternatives work", "test -d /etc/alternatives && echo yes", "yes\n"},
	{"pseudo terminals work", "script -qec 'echo in a tty' /dev/null 2>/dev/null | tr -d '\\r' || true", "*"},
};

START_TEST(step_sees)
{
	open_job(NULL);
	const char *output = run_script(facts[_i].script);
	if (strcmp(facts[_i].output, "*") != 0)
		ck_assert_msg(strcmp(output, facts[_i].output) == 0, "%s: got \"%s\" instead of \"%s\" (%s)",
			facts[_i].what, output, facts[_i].output, fixture.end.text);
	close_job();
}
END_TEST

/* Each line is tried in one step; all must be refused. Python makes calls that no shell tool makes. */
static const struct {
	const char *what, *call;
	int error; /* errno; 0 for any */
} refusals[] = {
	{"a new user namespace", "libc.unshare(0x10000000)", 1},
	{"a new mount namespace", "libc.unshare(0x20000)", 1},
	{"clone with a namespace", "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)", 1},
	{"clone3, whose flags cannot be seen", "libc.syscall(435, 0, 0)", 38},
	{"mount", "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)", 1},
	{"umount of a mask", "libc.umount2(b'/proc/kcore', 0)", 1},
	{"keyctl", "libc.syscall(250, 0, -3, 0)", 1},
	{"add_key", "libc.syscall(248, b'user', b'a', b'b', 1, -3)", 1},
	{"bpf", "libc.syscall(321, 0, 0, 0)", 1},
	{"io_uring", "libc.syscall(425, 1, 0)", 1},
	{"userfaultfd", "libc.syscall(323, 0)", 1},
	{"perf_event_open", "libc.syscall(298, 0, 0, -1, -1, 0)", 1},
	{"setns", "libc.setns(0, 0)", 1},
	{"pivot_root", "libc.syscall(155, b'/', b'/')", 1},
	{"chroot", "libc.chroot(b'/')", 1},
	{"open_by_handle_at", "libc.syscall(304, 0, 0, 0)", 1},
	{"a vsock", "libc.socket(40, 1, 0)", 97},
	{"a kernel crypto socket", "libc.socket(38, 5, 0)", 97},
	{"a packet socket", "libc.socket(17, 3, 0)", 97},
	{"TIOCSTI", "libc.ioctl(0, 0x5412, b'x')", 1},
	{"TIOCSTI with a dirty upper half", "libc.syscall(16, 0, ctypes.c_ulong(0x100005412), b'x')", 1},
	{"TIOCLINUX", "libc.ioctl(0, 0x541c, b'x')", 1},
	{"x32 calls", "libc.syscall(0x40000000 + 39)", 38},
	{"an old personality", "libc.personality(0x0400000)", 38},
	{"tracing pid 1", "libc.ptrace(16, 1, 0, 0)", 1},
	{"setuid: not permitted, or in profile user no such id", "libc.setuid(0)", 0},
	{"sethostname", "libc.sethostname(b'x', 1)", 1},
};

START_TEST(step_is_refused)
{
	char script[1024];
	snprintf(script, sizeof script,
		"python3 -c \"import ctypes,os\nlibc=ctypes.CDLL(None,use_errno=True)\nr=%s\nprint(r,ctypes.get_errno())\"",
		refusals[_i].call);
	open_job(NULL);
	const char *output = run_script(script);
	char expected[32];
	snprintf(expected, sizeof expected, "-1 %d\n", refusals[_i].error);
	if (!refusals[_i].error)
		ck_assert_msg(strncmp(output, "-1 ", 3) == 0, "%s: got \"%s\"", refusals[_i].what, output);
	else
		ck_assert_msg(strcmp(output, expected) == 0, "%s: got \"%s\" instead of \"%s\"", refusals[_i].what,
			output, expected);
	close_job();
}
END_TEST

/* What a build does need must not be caught by the filters. */
static const struct {
	const char *what, *script;
} needs[] = {
	{"compile and run C", "printf 'int main(void){return 7;}' > a.c && cc -o a a.c && ./a; test $? = 7"},
	{"debuggers may trace their own children",
		"python3 -c \"import ctypes; exit(ctypes.CDLL(None).ptrace(0,0,0,0) != 0)\""},
	{"git", "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m a && git status"},
	{"threads", "python3 -c 'import threading; t=threading.Thread(target=print); t.start(); t.join()'"},
	{"local servers",
		"python3 -c \"import socket as s; a=s.create_server(('127.0.0.1',0)); b=s.create_connection(a.getsockname())\""},
	{"unix sockets", "python3 -c \"import socket as s; s.socket(s.AF_UNIX).bind('/tmp/s')\""},
	{"link and rename between directories", "mkdir -p a b && echo x > a/f && ln a/f b/g && mv b/g a/h && cat a/h"},
	{"truncate", "echo hello > f && truncate -s 1 f && test $(wc -c < f) = 1"},
	{"address layout can be fixed", "setarch -R true"},
};

START_TEST(step_can)
{
	open_job(NULL);
	run_script(needs[_i].script);
	ck_assert_msg(fixture.end.reason == SANDBOX_END_EXIT && fixture.end.exit_code == 0, "%s: %s", needs[_i].what,
		fixture.output);
	close_job();
}
END_TEST

START_TEST(processes_belong_to_another_account)
{
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	start_script("echo ready; sleep 61.25", output);
	char owner[64] = "";
	for (int tries = 0; tries < 1000 && !*owner; tries++) {
		FILE *ps = popen("ps -eo uid,args | grep '[s]leep 61.25$' | head -1", "r");
		if (!fgets(owner, sizeof owner, ps))
			owner[0] = 0;
		pclose(ps);
	}
	long expected = is_root() ? 100000 + 65536L * 2000 + 1000 : (long)geteuid();
	ck_assert_int_eq(strtol(owner, NULL, 10), expected);
	struct err err = {0};
	ck_assert(sandbox_close(fixture.sandbox, fixture.job, &err));
	ck_assert_int_eq(expect_event(SANDBOX_ENDED).end.signal, SIGKILL);
	expect_event(SANDBOX_CLOSED);
}
END_TEST

START_TEST(landlock_is_on)
{
	open_job(NULL);
	/* By its permissions everybody may write to it; only Landlock refuses. */
	const char *output =
		run_script("test $(stat -c %a /dev/urandom) = 666; sh -c 'echo x > /dev/urandom' || echo refused");
	if (!has_layer(SANDBOX_LAYER_LANDLOCK))
		printf("this kernel has no Landlock: not tested\n");
	else
		ck_assert_msg(strstr(output, "ermission denied") && strstr(output, "refused"), "%s", output);
	close_job();
}
END_TEST

START_TEST(doctor_sees_the_layers)
{
	struct sandbox_layer layers[SANDBOX_LAYER_COUNT];
	struct err err = {0};
	ck_assert_msg(sandbox_doctor(fixture.sandbox, layers, &err), "%s", err.text);
	for (size_t i = 0; i < SANDBOX_LAYER_COUNT; i++) {
		printf("%-16s %-8s %s\n", layers[i].name, sandbox_layer_state_name(layers[i].state), layers[i].detail);
		ck_assert(*layers[i].detail && *layers[i].purpose);
		/* What is not on says what to do; what the launcher has said it has is on. */
		ck_assert_int_eq(layers[i].state == SANDBOX_LAYER_ON, has_layer((enum sandbox_layer_bit)i));
		ck_assert_int_eq(layers[i].state == SANDBOX_LAYER_ON, *layers[i].remedy == 0);
	}
	ck_assert_int_eq(layers[SANDBOX_LAYER_CAPABILITIES].state, SANDBOX_LAYER_ON);
	ck_assert_int_eq(layers[SANDBOX_LAYER_SECCOMP].state, SANDBOX_LAYER_ON);
	if (sandbox_facts(fixture.sandbox)->profile == SANDBOX_PROFILE_USER)
		ck_assert_int_eq(layers[SANDBOX_LAYER_MEMORY].state, SANDBOX_LAYER_OFF);
	open_job(NULL);
	close_job();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *layers = tcase_create("layers");
	tcase_add_checked_fixture(layers, fixture_set_up, fixture_tear_down);
	tcase_set_timeout(layers, 150);
	tcase_add_loop_test(layers, step_sees, 0, (int)COUNT_OF(facts));
	tcase_add_loop_test(layers, step_is_refused, 0, (int)COUNT_OF(refusals));
	tcase_add_loop_test(layers, step_can, 0, (int)COUNT_OF(needs));
	tcase_add_test(layers, processes_belong_to_another_account);
	tcase_add_test(layers, landlock_is_on);
	tcase_add_test(layers, doctor_sees_the_layers);
	suite_add_tcase(s, layers);
	return s;
}

int main(int argc, char **argv)
{
	(void)argc;
	return run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
}
