#include "cli/up_internal.h"

#include "cli/postgres.h"
#include "common/clock.h"
#include "common/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { START_MS = 300000, LEFTOVER_MS = 60000, SMALL_FILE_BYTES = 4096 };

#define SOCKET_NAME "/.s.PGSQL.5432"

static struct str read_small(struct up *up, const char *path)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(&up->arena, SMALL_FILE_BYTES);
	ssize_t n = fd < 0 ? -1 : read(fd, text, SMALL_FILE_BYTES - 1);
	return (struct str){text, n > 0 ? (size_t)n : 0};
}

/* --- the programs --- */

/* The major version of a cluster; 0: there is none. */
static int64_t cluster_version(struct up *up)
{
	int64_t version;
	struct str text = str_trim(read_small(up, up_path(up, "postgres/PG_VERSION")));
	return str_to_i64(text, &version) ? version : 0;
}

static bool find_programs(struct up *up, struct err *err)
{
	int64_t wanted = cluster_version(up);
	const char *given = cli_flag(up->cli, "postgres-bin");
	if (given) {
		up->postgres_bin = given;
		return postgres_is_in(given) ||
		       err_set(err, ERR_NOT_FOUND,
			       "--postgres-bin %s holds no programs initdb and postgres; `apt-get install postgresql` puts them "
			       "into /usr/lib/postgresql/VERSION/bin",
			       given);
	}
	up->postgres_bin = postgres_find(&up->arena, wanted);
	if (up->postgres_bin)
		return true;
	const char *other = postgres_find(&up->arena, 0);
	if (!other)
		return err_set(err, ERR_NOT_FOUND,
			"PostgreSQL is missing: no initdb and postgres in /usr/lib/postgresql/*/bin or in PATH; "
			"apt-get install postgresql, or name their folder with --postgres-bin");
	return err_set(err, ERR_UNSUPPORTED,
		"the cluster in %s/postgres is of PostgreSQL %lld, and this machine has %lld: apt-get install postgresql-%lld, "
		"or move the cluster over with pg_upgrade",
		up->dir, (long long)wanted, (long long)postgres_version_of(other), (long long)wanted);
}

/* --- the socket --- */

static bool choose_socket_dir(struct up *up, struct err *err)
{
	static const size_t room = sizeof((struct sockaddr_un *)0)->sun_path - sizeof SOCKET_NAME;
	const char *usual = up_path(up, "run");
	struct stat info;
	/* PostgreSQL takes a list of quoted names, and libpq one that has no quoting. */
	bool is_list = strpbrk(usual, "\",");
	if (strlen(usual) <= room && !is_list) {
		up->socket_dir = usual;
		return up_make_dir(up, "run", 0700, true, err);
	}
	const char *unfit = is_list ? "no name" : "too deep";
	char digest[DIGEST_TEXT_BYTES];
	digest_text_of(str_of(up->dir), digest);
	const char *path = up->socket_dir = arena_printf(&up->arena, "/tmp/penstock-%.16s", digest).p;
	if (mkdir(path, 0700) == 0 && lchown(path, up->account.uid, up->account.gid) != 0)
		return err_errno(err, "give %s to %s", path, up->account.name);
	/* Anybody may have made it. */
	if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != up->account.uid || info.st_mode & 077)
		return err_set(err, ERR_DENIED,
			"%s is %s for a socket, and %s, which is used then, belongs to somebody else: remove it",
			up->dir, unfit, path);
	up_say(up, "%s is %s for a socket; PostgreSQL's is in %s", up->dir, unfit, path);
	return true;
}

/* --- a cluster that an earlier `up` left running --- */

static pid_t running_postmaster(struct up *up)
{
	char link[PATH_MAX] = "";
	int64_t pid;
	struct str text = read_small(up, up_path(up, "postgres/postmaster.pid")), line;
	if (!str_cut(&text, '\n', &line) || !str_to_i64(line, &pid) || pid <= 1)
		return 0;
	/* The number may belong to another process by now; a postmaster stands in its cluster. */
	const char *place = arena_printf(&up->arena, "/proc/%lld/cwd", (long long)pid).p;
	ssize_t n = readlink(place, link, sizeof link - 1);
	return n > 0 && strcmp(link, up_path(up, "postgres")) == 0 ? (pid_t)pid : 0;
}

static bool end_leftover(struct up *up, struct err *err)
{
	pid_t pid = running_postmaster(up);
	if (!pid)
		return true;
	up_say(up, "PostgreSQL of an earlier `penstock up` still runs (pid %d); stopping it", (int)pid);
	int64_t until = clock_mono_us() + LEFTOVER_MS * US_PER_MS;
	kill(pid, SIGINT);
	while (running_postmaster(up) == pid && clock_mono_us() < until && up->stops == 0)
		up_pause(up, 100);
	if (running_postmaster(up) != pid)
		return true;
	return err_set(err, ERR_CONFLICT,
		"PostgreSQL (pid %d) still runs in %s/postgres and does not stop: see %s/logs", (int)pid, up->dir,
		up->dir);
}

