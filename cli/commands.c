/* The table of commands: dispatch, help, completion and docs/cli.md all come from here. */

#include "cli/commands.h"

#include "cli/about.h"
#include "cli/up.h"

#define FLAGS(...) ((const struct cli_flag[]){__VA_ARGS__, {0}})

#define REPOSITORY_FLAG                                                                                                \
	{                                                                                                              \
		"repository", "NAME", "of this repository", NULL                                                       \
	}
#define WAIT_FLAG                                                                                                      \
	{                                                                                                              \
		"wait", NULL, "show how the run goes, and exit with its outcome", NULL                                 \
	}

#define CREDENTIAL_FLAGS                                                                                               \
	{"forge-token-file", "FILE", "a file with a token of the forge, for https and its API", NULL},                 \
		{"forge-user", "NAME", "the user that goes with the token, where the forge asks for one", NULL},       \
		{"ssh-key-file", "FILE", "a file with a private ssh key: a deploy key", NULL},                         \
		{"known-hosts", "FILE",                                                                                \
			"the host's keys, as in ~/.ssh/known_hosts; by default they are asked for once and shown",     \
			NULL},                                                                                         \
		{"api-url", "URL", "the forge's API; as the address tells by default", NULL},                          \
	{                                                                                                              \
		"project", "OWNER/NAME", "the forge's name of it; as the address tells by default", NULL               \
	}

static const char repo_add_details[] =
	"With --forge it prints the address and the secret of the webhook to set up there; the secret is shown once.\n"
	"docs/forges.md says how for each forge. gitea stands for Forgejo, too.";
static const char run_states[] = "pending running waiting succeeded failed cancelled superseded rolled_back";
static const char wait_details[] =
	"With --wait it exits with 0 when the run succeeded, 1 when it did not, and 4 when it waits for "
	"an approval.";

const struct cli_flag cli_common_flags[] = {
	{"json", NULL, "the answer as JSON, for scripts", NULL},
	{"url", "URL", "the server; PENSTOCK_URL by default", NULL},
	{"token-file", "FILE", "a file that holds the token; PENSTOCK_TOKEN holds the token itself", NULL},
	{"dir", "DIRECTORY", "the data directory of `penstock up`, for address and token", NULL},
	{"help", NULL, "what the command does", NULL},
	{0},
};

