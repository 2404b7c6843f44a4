/* penstock doctor: what this machine offers and lacks, for `up` and for workers. */
#include "cli/capture.h"
#include "cli/commands.h"
#include "cli/postgres.h"
#include "cli/print.h"
#include "worker/sandbox/doctor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	if (!check_sandbox(&checkup, &why))
		report(&checkup, "sandbox", "missing", why.text, "a worker cannot run jobs here");
	json_t *answer = json_pack("{s:b, s:o}", "ok", !checkup.is_lacking, "findings", checkup.findings);
	if (cli->is_json)
		print_json(answer);
	json_decref(answer);
	return checkup.is_lacking ? CLI_RUN_FAILED : CLI_OK;
}