/* --- a new cluster --- */

static struct part helper(struct up *up, const char *const *argv)
{
	static const char *const none[] = {"LC_ALL=C.UTF-8", NULL};
	return (struct part){
		.name = "postgres",
		.title = "initdb",
		.account = up->account.name,
		.argv = argv,
		.environment = up_environment(up, up->account.home, none),
		.death_signal = SIGKILL,
	};
}

static bool remove_tree(struct up *up, const char *path, struct err *err)
{
	const char *const argv[] = {"/bin/rm", "-rf", "--", path, NULL};
	struct part remove = helper(up, argv);
	remove.title = "rm";
	remove.account = NULL;
	return part_run(up, &remove, err);
}

/* Made under another name first, so that a cluster is there whole or not at all. */
static bool create_cluster(struct up *up, struct err *err)
{
	const char *fresh = up_path(up, "postgres.new"), *cluster = up_path(up, "postgres");
	const char *program = arena_printf(&up->arena, "%s/initdb", up->postgres_bin).p;
	const char *const argv[] = {program, "--pgdata", fresh, "--username=penstock", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions", NULL};
	up_say(up, "making a PostgreSQL cluster in %s", cluster);
	if (access(fresh, F_OK) == 0 && !remove_tree(up, fresh, err))
		return false;
	struct part initdb = helper(up, argv);
	if (!up_make_dir(up, "postgres.new", 0700, true, err) || !part_run(up, &initdb, err))
		return false;
	up->is_first = true;
	if (rename(fresh, cluster) != 0)
		return err_errno(err, "rename %s", fresh);
	return true;
}

static bool check_owner(struct up *up, struct err *err)
{
	struct stat info;
	const char *path = up_path(up, "postgres");
	if (stat(path, &info) != 0)
		return err_errno(err, "%s", path);
	if (info.st_uid == up->account.uid)
		return true;
	if (up->account.name)
		return err_set(err, ERR_DENIED, "%s belongs to uid %u, not to %s: name that account with --user", path,
			(unsigned)info.st_uid, up->account.name);
	return err_set(err, ERR_DENIED, "%s belongs to uid %u: run `penstock up` as that account, or as root", path,
		(unsigned)info.st_uid);
}

/* Settings stand on the command line, so that a newer Penstock governs an older cluster too. */
static void fill_part(struct up *up)
{
	static const char *const settings[] = {"listen_addresses=", "port=5432", "unix_socket_permissions=0700",
		"max_connections=60", "shared_buffers=64MB", "max_wal_size=512MB", "fsync=on", "full_page_writes=on",
		"synchronous_commit=on", "logging_collector=off", "log_min_messages=warning", "log_checkpoints=off",
		"jit=off", "max_worker_processes=4", "max_parallel_workers_per_gather=0"};
	static const char *const none[] = {"LC_ALL=C.UTF-8", NULL};
	const char **argv = arena_array(&up->arena, const char *, 2 * COUNT_OF(settings) + 8);
	size_t n = 0;
	argv[n++] = arena_printf(&up->arena, "%s/postgres", up->postgres_bin).p;
	argv[n++] = "-D";
	argv[n++] = up_path(up, "postgres");
	argv[n++] = "-k";
	argv[n++] = arena_printf(&up->arena, "\"%s\"", up->socket_dir).p; /* quoted, for blanks */
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		argv[n++] = "-c";
		argv[n++] = settings[i];
	}
	up->postgres = (struct part){
		.name = "postgres",
		.title = "PostgreSQL",
		.account = up->account.name,
		.argv = argv,
		.environment = up_environment(up, up->account.home, none),
		.death_signal = SIGINT, /* its fast shutdown */
	};
}

bool up_prepare_postgres(struct up *up, struct err *err)
{
	if (!find_programs(up, err) || !choose_socket_dir(up, err))
		return false;
	if (cluster_version(up) == 0 && access(up_path(up, "postgres"), F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s/postgres is no PostgreSQL cluster: move it away", up->dir);
	if (cluster_version(up) == 0 && !create_cluster(up, err))
		return false;
	if (!check_owner(up, err) || !end_leftover(up, err))
		return false;
	fill_part(up);
	return true;
}

/* The eighth line of postmaster.pid, written when connections are taken. */
static bool is_ready(struct up *up)
{
	struct str text = read_small(up, up_path(up, "postgres/postmaster.pid")), line = {0};
	int64_t pid = 0;
	bool is_ours = str_cut(&text, '\n', &line) && str_to_i64(line, &pid) && pid == up->postgres.pid;
	for (int i = 0; i < 7 && is_ours; i++)
		is_ours = str_cut(&text, '\n', &line);
	return is_ours && str_starts(line, STR("ready"));
}

bool up_start_postgres(struct up *up, struct err *err)
{
	return part_start(up, &up->postgres, err) &&
	       up_wait_for(up, &up->postgres, is_ready, START_MS, "take connections", err);
}