const struct cli_command cli_commands[] = {
	{"up", "", "Run Penstock on this machine: PostgreSQL, server and workers",
		"Everything lives in --dir (./penstock-data by default); the next `up` on it continues. PostgreSQL is a private\n"
		"cluster that listens on a unix socket only. Ctrl-C stops worker, server and PostgreSQL in this order; a second one\n"
		"stops at once. The first start makes the account admin, whose password is in DIR/admin-password, and an API token\n"
		"in DIR/admin-token.",
		up_flags, up_command},
	{"repo add", "NAME URL", "Watch a repository", repo_add_details,
		FLAGS({"forge", "FORGE", "where it is hosted; git by default: a plain repository",
			      "git github gitlab gitea"},
			{"default-branch", "BRANCH", "when the repository's HEAD does not tell", NULL},
			{"secret-file", "FILE", "a file with the webhook's secret; one is made by default", NULL},
			CREDENTIAL_FLAGS),
		command_repo_add},
	{"repo ls", "", "List the repositories", NULL, NULL, command_repo_ls},
	{"repo set", "NAME", "Say where a repository has moved, or what its default branch is now",
		"For one that was renamed on its forge: webhook, secret, credential and runs stay. The address is tried before it is\n"
		"kept. One on another host wants its credential given again.",
		FLAGS({"clone-url", "URL", "its new address", NULL},
			{"default-branch", "BRANCH", "a branch that it has", NULL}),
		command_repo_set},
	{"repo rm", "NAME", "Stop watching a repository; its runs stay", NULL, NULL, command_repo_rm},
	{"repo poll", "NAME", "Look now for pushes and pull requests that no webhook told of",
		"It returns when it has looked, and says how much it found.", NULL, command_repo_poll},
	{"repo rotate-secret", "NAME", "Make a fresh webhook secret, shown once; the one before stays valid for a day",
		NULL, FLAGS({"secret-file", "FILE", "a file with the secret; one is made by default", NULL}),
		command_repo_rotate_secret},
	{"repo credential", "ACTION NAME", "Give the server what it reaches a private repository with: set, or rm",
		"Token and key are sealed, used by the server alone, and never shown again. They are read from files, or from\n"
		"standard input with - in place of a name.",
		FLAGS(CREDENTIAL_FLAGS), command_repo_credential},
	{"repo gitops", "ACTION NAME", "Say whose runs may commit into a configuration repository: ls, allow, or deny",
		"A gitops step commits values into files of another repository. That one has to allow it: by default for runs of\n"
		"the default branch of --from alone, and never for pull requests. --refs and --files may be repeated; `allow` says\n"
		"all of it anew. docs/gitops.md explains.",
		FLAGS({"from", "NAME", "the repository whose runs are meant", NULL},
			{"refs", "GLOB", "branches and tags of --from; its default branch without it", NULL},
			{"files", "GLOB", "files that may be changed; all without it", NULL}),
		command_repo_gitops},
	{"repo schedules", "NAME", "List when the pipelines of its default branch come due", NULL, NULL,
		command_repo_schedules},
	{"repo deliveries", "NAME", "List what a repository's webhook brought, and what became of it", NULL, NULL,
		command_repo_deliveries},
	{"hook install", "PATH", "Let a bare repository on this machine tell the server of its pushes",
		"Writes hooks/post-receive and penstock-hook.json (address and a fresh secret, mode 0600) into it, and lets it take\n"
		"push options such as `git push -o ci.skip`. It may be repeated. A push never fails because of the hook.",
		FLAGS({"repository", "NAME", "its name on the server, where its address does not tell", NULL},
			{"force", NULL, "keep a post-receive that is there as post-receive.before, and run it first",
				NULL}),
		command_hook_install},
	{"hook post", "", "Tell the server of the pushes on standard input: what the hook runs", NULL,
		FLAGS({"config", "FILE", "what hook install wrote", NULL}), command_hook_post},
	{"lint", "[FILE...]", "Check pipeline files as the server does",
		"Without a FILE it checks .penstock/*.yaml of this directory or the nearest above it. Exit code 1: a file is wrong.",
		FLAGS({"schema", NULL, "print the JSON Schema of the language, for editors", NULL}), command_lint},
	{"plan", "[PIPELINE]", "Show what a push of the work tree as it stands would run",
		"PIPELINE is a name (.penstock/NAME.yaml) or a file; without one it plans every pipeline that answers to the event.\n"
		"It asks no server.",
		FLAGS({"event", "EVENT", "push by default", "push tag pull_request manual schedule"},
			{"ref", "REF", "a branch or tag; the current branch by default", NULL},
			{"input", "NAME=VALUE", "an input of the pipeline; may be repeated", NULL},
			{"changed", "PATH", "a path that changed; may be repeated; all of them by default", NULL}),
		command_plan},
	{"run", "REPOSITORY PIPELINE", "Start a run by hand", wait_details,
		FLAGS({"ref", "REF", "branch, tag or commit; the default branch by default", NULL},
			{"input", "NAME=VALUE", "an input of the pipeline; may be repeated", NULL}, WAIT_FLAG),
		command_run},
	{"runs", "", "List runs, newest first", NULL,
		FLAGS(REPOSITORY_FLAG, {"pipeline", "NAME", "of this pipeline", NULL},
			{"branch", "NAME", "of this branch", NULL}, {"state", "STATE", "in this state", run_states},
			{"limit", "N", "at most so many; 20 by default", NULL}),
		command_runs},
	{"show", "[RUN]", "Show a run with its stages, jobs and gates; the latest by default", wait_details,
		FLAGS(WAIT_FLAG), command_show},
	{"logs", "[RUN] [JOB]", "Print the logs of a run's jobs", NULL,
		FLAGS({"follow", NULL, "print what comes until the jobs are over; -f for short", NULL},
			{"attempt", "N", "of this attempt; the latest by default", NULL},
			{"from", "LINE", "from this line on", NULL}, {"lines", "N", "at most so many lines", NULL}),
		command_logs},
	{"approve", "[RUN]", "Say yes at the gate where a run waits", NULL,
		FLAGS({"comment", "TEXT", "why", NULL}, {"stage", "NAME", "the gate of this stage", NULL},
			{"not-before", "TIME", "let the stage begin no earlier, such as 2026-01-31T09:00:00Z", NULL}),
		command_approve},
	{"reject", "[RUN]", "Say no at the gate where a run waits: the run ends", NULL,
		FLAGS({"comment", "TEXT", "why", NULL}, {"stage", "NAME", "the gate of this stage", NULL}),
		command_reject},
	{"cancel", "[RUN]", "End a run: jobs that wait end at once, running ones get a grace", NULL,
		FLAGS({"reason", "TEXT", "why", NULL}), command_cancel},
	{"retry", "[RUN]", "Try again what failed, and what depends on it", wait_details,
		FLAGS({"job", "KEY", "this job only", NULL}, WAIT_FLAG), command_retry},
	{"rerun", "[RUN]", "Start a new run of the same commit, with a fresh plan", wait_details, FLAGS(WAIT_FLAG),
		command_rerun},
	{"board", "", "Show what runs where, and what waits", NULL, NULL, command_board},
	{"changes", "SERVICE FROM TO", "List the commits of TO that FROM does not have, newest first",
		"FROM and TO are versions, environments (for what runs there), branches, tags or commits:\n"
		"`penstock changes web prod main` shows what a release of main would bring to prod.",
		FLAGS({"limit", "N", "show at most so many, to 200; 50 by default", NULL}), command_changes},
	{"deploy", "SERVICE VERSION ENVIRONMENT",
		"Deploy a version that was built, through the environment's gate and waves", wait_details,
		FLAGS(WAIT_FLAG), command_deploy},
	{"rollback", "SERVICE ENVIRONMENT", "Condemn what was deployed last, and go back to the last good version",
		"The version goes into quarantine in that environment. The way back needs no approval and passes freezes.",
		FLAGS({"to", "VERSION", "to this one; the last that baked clean on each target by default", NULL},
			{"reason", "TEXT", "why", NULL}, WAIT_FLAG),
		command_rollback},
	{"expiry ls", "", "List what is taken down one day, and when", NULL, NULL, command_expiry_ls},
	{"expiry set", "SERVICE ENVIRONMENT WHEN",
		"Say how long what is deployed there stays: now, never, or a time such as 8h",
		"When its time is over a run takes it down, with the `teardown` steps of the pipeline that deployed it.",
		NULL, command_expiry_set},
	{"resolve", "RUN TARGET VERDICT", "Say how a deployment ended whose worker went silent: live, failed or retry",
		NULL, FLAGS(WAIT_FLAG), command_resolve},
	{"accept", "RUN REASON", "Say that a wave is good whose bake lacks data points, or an alarm that is ok",
		"For a wave that waits for an operator: what its alarms did not tell within three times its bake, or a hotfix "
		"that went past a firing alarm and has not made it ok. `penstock rollback` says the opposite.",
		FLAGS(WAIT_FLAG), command_accept},
	{"quarantine ls", "", "List the versions that must not be deployed", NULL, NULL, command_quarantine_ls},
	{"quarantine fixed", "ID RUN REASON",
		"Say that the commit of a run mends it: what contains that commit may be deployed", NULL, NULL,
		command_quarantine_fixed},
	{"quarantine release", "ID REASON", "Let a version be deployed again", NULL, NULL, command_quarantine_release},
	{"artifacts ls", "[RUN]", "List a run's artifacts", NULL, NULL, command_artifacts},
	{"artifacts get", "ID [FILE]", "Fetch an artifact, to standard output where no FILE is given", NULL, NULL,
		command_artifact_get},
	{"findings", "[RUN]", "List what policies and reports found in a run, and the tests that failed", NULL,
		FLAGS({"sarif", NULL, "as SARIF 2.1.0, for editors and forges", NULL}), command_findings},
	{"triggers", "", "List what came in and what became of it", NULL, FLAGS(REPOSITORY_FLAG), command_triggers},
	{"retention", "", "Remove now what is older than the server's rules let it be",
		"Without it a server does so each hour. Runs that are not over, and what is deployed, are never removed.",
		FLAGS({"dry-run", NULL, "print what would go, and remove nothing", NULL}), command_retention},
	{"alarm ls", "", "List the alarms, and what each is", NULL, NULL, command_alarms},
	{"alarm show", "NAME", "Show an alarm with its last changes and samples", NULL, NULL, command_alarm_show},
	{"alarm test", "NAME", "Ask an alarm's monitor once, now, and print what it says; nothing follows from it",
		"Exit code 1: the monitor does not work or has no data.", NULL, command_alarm_test},
	{"alarm secret", "NAME", "Make the secret of an alarm that is told of by webhook; it is shown once",
		"NAME is an alarm of kind webhook, or alertmanager: every Alertmanager has the same one.",
		FLAGS({"replace", NULL, "make another one; the one before stays good for a day", NULL}),
		command_alarm_secret},
	{"config lint", "[FILE]", "Check a configuration document as the server does",
		"It asks no server. Exit code 1: the document is wrong.",
		FLAGS({"schema", NULL, "print its JSON Schema, for editors", NULL}), command_config_lint},
	{"config diff", "[FILE]",
		"Show how a document differs from the configuration in force, or what a version changed",
		"FILE is - for standard input. What only looks different (comments, order, layout) is none. Exit code 0: no\n"
		"difference; 1: there is some; 2: the document is wrong.",
		FLAGS({"version", "N", "in place of a FILE: what this version changed", NULL},
			{"from", "N", "as against this version, 0 for none; the one before by default", NULL}),
		command_config_diff},
	{"config apply", "FILE", "Put a document into force, after showing what that changes",
		"FILE is - for standard input. It is refused when somebody else has changed the configuration meanwhile, and when\n"
		"it takes away an environment or a target to which something is being deployed.",
		FLAGS({"comment", "TEXT", "why; kept with the version", NULL},
			{"version", "N", "only if this version is still in force; the one at the moment by default",
				NULL}),
		command_config_apply},
	{"config export", "", "Print the configuration in force, as it was applied, comments and all", NULL,
		FLAGS({"version", "N", "of this version", NULL}), command_config_export},
	{"config history", "", "List the versions of the configuration, newest first", NULL,
		FLAGS({"limit", "N", "at most so many; 20 by default", NULL}), command_config_history},
	{"config revert", "VERSION", "Put the text of an older version into force again, as a new version", NULL,
		FLAGS({"comment", "TEXT", "why; kept with the version", NULL}), command_config_revert},
	{"env ls", "", "List the environments, and whether they are open", NULL, NULL, command_env_ls},
	{"env show", "NAME", "Show an environment: targets, variables, floor, windows, freezes, pins", NULL, NULL,
		command_env_show},
	{"env history", "NAME", "List what was deployed to an environment, newest first", NULL,
		FLAGS({"service", "NAME", "of this service", NULL}), command_env_history},
	{"env create", "NAME", "Add an environment to the configuration in force",
		"It adds one line to the document; everything else stays as it is written.",
		FLAGS({"tier", "WORD", "such as sandbox or production", NULL},
			{"lane", "MODE", "newest by default", "newest fifo"}),
		command_env_create},
	{"freeze ls", "", "List the stops of the line that stand", NULL,
		FLAGS({"all", NULL, "those that were lifted, too", NULL}), command_freeze_ls},
	{"freeze add", "REASON", "Stop the line: nothing new is deployed, but rollbacks, until somebody lifts it",
		"Waves under way finish. Without flags it stops everything.",
		FLAGS({"service", "NAME", "this service only", NULL},
			{"environment", "NAME", "this environment only", NULL}),
		command_freeze_add},
	{"freeze lift", "ID REASON", "Lift a stop", NULL, NULL, command_freeze_lift},
	{"freeze override", "RUN REASON", "Let one run deploy though it is closed: past freezes, windows and stops",
		"It holds for the stage that deploys next, or now. Gates, alarms, pins and quarantine are not passed.",
		NULL, command_freeze_override},
	{"worker ls", "", "List the workers", NULL, NULL, command_workers},
	{"worker drain", "NAME", "Give a worker no new jobs; running ones finish", NULL, NULL, command_worker_drain},
	{"worker resume", "NAME", "Give a worker jobs again", NULL, NULL, command_worker_resume},
	{"worker token", "NAME", "Make a token for a new worker; it is shown once", NULL, NULL, command_worker_token},
	{"account ls", "", "List the accounts", NULL, NULL, command_accounts},
	{"account add", "NAME", "Add an account; its password is asked for, or is the first line of standard input",
		NULL,
		FLAGS({"role", "ROLE", "developer by default", "viewer developer operator admin"},
			{"group", "NAME", "a group that it is in; may be repeated", NULL},
			{"email", "ADDRESS", "what its commits are known by", NULL},
			{"display-name", "TEXT", "how pages show it", NULL}),
		command_account_add},
	{"account logins", "", "List which login on a forge is which account", NULL, NULL, command_account_logins},
	{"account login", "NAME FORGE [LOGIN]", "Say which login on a forge an account is; none without LOGIN",
		"Its approving reviews of a pull request then count at the gates of the run of that very commit. FORGE: github,\n"
		"gitlab or gitea.",
		NULL, command_account_login},
	{"account password", "[NAME]", "Change your password; as an admin, anybody's",
		"The present one and the new one are asked for, or are the first two lines of standard input; for somebody else\n"
		"only the new one. The account's sessions end, its tokens stay good.",
		NULL, command_account_password},
	{"account disable", "NAME", "Let an account in no more", "Its sessions end; what it decided stays.", NULL,
		command_account_disable},
	{"account enable", "NAME", "Let an account in again", NULL, NULL, command_account_enable},
	{"token ls", "", "List the tokens and sessions that are yours; for an admin everybody's", NULL, NULL,
		command_tokens},
	{"token add", "NAME", "Make a token of yours for this command line, or for a script; it is shown once",
		"NAME is what it is listed as, such as the machine's. It acts for you, with your role of the moment:\n"
		"    export PENSTOCK_TOKEN=$(penstock token add laptop --account ann)",
		FLAGS({"account", "NAME",
			      "you, where you have no token yet: the password is asked for, or is the first line of standard input",
			      NULL},
			{"expires", "TIME", "how long it is good, such as 90d; for ever by default", NULL}),
		command_token_add},
	{"token rm", "ID", "Withdraw a token, or end a session", NULL, NULL, command_token_rm},
	{"fsck", "", "Check the database: the invariants of runs, lanes, attempts and logs",
		"Exit code 1: something breaks one. docs/operations.md says what to do about each.",
		FLAGS({"runs", "N", "of the newest N runs; 10000 by default", NULL}), command_fsck},
	{"backup", "FILE", "Write database, key and stored files into one file, while everything runs",
		"Of the `penstock up` in --dir, or of a server by DATABASE_URL and --data-dir. FILE may be a directory: then a\n"
		"name is made up. It holds the key of all secrets. Mirrors of repositories are not in it; they are fetched again.",
		FLAGS({"data-dir", "DIRECTORY", "the data_dir of a server that `penstock up` did not start", NULL}),
		command_backup},
	{"restore", "FILE", "Make a server again from a backup, in an empty place",
		"Into the new directory --dir, for `penstock up` to continue; or into the empty database DATABASE_URL and the new\n"
		"--data-dir of a server. The whole file is checked before anything is made.",
		FLAGS({"data-dir", "DIRECTORY", "the data_dir of a server that `penstock up` does not start", NULL},
			{"user", "ACCOUNT",
				"as root: who PostgreSQL and server run as; penstock or postgres by default", NULL},
			{"postgres-bin", "DIRECTORY", "the folder of PostgreSQL's programs", NULL}),
		command_restore},
	{"doctor", "", "Show what this machine offers and lacks: the layers of the sandbox, PostgreSQL, git, accounts",
		"Exit code 1: something is missing.", NULL, command_doctor},
	{"version", "", "Say which version this is, and the server's", NULL, NULL, version_run},
	{"help", "[COMMAND...]", "Say what the commands do", NULL, help_flags, help_run},
	{"completion", "SHELL", "Print completion for bash, zsh or fish",
		"For bash and zsh: source <(penstock completion bash). For fish: penstock completion fish | source.",
		NULL, completion_run},
	{0},
};
