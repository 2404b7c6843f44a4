#include "tests/support/pg.h"

#include "common/buf.h"
#include "common/mem.h"
#include "server/store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { URL_MAX_BYTES = 512 };

static char *root_url; /* of the database "postgres" */
static pid_t server = -1, opener;
static FILE *to_server, *from_server;

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "test database: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* The end of its stdin ends the cluster. Check's children run this too, and must leave it alone. */
static void end_server(void)
{
	if (getpid() != opener)
		return;
	fclose(to_server);
	fclose(from_server);
	waitpid(server, NULL, 0);
	free(root_url);
}

static char *read_answer(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, from_server);
	if (n <= 1)
		die("pg-cluster", "ended without an answer, see above");
	line[n - 1] = 0;
	return line;
}

static void spawn_server(void)
{
	static const char script[] = SOURCE_DIR "/tests/support/pg-cluster";
	char *const argv[] = {(char *)(uintptr_t)script, (char *)(uintptr_t) "serve", NULL};
	int commands[2], answers[2];
	if (pipe2(commands, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		die("pipe", strerror(errno));
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, commands[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, answers[1], STDOUT_FILENO);
	int failed = posix_spawn(&server, script, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed)
		die(script, strerror(failed));
	close(commands[0]);
	close(answers[1]);
	to_server = fdopen(commands[1], "w");
	from_server = fdopen(answers[0], "r");
	opener = getpid();
	root_url = read_answer();
	atexit(end_server);
}

void test_pg_open_private(void)
{
	spawn_server();
}

static void free_root_url(void)
{
	free(root_url);
}

void test_pg_open(void)
{
	const char *shared = getenv("PENSTOCK_TEST_PG");
	if (!shared || !*shared) {
		spawn_server();
		return;
	}
	root_url = mem_strdup(shared);
	atexit(free_root_url);
}

static void command(const char *word)
{
	if (!to_server)
		die(word, "needs test_pg_open_private()");
	fprintf(to_server, "%s\n", word);
	fflush(to_server);
	free(read_answer());
}

void test_pg_crash(void)
{
	command("crash");
}

void test_pg_start(void)
{
	command("start");
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

char *test_pg_value(const char *url, const char *sql)
{
	PGconn *pg = PQconnectdb(url);
	if (PQstatus(pg) != CONNECTION_OK)
		die(url, PQerrorMessage(pg));
	PQsetNoticeProcessor(pg, ignore_notice, NULL);
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		die(sql, PQerrorMessage(pg));
	char *value = mem_strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(pg);
	return value;
}

void test_pg_run(const char *url, const char *sql)
{
	free(test_pg_value(url, sql));
}

/* The URL of another database of the same cluster: "postgresql:///NAME?host=...". */
static char *url_of(const char *name)
{
	auto_buf url = BUF_INIT(URL_MAX_BYTES);
	buf_addf(&url, "postgresql:///%s%s", name, strchr(root_url, '?'));
	return buf_take(&url);
}

static void __attribute__((format(printf, 1, 2))) run_root(const char *format, ...)
{
	auto_buf sql = BUF_INIT(4096);
	va_list args;
	va_start(args, format);
	buf_vaddf(&sql, format, args);
	va_end(args);
	test_pg_run(root_url, buf_c(&sql));
}

static char *new_database(const char *template)
{
	static int made;
	char name[64];
	snprintf(name, sizeof name, "test_%d_%d", (int)getpid(), ++made);
	run_root("create database %s template %s", name, template);
	return url_of(name);
}

char *test_pg_empty_database(void)
{
	return new_database("template0");
}

/* Another schema, another template: a cluster may outlive a build. */
static void name_template(char *to, size_t n)
{
	uint64_t hash = 14695981039346656037u;
	for (const struct migration *m = migrations; m->number; m++)
		for (const char *p = m->checksum; *p; p++)
			hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	snprintf(to, n, "template_%016llx", (unsigned long long)hash);
}

/* Made under another name and renamed, so that it is never seen half made. */
static void make_template(const char *name)
{
	char fresh[80];
	snprintf(fresh, sizeof fresh, "%s_%d", name, (int)getpid());
	run_root("create database %s template template0", fresh);
	auto_free char *url = url_of(fresh);
	struct err err;
	if (!migrate(url, migrations, NULL, &err))
		die("template", err.text);
	/* Another test program may have been first: then ours goes. */
	run_root(
		"do $$ begin perform pg_advisory_lock(1);"
		"if not exists (select from pg_database where datname = '%s') then alter database %s rename to %s; end if;"
		"end $$",
		name, fresh, name);
	run_root("drop database if exists %s with (force)", fresh);
}

char *test_pg_database(void)
{
	char name[64], sql[128];
	name_template(name, sizeof name);
	snprintf(sql, sizeof sql, "select 1 from pg_database where datname = '%s'", name);
	auto_free char *found = test_pg_value(root_url, sql);
	if (!*found)
		make_template(name);
	return new_database(name);
}

void test_pg_drop(char *url)
{
	const char *name = url + strlen("postgresql:///");
	run_root("drop database if exists %.*s with (force)", (int)strcspn(name, "?"), name);
	free(url);
}
