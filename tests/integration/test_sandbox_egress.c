// links: penstock_sandbox_client penstock_dispatch
/*
 * The way out, and what must not be reached by it. As root, the test builds a world of its own: a network namespace
 * that plays the machine (192.0.2.1), and behind a veth another that plays the rest of the world (192.0.2.2, .3, and
 * the metadata address). In each address a server greets on port 8080. An ordinary account cannot build that alone, so
 * it is tested inside root's world.
 */
#include "server/dispatch/own_addresses.h"
#include "tests/integration/sandbox_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MARK "PENSTOCK_TEST_WORLD"

static const char server[] =
	"import socketserver as s,sys\n"
	"class H(s.BaseRequestHandler):\n  def handle(self): self.request.sendall(sys.argv[1].encode())\n"
	"s.ThreadingTCPServer((\"0.0.0.0\", 8080), H).serve_forever()";

/* Greets with a word, in the namespace of process `world` or, for 0, in ours; ends with us. */
static void start_server(pid_t world, const char *word)
{
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char target[32];
	snprintf(target, sizeof target, "-t%d", (int)(world ? world : getpid()));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	execlp("nsenter", "nsenter", target, "-n", "python3", "-c", server, word, (char *)NULL);
	_exit(127);
}

/* A process in a namespace of its own, which lasts as long as the process. */
static pid_t start_world(void)
{
	int ready[2];
	if (pipe(ready) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bool ok = unshare(CLONE_NEWNET) == 0;
		ok = write(ready[1], ok ? "y" : "n", 1) == 1;
		pause();
		_exit(!ok);
	}
	char byte = 'n';
	bool ok = read(ready[0], &byte, 1) == 1 && byte == 'y';
	close(ready[0]);
	close(ready[1]);
	return ok ? pid : -1;
}

/* As Debian has it; on small machines without udev only root may open it. In a mount namespace of our own. */
static bool open_tun_to_all(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       system("set -e; mount --make-rprivate /; d=$(mktemp -d); mknod -m 666 $d/tun c 10 200; "
		      "mount --bind $d/tun /dev/net/tun; rm -r $d") == 0;
}

static bool build_world(pid_t world)
{
	char command[2048];
	snprintf(command, sizeof command,
		"set -e; ip link set lo up; ip link add host0 type veth peer name world0; ip link set world0 netns %d; "
		"ip addr add 192.0.2.1/24 dev host0; ip link set host0 up; ip route add default via 192.0.2.2; "
		"nsenter -t %d -n sh -ec 'ip link set lo up; ip addr add 192.0.2.2/24 dev world0; "
		"ip addr add 192.0.2.3/24 dev world0; ip addr add 169.254.169.254/32 dev world0; ip link set world0 up'",
		(int)world, (int)world);
	if (system(command) != 0)
		return false;
	start_server(0, "machine");
	start_server(world, "world");
	/* Both answer. */
	for (int i = 0; i < 100; i++) {
		if (system("python3 -c 'import socket as s\nfor a in (\"192.0.2.1\", \"192.0.2.2\", \"169.254.169.254\"):\n"
			   "  s.create_connection((a, 8080), 2).recv(9)' 2>/dev/null") == 0)
			return true;
		usleep(10000);
	}
	return false;
}

static const char *try_all(void)
{
	return run_script("python3 -c 'import socket as s\n"
			  "for a in \"192.0.2.2 192.0.2.3 192.0.2.1 127.0.0.1 198.18.77.2 169.254.169.254\".split():\n"
			  "  try: print(a, s.create_connection((a, 8080), 3).recv(9).decode() or \"nothing\")\n"
			  "  except OSError as e: print(a, \"no\")'");
}

static void open_with(enum sandbox_network network, const char *const *denied, const char *const *allowed)
{
	struct sandbox_job_options options = {.network = network, .denied = denied, .allowed = allowed};
	open_job(&options);
}

static const char *const third[] = {"192.0.2.3", NULL};
static const char *const all_of_it[] = {"192.0.2.0/24", NULL};
static const char *const machine[] = {"192.0.2.1", NULL};
static const char *coordinator[8] = {NULL}; /* what a coordinator in the world tells its workers */

