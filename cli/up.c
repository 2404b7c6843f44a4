#include "cli/up.h"

#include "cli/up_internal.h"
#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 50, DELAY_MIN_MS = 1000, DELAY_MAX_MS = 60000, STEADY_MS = 60000, WATCH_MS = 60000 };

const struct cli_flag up_flags[] = {
	{"port", "PORT", "the port of web pages, API and webhooks; 7070 by default", NULL},
	{"listen", "ADDRESS", "the address to listen on; 127.0.0.1 by default, 0.0.0.0 for every one", NULL},
	{"public-url", "URL", "the address that people and forges use, where it is another one", NULL},
	{"workers", "N", "jobs at a time; one for each core by default, 0 for none", NULL},
	{"labels", "LIST", "what jobs may ask for of the worker, such as linux,deploy", NULL},
	{"user", "ACCOUNT", "as root: who PostgreSQL and server run as; penstock or postgres by default", NULL},
	{"postgres-bin", "DIRECTORY", "the folder of PostgreSQL's programs", NULL},
	{0},
};

void up_say(const struct up *up, const char *format, ...)
{
	va_list args;
	(void)up;
	fputs("penstock: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* --- signals and waiting --- */

static bool open_signals(struct up *up, struct err *err)
{
	struct sigaction hangup;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	/* Under nohup a hang-up stays ignored. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody can be waited for */
	sigprocmask(SIG_BLOCK, &set, NULL);
	up->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return up->signal_fd >= 0 || err_errno(err, "signalfd");
}

void up_pause(struct up *up, int ms)
{
	struct pollfd fd = {.fd = up->signal_fd, .events = POLLIN};
	struct signalfd_siginfo info;
	poll(&fd, 1, ms);
	while (read(up->signal_fd, &info, sizeof info) == sizeof info)
		up->stops += info.ssi_signo != SIGCHLD;
}

bool up_say_end(struct up *up, const struct part *part, struct err *err)
{
	struct str tail = part_log_tail(up, part);
	if (tail.n)
		fprintf(stderr, "%.*s\n", STR_ARG(tail));
	return err_set(err, ERR_SYSTEM, "%s %s; its log is %s/logs/%s.log", part->title, part_end_text(up, part),
		up->dir, part->name);
}

bool up_wait_for(struct up *up, struct part *part, bool (*is_done)(struct up *), int64_t timeout_ms, const char *what,
	struct err *err)
{
	int64_t until = clock_mono_us() + timeout_ms * US_PER_MS;
	for (;;) {
		if (part_has_ended(part))
			return up_say_end(up, part, err);
		if (is_done(up))
			return true;
		if (up->stops)
			return err_set(err, ERR_CONFLICT, "stopped while %s was starting", part->title);
		if (clock_mono_us() > until)
			return err_set(err, ERR_TIMEOUT, "%s did not %s within %lld s; see %s/logs/%s.log", part->title,
				what, (long long)timeout_ms / 1000, up->dir, part->name);
		up_pause(up, TICK_MS);
	}
}

/* --- stopping --- */

struct stop_step {
	int number;
	int64_t wait_ms;
};

/* Short enough that all three end within half a minute. A second request to stop skips to the last step. */
static const struct stop_step worker_steps[] = {{SIGTERM, 5000}, {SIGTERM, 8000}, {SIGKILL, 3000}};
static const struct stop_step server_steps[] = {{SIGTERM, 8000}, {SIGKILL, 3000}};
static const struct stop_step postgres_steps[] = {{SIGINT, 15000}, {SIGQUIT, 5000}};

static void stop_part(struct up *up, struct part *part, const struct stop_step *steps, size_t count)
{
	if (part_has_ended(part))
		return;
	up_say(up, "stopping %s", part->title);
	for (size_t i = 0; i < count && !part_has_ended(part); i++) {
		bool is_last = i + 1 == count;
		int64_t until = clock_mono_us() + steps[i].wait_ms * US_PER_MS;
		if (up->stops > 1 && !is_last)
			continue;
		part_signal(part, steps[i].number);
		while (!part_has_ended(part) && clock_mono_us() < until && (is_last || up->stops < 2))
			up_pause(up, TICK_MS);
	}
	if (!part_has_ended(part)) {
		part_signal(part, SIGKILL);
		waitpid(part->pid, &part->status, 0);
		part->pid = 0;
	}
}

static void stop(struct up *up)
{
	stop_part(up, &up->worker, worker_steps, COUNT_OF(worker_steps));
	stop_part(up, &up->server, server_steps, COUNT_OF(server_steps));
	stop_part(up, &up->postgres, postgres_steps, COUNT_OF(postgres_steps));
	up_unlock(up);
	up_say(up, "stopped");
}

/* --- watching --- */

/* The last line that it logged says most. */
static struct str last_line(struct up *up, const struct part *part)
{
	struct str rest = part_log_tail(up, part), line, last = {0};
	while (str_cut(&rest, '\n', &line))
		last = line;
	return last;
}

static void look_after(struct up *up, struct part *part)
{
	struct err err = {0};
	int64_t now_us = clock_mono_us();
	if (part->pid && part_has_ended(part)) {
		bool was_steady = now_us - part->started_us > STEADY_MS * US_PER_MS;
		int64_t doubled = 2 * part->delay_ms < DELAY_MAX_MS ? 2 * part->delay_ms : DELAY_MAX_MS;
		part->delay_ms = was_steady || !part->delay_ms ? DELAY_MIN_MS : doubled;
		part->restart_us = now_us + part->delay_ms * US_PER_MS;
		up_say(up, "%s %s; starting it again in %lld s. Its log %s/logs/%s.log ends with: %.*s", part->title,
			part_end_text(up, part), (long long)part->delay_ms / 1000, up->dir, part->name,
			STR_ARG(last_line(up, part)));
	}
	if (part->pid || !part->restart_us || now_us < part->restart_us)
		return;
	if (!part_start(up, part, &err)) {
		part->restart_us = now_us + DELAY_MAX_MS * US_PER_MS;
		up_say(up, "%s", err.text);
	}
}

static int next_pause(const struct up *up)
{
	const struct part *parts[] = {&up->postgres, &up->server, &up->worker};
	int64_t now_us = clock_mono_us(), ms = WATCH_MS;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		int64_t left_ms = parts[i]->restart_us ? (parts[i]->restart_us - now_us) / US_PER_MS + 1 : WATCH_MS;
		ms = left_ms < ms ? left_ms : ms;
	}
	return ms < 0 ? 0 : (int)ms;
}

static void watch(struct up *up)
{
	while (!up->stops) {
		up_pause(up, next_pause(up));
		if (up->stops)
			break;
		look_after(up, &up->postgres);
		look_after(up, &up->server);
		look_after(up, &up->worker);
	}
}

/* --- starting --- */

static bool read_settings(struct up *up, struct err *err)
{
	const struct cli *cli = up->cli;
	cpu_set_t cores;
	up->port = 7070;
	up->slots = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
	up->listen = cli_has(cli, "listen") ? cli_flag(cli, "listen") : "127.0.0.1";
	up->labels = cli_flag(cli, "labels");
	up->public_url = cli_has(cli, "public-url") ? cli_flag(cli, "public-url") : "";
	if (!cli_number(cli, "port", 1, 65535, &up->port, err) || !cli_number(cli, "workers", 0, 1024, &up->slots, err))
		return false;
	bool is_any = strcmp(up->listen, "0.0.0.0") == 0, is_any6 = strcmp(up->listen, "::") == 0;
	const char *host = is_any ? "127.0.0.1" : is_any6 ? "[::1]" : up->listen;
	bool is_bare6 = *host != '[' && strchr(host, ':');
	up->url =
		arena_printf(&up->arena, is_bare6 ? "http://[%s]:%lld" : "http://%s:%lld", host, (long long)up->port).p;
	return true;
}

static bool prepare_dir(struct up *up, struct err *err)
{
	const char *dir = cli_has(up->cli, "dir") ? cli_flag(up->cli, "dir") : "penstock-data";
	/* Whatever the umask was, the account gets through what root makes here. Secrets have modes of their own. */
	if (geteuid() == 0)
		umask(022);
	return read_settings(up, err) && cli_self(&up->arena, &up->self, err) && open_signals(up, err) &&
	       up_choose_account(up, err) && up_open_dir(up, dir, err) && up_lock(up, err) &&
	       up_make_dir(up, "logs", 0755, false, err);
}

static bool prepare(struct up *up, struct err *err)
{
	return prepare_dir(up, err) && up_make_dir(up, "worker", 0711, false, err) && up_check_port(up, err) &&
	       up_prepare_postgres(up, err) && up_prepare_programs(up, err);
}

static void greet(struct up *up)
{
	const char *address = *up->public_url ? up->public_url : up->url;
	const char *bold = up->cli->has_color ? "\033[1m" : "", *plain = up->cli->has_color ? "\033[0m" : "";
	printf("\n%sPenstock runs at %s%s\n", bold, address, plain);
	if (access(up_path(up, "admin-password"), R_OK) == 0)
		printf("  login   admin, password in %s\n", up_path(up, "admin-password"));
	else
		printf("  login   admin\n");
	printf("  logs    %s\n", up_path(up, "logs"));
	printf("  stop    Ctrl-C, or kill %d\n", (int)getpid());
	printf("\nNext, in another terminal:\n");
	printf("  %s repo add NAME URL --dir %s\n", up->self, up->dir);
	printf("  %s hook install PATH --repository NAME --dir %s\n", up->self, up->dir);
	printf("  %s runs --dir %s\n\n", up->self, up->dir);
	fflush(stdout);
}

static bool start(struct up *up, struct err *err)
{
	auto_arena arena = {0};
	up_say(up, "starting PostgreSQL");
	if (!up_start_postgres(up, err))
		return false;
	up_say(up, "starting the server");
	if (!up_start_server(up, err) || !up_adopt_secrets(up, err) ||
		!up_write_file(up, "address", 0644, arena_printf(&arena, "%s\n", up->url), err))
		return false;
	if (up->slots == 0)
		return true;
	if (access(up_path(up, "worker-token"), R_OK) != 0)
		return err_errno(err,
			"%s, which the first start wrote; penstock up --workers 0 starts without a worker",
			up_path(up, "worker-token"));
	up_say(up, "starting the worker");
	return part_start(up, &up->worker, err);
}

int up_command(struct cli *cli, struct err *err)
{
	struct up up = {.cli = cli, .lock_fd = -1, .signal_fd = -1};
	int code = CLI_FAILED;
	bool is_ready = prepare(&up, err);
	if (is_ready && start(&up, err)) {
		greet(&up);
		watch(&up);
		code = CLI_OK;
	}
	if (is_ready)
		stop(&up);
	up_unlock(&up);
	if (up.signal_fd >= 0)
		close(up.signal_fd);
	arena_done(&up.arena);
	return code;
}

bool up_with_postgres(
	struct cli *cli, bool (*act)(struct up *up, void *arg, struct err *err), void *arg, struct err *err)
{
	struct up up = {.cli = cli, .lock_fd = -1, .signal_fd = -1};
	bool ok = prepare_dir(&up, err) && up_prepare_postgres(&up, err) && up_start_postgres(&up, err) &&
		  act(&up, arg, err);
	stop_part(&up, &up.postgres, postgres_steps, COUNT_OF(postgres_steps));
	up_unlock(&up);
	if (up.signal_fd >= 0)
		close(up.signal_fd);
	arena_done(&up.arena);
	return ok;
}
