#include "cli/up_internal.h"

#include "cli/api.h"
#include "cli/port_owner.h"
#include "common/digest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READY_MS = 120000, PROBE_MS = 2000, SECRET_MAX_BYTES = 4096, RANGES = 900, RANGE_SLOTS = 64 };

/* --- where the programs are --- */

/* The account may not be let into the folder of the programs: a checkout in root's home. Then it gets copies. */
static bool copy_programs(struct up *up, struct err *err)
{
	static const char script[] =
		"set -e; rm -rf \"$2.new\"; mkdir -p \"$2.new/bin\"; cp \"$1/penstock-server\" \"$2.new/bin/\"; "
		"for web in \"$1/../web\" \"$1/../share/penstock/web\"; do "
		"if [ -d \"$web\" ]; then cp -R \"$web\" \"$2.new/web\"; break; fi; done; "
		"chmod -R u=rwX,go=rX \"$2.new\"; rm -rf \"$2\"; mv \"$2.new\" \"$2\"";
	const char *to = up_path(up, "programs");
	const char *const argv[] = {"/bin/sh", "-c", script, "copy", up->programs, to, NULL};
	static const char *const none[] = {NULL};
	struct part copy = {
		.name = "server",
		.title = "the copy of the programs",
		.argv = argv,
		.environment = up_environment(up, NULL, none),
		.death_signal = SIGKILL,
	};
	return part_run(up, &copy, err);
}

static bool find_program(struct up *up, const char *name, struct err *err)
{
	if (access(arena_printf(&up->arena, "%s/%s", up->programs, name).p, X_OK) == 0)
		return true;
	return err_set(err, ERR_NOT_FOUND,
		"%s is missing in %s, where this penstock is: build it, or install Penstock whole", name, up->programs);
}

static bool choose_programs(struct up *up, const char **ret_server, struct err *err)
{
	struct err ignored;
	up->programs = arena_str(&up->arena, str_head(str_of(up->self), (size_t)(strrchr(up->self, '/') - up->self))).p;
	if (!find_program(up, "penstock-server", err) || (up->slots && !find_program(up, "penstock-worker", err)))
		return false;
	*ret_server = arena_printf(&up->arena, "%s/penstock-server", up->programs).p;
	if (up_account_can_reach(up, *ret_server, &ignored))
		return true;
	up_say(up, "the server runs from a copy in %s/programs, since %s cannot enter %s", up->dir, up->account.name,
		up->programs);
	*ret_server = up_path(up, "programs/bin/penstock-server");
	return copy_programs(up, err);
}

/* --- server --- */

/* A libpq connection string takes quotes and backslashes escaped. */
const char *up_database_url(struct up *up)
{
	auto_buf text = BUF_INIT(4096);
	buf_add_c(&text, "DATABASE_URL=dbname=postgres user=penstock host='");
	for (const char *c = up->socket_dir; *c; c++) {
		if (*c == '\'' || *c == '\\')
			buf_add_char(&text, '\\');
		buf_add_char(&text, *c);
	}
	buf_add_char(&text, '\'');
	return arena_str(&up->arena, buf_str(&text)).p;
}

static void fill_server(struct up *up, const char *program)
{
	const char **argv = arena_array(&up->arena, const char *, 2),
		   **extra = arena_array(&up->arena, const char *, 8);
	argv[0] = program;
	size_t n = 0;
	extra[n++] = up_database_url(up);
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_SERVER_LISTEN_ADDRESS=%s", up->listen).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_SERVER_LISTEN_PORT=%lld", (long long)up->port).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_SERVER_DATA_DIR=%s", up_path(up, "data")).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_SERVER_PUBLIC_URL=%s", up->public_url).p;
	up->server = (struct part){
		.name = "server",
		.title = "the server",
		.account = up->account.name,
		.argv = argv,
		.environment = up_environment(up, up->account.home, extra),
		.death_signal = SIGTERM,
	};
}

/* --- worker --- */

/* Workers of one machine must not share ids; directories rarely share a hash. */
static unsigned first_range(const struct up *up)
{
	uint8_t digest[DIGEST_BYTES];
	digest_of(str_of(up->dir), digest);
	return (unsigned)(digest[0] << 8 | digest[1]) % RANGES * RANGE_SLOTS;
}

static void fill_worker(struct up *up)
{
	const char **argv = arena_array(&up->arena, const char *, 2),
		   **extra = arena_array(&up->arena, const char *, 8);
	argv[0] = arena_printf(&up->arena, "%s/penstock-worker", up->programs).p;
	size_t n = 0;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_URL=%s", up->url).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_TOKEN_FILE=%s", up_path(up, "worker-token")).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_SLOTS=%lld", (long long)up->slots).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_WORK_DIR=%s", up_path(up, "worker")).p;
	extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_FIRST_RANGE=%u", first_range(up)).p;
	if (up->labels)
		extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_LABELS=%s", up->labels).p;
	if (up->account.name)
		extra[n++] = arena_printf(&up->arena, "PENSTOCK_WORKER_USER=%s", up->account.name).p;
	up->worker = (struct part){
		.name = "worker",
		.title = "the worker",
		.argv = argv,
		.environment = up_environment(up, NULL, extra),
		.death_signal = SIGKILL, /* its sandboxes end with it; a drain would wait for a server that has gone */
	};
}

bool up_prepare_programs(struct up *up, struct err *err)
{
	const char *server;
	if (!choose_programs(up, &server, err) || !up_make_dir(up, "data", 0700, true, err))
		return false;
	fill_server(up, server);
	fill_worker(up);
	return true;
}

/* --- the server's start --- */

bool up_check_port(struct up *up, struct err *err)
{
	char port[16];
	struct addrinfo *found, wish = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	snprintf(port, sizeof port, "%lld", (long long)up->port);
	int failed = getaddrinfo(up->listen, port, &wish, &found);
	if (failed)
		return err_set(err, ERR_INVALID, "--listen %s: %s", up->listen, gai_strerror(failed));
	auto_fd int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	bool ok = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
	freeaddrinfo(found);
	if (ok)
		return true;
	if (errno != EADDRINUSE)
		return err_errno(err, "listen on port %s of %s", port, up->listen);
	const char *owner = port_owner(&up->arena, up->port);
	return err_set(err, ERR_CONFLICT, "port %s of %s is taken by %s: choose another one with --port", port,
		up->listen, owner ? owner : "another program (as root, `ss -ltnp` says which)");
}

bool up_server_is_ready(struct up *up)
{
	return api_probe(up->url, "/readyz", PROBE_MS);
}

bool up_start_server(struct up *up, struct err *err)
{
	return part_start(up, &up->server, err) &&
	       up_wait_for(up, &up->server, up_server_is_ready, READY_MS, "get ready", err);
}

/* Copied, not renamed: the file was made by the account, and what root keeps must be root's. */
static bool adopt(struct up *up, const char *name, struct err *err)
{
	const char *from = up_path(up, arena_printf(&up->arena, "data/%s", name).p);
	char text[SECRET_MAX_BYTES];
	auto_fd int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || err_errno(err, "%s", from);
	ssize_t n = read(fd, text, sizeof text);
	if (n <= 0)
		return err_errno(err, "read %s", from);
	if (!up_write_file(up, name, 0600, (struct str){text, (size_t)n}, err))
		return false;
	unlink(from);
	return true;
}

bool up_adopt_secrets(struct up *up, struct err *err)
{
	return adopt(up, "admin-password", err) && adopt(up, "worker-token", err) && adopt(up, "admin-token", err);
}