static const struct {
	const char *what;
	enum sandbox_network network;
	const char *const *denied, *const *allowed;
	const char *output;
} ways[] = {
	{"none: nowhere", SANDBOX_NETWORK_NONE, NULL, NULL,
		"192.0.2.2 no\n192.0.2.3 no\n192.0.2.1 no\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
	{"egress: the world, not the machine, its loopback, metadata", SANDBOX_NETWORK_EGRESS, NULL, NULL,
		"192.0.2.2 world\n192.0.2.3 world\n192.0.2.1 no\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
	{"a denied address", SANDBOX_NETWORK_EGRESS, third, NULL,
		"192.0.2.2 world\n192.0.2.3 no\n192.0.2.1 no\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
	{"a denied network with an allowed address in it", SANDBOX_NETWORK_EGRESS, all_of_it, third,
		"192.0.2.2 no\n192.0.2.3 world\n192.0.2.1 no\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
	{"a coordinator's addresses, on another machine", SANDBOX_NETWORK_EGRESS, coordinator, NULL,
		"192.0.2.2 no\n192.0.2.3 no\n192.0.2.1 no\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
	{"the machine itself, allowed", SANDBOX_NETWORK_EGRESS, NULL, machine,
		"192.0.2.2 world\n192.0.2.3 world\n192.0.2.1 machine\n127.0.0.1 no\n198.18.77.2 no\n169.254.169.254 no\n"},
};

#define COORDINATOR "PENSTOCK_TEST_COORDINATOR"

/* Asks, where the coordinator would run: the addresses by comma, into the environment of what is tested. */
static bool ask_coordinator(pid_t world)
{
	int answer[2];
	char path[64], text[512];
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)world);
	if (pipe(answer) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		auto_arena arena = {0};
		struct str_list list = {0};
		int there = open(path, O_RDONLY | O_CLOEXEC);
		bool ok = there >= 0 && setns(there, CLONE_NEWNET) == 0;
		own_addresses_add_machine(&list, &arena);
		for (size_t i = 0; i < list.count; i++)
			ok = ok && dprintf(answer[1], "%.*s,", STR_ARG(list.items[i])) > 0;
		_exit(!ok);
	}
	close(answer[1]);
	int status = 1;
	waitpid(pid, &status, 0);
	ssize_t n = read(answer[0], text, sizeof text - 1);
	close(answer[0]);
	text[n > 0 ? n : 0] = 0;
	return status == 0 && n > 0 && setenv(COORDINATOR, text, 1) == 0;
}

static void read_coordinator(void)
{
	static char text[512];
	char *rest = text;
	snprintf(text, sizeof text, "%s", getenv(COORDINATOR));
	for (size_t i = 0; *rest && i + 1 < COUNT_OF(coordinator); i++) {
		coordinator[i] = rest;
		rest = strchr(rest, ',');
		*rest++ = 0;
	}
}

static bool can_go_out(void)
{
	if (has_layer(SANDBOX_LAYER_EGRESS))
		return true;
	printf("egress: not tested, this account cannot open /dev/net/tun\n");
	return false;
}

START_TEST(reaches)
{
	if (ways[_i].network == SANDBOX_NETWORK_EGRESS && !can_go_out())
		return;
	open_with(ways[_i].network, ways[_i].denied, ways[_i].allowed);
	const char *output = try_all();
	ck_assert_msg(strcmp(output, ways[_i].output) == 0, "%s: %s", ways[_i].what, output);
	close_job();
}
END_TEST

START_TEST(slot_changes_its_network)
{
	for (int i = 0; can_go_out() && i < 4; i++) {
		open_with(i % 2 ? SANDBOX_NETWORK_EGRESS : SANDBOX_NETWORK_NONE, NULL, NULL);
		ck_assert_ptr_nonnull(strstr(try_all(), i % 2 ? "192.0.2.2 world" : "192.0.2.2 no"));
		ck_assert_str_eq(
			run_script("cat /etc/resolv.conf 2>/dev/null"), i % 2 ? "nameserver 198.18.77.3\n" : "");
		close_job();
	}
}
END_TEST

START_TEST(step_cannot_change_routes)
{
	if (!can_go_out())
		return;
	open_with(SANDBOX_NETWORK_EGRESS, NULL, NULL);
	run_script(
		"ip route del unreachable 169.254.0.0/16 || ip route add 169.254.169.254 via 198.18.77.2 || echo refused");
	ck_assert_ptr_nonnull(strstr(fixture.output, "refused"));
	close_job();
}
END_TEST

START_TEST(bad_network_is_named)
{
	static const char *const bad[] = {"10.0.0.0/33", NULL};
	struct sandbox_job_options options = {.network = SANDBOX_NETWORK_EGRESS, .denied = bad};
	struct err err = {0};
	ck_assert(sandbox_open(fixture.sandbox, &options, &fixture.job, &err));
	const char *named = has_layer(SANDBOX_LAYER_EGRESS) ? "10.0.0.0/33" : "/dev/net/tun";
	ck_assert_ptr_nonnull(strstr(expect_event(SANDBOX_FAILED).err.text, named));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox egress");
	TCase *egress = tcase_create("egress");
	tcase_add_checked_fixture(egress, fixture_set_up, fixture_tear_down);
	tcase_set_timeout(egress, 150);
	tcase_add_loop_test(egress, reaches, 0, (int)COUNT_OF(ways));
	tcase_add_test(egress, slot_changes_its_network);
	tcase_add_test(egress, step_cannot_change_routes);
	tcase_add_test(egress, bad_network_is_named);
	suite_add_tcase(s, egress);
	return s;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (getenv(MARK)) {
		read_coordinator();
		return run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
	}
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("egress: not tested, since only root can build a network to test in\n");
		return EXIT_SUCCESS;
	}
	pid_t world = start_world();
	if (world < 0 || !open_tun_to_all() || !build_world(world) || !ask_coordinator(world)) {
		fprintf(stderr, "cannot build the network to test in\n");
		return EXIT_FAILURE;
	}
	setenv(MARK, "1", 1);
	read_coordinator();
	int result = run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
	kill(world, SIGKILL);
	waitpid(world, NULL, 0);
	return result;
}
