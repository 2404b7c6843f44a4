/* penstock doctor: what this machine offers and lacks, for `up` and for workers. */
#include "cli/capture.h"
#include "cli/commands.h"
#include "cli/postgres.h"
#include "cli/print.h"
#include "cli/up.h"
#include "worker/sandbox/doctor.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct checkup {
	struct cli *cli;
	json_t *findings;
	bool is_lacking;
};

/* state: "on", "off" (nothing is wrong) or "missing". */
static void report(struct checkup *checkup, const char *name, const char *state, const char *detail, const char *remedy)
{
	bool is_missing = strcmp(state, "missing") == 0;
	checkup->is_lacking |= is_missing;
	json_array_append_new(checkup->findings,
		json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state", state, "detail", detail, "remedy", remedy));
	if (checkup->cli->is_json)
		return;
	const char *color = print_colour(checkup->cli, is_missing        ? "failed"
						       : state[1] == 'n' ? "succeeded"
									 : "waiting");
	printf("%s%-8s%s %-20s %s\n", color, state, print_plain(checkup->cli), name, detail);
	if (*remedy)
		printf("%-29s %s\n", "", remedy);
}

static void check_program(struct checkup *checkup, const char *program, const char *remedy)
{
	const char *const argv[] = {program, "--version", NULL};
	struct str version;
	struct err err = {0};
	bool ok = capture(argv, &checkup->cli->arena, &version, &err);
	size_t line;
	if (ok && str_find_char(version, '\n', &line))
		version = arena_str(&checkup->cli->arena, str_head(version, line));
	report(checkup, program, ok ? "on" : "missing", ok ? version.p : err.text, ok ? "" : remedy);
}

static void check_postgres(struct checkup *checkup)
{
	struct arena *arena = &checkup->cli->arena;
	const char *folder = postgres_find(arena, 0);
	report(checkup, "PostgreSQL", folder ? "on" : "missing", folder ? folder : "no initdb and postgres",
		folder ? "" : "apt-get install postgresql");
}

static void check_account(struct checkup *checkup)
{
	const struct passwd *account = getpwuid(geteuid());
	struct arena *arena = &checkup->cli->arena;
	if (geteuid() != 0) {
		report(checkup, "account", "on",
			arena_printf(arena, "%s: everything runs as it", account ? account->pw_name : "?").p, "");
		return;
	}
	const char *name = getpwnam("penstock") ? "penstock" : getpwnam("postgres") ? "postgres" : NULL;
	report(checkup, "account", name ? "on" : "missing",
		name ? arena_printf(arena, "root; PostgreSQL and server run as %s", name).p
		     : "root, and neither penstock nor postgres to run PostgreSQL as",
		name ? "" : "useradd --system penstock");
}

/* server and worker stand beside this program, since `up` starts them. */
static void check_programs(struct checkup *checkup)
{
	static const char *const names[] = {
		"penstock-server", "penstock-worker", "penstock-sandbox", "penstock-policy"};
	struct arena *arena = &checkup->cli->arena;
	const char *self;
	auto_buf missing = BUF_INIT(1024);
	if (!cli_self(arena, &self, NULL))
		return;
	struct str folder = str_head(str_of(self), (size_t)(strrchr(self, '/') - self));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (access(arena_printf(arena, "%.*s/%s", STR_ARG(folder), names[i]).p, X_OK) != 0)
			buf_addf(&missing, "%s%s", missing.n ? ", " : "without ", names[i]);
	report(checkup, "programs", missing.n ? "missing" : "on",
		arena_printf(arena, "%.*s%s%s", STR_ARG(folder), missing.n ? ", " : "", buf_c(&missing)).p,
		missing.n ? "build them, or install Penstock whole" : "");
}

/* Up to what is there already. */
static void find_existing(char *path)
{
	while (access(path, F_OK) != 0) {
		char *slash = strrchr(path, '/');
		if (slash)
			slash[slash == path] = 0;
		else
			memcpy(path, ".", sizeof ".");
	}
}

static void check_directory(struct checkup *checkup)
{
	struct arena *arena = &checkup->cli->arena;
	const char *dir = cli_has(checkup->cli, "dir") ? cli_flag(checkup->cli, "dir") : "penstock-data";
	char path[PATH_MAX];
	struct statvfs room;
	snprintf(path, sizeof path, "%s", *dir ? dir : ".");
	find_existing(path);
	if (statvfs(path, &room) != 0)
		return;
	int64_t free_mib = (int64_t)(room.f_bavail * room.f_frsize) >> 20;
	bool is_writable = access(path, W_OK | X_OK) == 0, is_good = is_writable && free_mib >= UP_ROOM_MIN_MIB;
	const char *detail = arena_printf(arena, "%s: %lld MiB are free%s", dir, (long long)free_mib,
		is_writable ? "" : ", but you may not write there")
				     .p;
	report(checkup, "data directory", is_good ? "on" : "missing", detail,
		is_good ? "" : "`up` wants 256 MiB to start: make room, or choose another one with --dir");
}

/* A launcher of its own, in a directory of its own. */
static bool check_sandbox(struct checkup *checkup, struct err *err)
{
	char state_dir[] = "/tmp/penstock-doctor.XXXXXX";
	struct sandbox_layer layers[SANDBOX_LAYER_COUNT];
	struct sandbox *sandbox = NULL;
	if (!mkdtemp(state_dir))
		return err_errno(err, "%s", state_dir);
	/* Behind the ranges that `up` gives to workers. */
	struct sandbox_options options = {.state_dir = state_dir, .slots = 1, .first_range = 58900};
	bool ok = sandbox_start(&options, &sandbox, err) && sandbox_doctor(sandbox, layers, err);
	if (ok)
		report(checkup, "sandbox profile", "on",
			sandbox_facts(sandbox)->profile == SANDBOX_PROFILE_FULL ? "full" : "user", "");
	for (size_t i = 0; ok && i < SANDBOX_LAYER_COUNT; i++)
		report(checkup, layers[i].name, sandbox_layer_state_name(layers[i].state), layers[i].detail,
			layers[i].remedy);
	sandbox_stop(sandbox);
	const char *const argv[] = {"rm", "-rf", "--", state_dir, NULL};
	struct str ignored;
	capture(argv, &checkup->cli->arena, &ignored, NULL);
	return ok;
}

int command_doctor(struct cli *cli, struct err *err)
{
	struct checkup checkup = {.cli = cli, .findings = json_array()};
	struct err why = {0};
	(void)err;
	check_account(&checkup);
	check_postgres(&checkup);
	check_program(&checkup, "git", "apt-get install git");
	check_programs(&checkup);
	check_directory(&checkup);
	if (!check_sandbox(&checkup, &why))
		report(&checkup, "sandbox", "missing", why.text, "a worker cannot run jobs here");
	json_t *answer = json_pack("{s:b, s:o}", "ok", !checkup.is_lacking, "findings", checkup.findings);
	if (cli->is_json)
		print_json(answer);
	json_decref(answer);
	return checkup.is_lacking ? CLI_RUN_FAILED : CLI_OK;
}
