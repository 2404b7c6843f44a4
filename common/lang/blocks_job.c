#include "common/lang/block.h"
#include "common/policy_rules.h"

/* What a job holds: steps and all that surrounds them. */

static const struct lang_key retry_keys[] = {
	KEY(struct pipeline_retry, max, LANG_NUMBER, "Extra attempts after the first.", .flags = KEY_REQUIRED,
		.max = 10),
	KEY(struct pipeline_retry, on, LANG_CHOICES,
		"What is worth another attempt: a lost worker, a timeout, a step that ended with an exit code other than 0. "
		"Without it: `worker_lost`.",
		.names = pipeline_retry_on_names, .min = 1),
	KEY_END,
};

const struct lang_block lang_retry_block = {
	.id = "retry",
	.title = "a retry block",
	.help = "Attempts after the first. `retry: 2` is short for `retry: { max: 2 }`. Build jobs that say nothing are "
		"retried once when their worker is lost.",
	.size = sizeof(struct pipeline_retry),
	.keys = retry_keys,
	.shorthand = "max",
	.foreign = (const struct lang_foreign[]){{"when", "on"}, {"limit", "max"}, {"attempts", "max"}, {0}},
};

enum { KIB = 1024, MINUTE_MS = 60 * 1000 };
#define DAY_MS   (INT64_C(24) * 60 * MINUTE_MS)
#define MIB_SIZE (INT64_C(1024) * KIB)
#define TIB_SIZE (INT64_C(1024) * 1024 * MIB_SIZE)

static const struct lang_key resources_keys[] = {
	KEY(struct pipeline_resources, memory, LANG_SIZE, "The most memory that all steps together may use.",
		.min = 4 * MIB_SIZE, .max = TIB_SIZE),
	KEY(struct pipeline_resources, disk, LANG_SIZE, "The size of the workspace.", .min = MIB_SIZE,
		.max = 64 * TIB_SIZE),
	KEY(struct pipeline_resources, cpus, LANG_THOUSANDTHS, "Processors; 0.5 is half of one.", .min = 10,
		.max = 1024000),
	KEY(struct pipeline_resources, processes, LANG_NUMBER, "Processes and threads at the same time.", .min = 1,
		.max = 1000000),
	KEY_END,
};

const struct lang_block lang_resources_block = {
	.id = "resources",
	.title = "a resources block",
	.help = "Limits of a job's sandbox. What is left out is the worker's default.",
	.size = sizeof(struct pipeline_resources),
	.keys = resources_keys,
	.foreign = (const struct lang_foreign[]){{"cpu", "cpus"}, {"ram", "memory"}, {"pids", "processes"}, {0}},
};

static const struct lang_key gitops_keys[] = {
	KEY(struct pipeline_gitops, repo, LANG_TEXT, "The repository to change, by its name in Penstock.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE),
	KEY(struct pipeline_gitops, branch, LANG_TEXT, "Without it: the default branch.", .flags = KEY_TEMPLATE),
	KEY(struct pipeline_gitops, file, LANG_TEXT, "The YAML or JSON file to change.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE, .syntax = SYNTAX_PATH),
	KEY(struct pipeline_gitops, set, LANG_PAIRS,
		"Path of a value in that file (`image.tag`, `containers[0].image`, `env[name=TAG].value`), and its new value. The "
		"values must exist; comments and layout stay.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE | KEY_MAY_BE_EMPTY, .min = 1),
	KEY(struct pipeline_gitops, message, LANG_TEXT, "The commit's message.", .flags = KEY_TEMPLATE),
	KEY(struct pipeline_gitops, ready, LANG_TEXT,
		"A script that is tried in the job's sandbox, once the change is pushed, until it succeeds: whether the change "
		"is live and healthy. Where a target is deployed to, it need not be given: the target's URL is asked.",
		.flags = KEY_SCRIPT),
	KEY(struct pipeline_gitops, wait, LANG_DURATION,
		"How long `ready` may take before the step fails. With `ready` alone: 5m.", .min = 1000,
		.max = 7 * DAY_MS),
	KEY_END,
};

static const struct lang_block gitops_block = {
	.id = "gitops",
	.title = "a gitops step",
	.help = "Commits values into a configuration repository, and pushes.",
	.size = sizeof(struct pipeline_gitops),
	.keys = gitops_keys,
	.foreign = (const struct lang_foreign[]){{"repository", "repo"}, {"path", "file"}, {0}},
};

static const struct lang_key step_keys[] = {
	KEY(struct pipeline_step, name, LANG_TEXT, "Shown in the log; without it: the first line of the script.",
		.flags = KEY_TEMPLATE | KEY_PLANNED),
	KEY(struct pipeline_step, run, LANG_TEXT,
		"A shell script; it ends at the first command that fails. Values reach it as variables, never by `${{ }}`.",
		.flags = KEY_SCRIPT),
	KEY(struct pipeline_step, policy, LANG_CHOICES, "Built-in checks to run, by name; see docs/policy.md.",
		.min = 1, .names = policy_rule_names),
	KEY(struct pipeline_step, gitops, LANG_BLOCK, "A change in a configuration repository.",
		.block = &gitops_block),
	KEY(struct pipeline_step, shell, LANG_TEXT, "The program that runs the script, `sh` without it.",
		.syntax = SYNTAX_SHELL),
	KEY(struct pipeline_step, env, LANG_PAIRS, "Variables of this step.", .flags = KEY_TEMPLATE | KEY_MAY_BE_EMPTY,
		.name_syntax = SYNTAX_VARIABLE),
	KEY_AS(struct pipeline_step, condition, "if", LANG_TEXT,
		"Runs only when this expression is true. Without it: `success()`.", .flags = KEY_CONDITION),
	KEY(struct pipeline_step, timeout, LANG_DURATION, "The longest that the step may take.", .min = 1000,
		.max = 30 * DAY_MS),
	KEY(struct pipeline_step, always, LANG_FLAG, "Runs after a failed step too, and when the job is cancelled."),
	KEY_END,
};

const struct lang_block lang_step_block = {
	.id = "step",
	.title = "a step",
	.help = "One command in the job's sandbox. It has exactly one of `run`, `policy` and `gitops`.",
	.size = sizeof(struct pipeline_step),
	.scope = LANG_SCOPE_STEP,
	.keys = step_keys,
	.one_of = (const char *const[]){"run", "policy", "gitops", NULL},
	.foreign = (const struct lang_foreign[]){{"script", "run"}, {"command", "run"}, {"commands", "run"},
		{"timeout-minutes", "timeout"}, {"environment", "env"}, {"variables", "env"}, {"when", "if"}, {0}},
};

static const struct lang_key axis_keys[] = {
	KEY(struct pipeline_axis, values, LANG_TEXTS, "The values of one axis.",
		.flags = KEY_REQUIRED | KEY_MAY_BE_EMPTY, .min = 1),
	KEY_END,
};

static const struct lang_block axis_block = {
	.id = "axis",
	.title = "a matrix axis",
	.help = "The values of one axis.",
	.size = sizeof(struct pipeline_axis),
	.flags = BLOCK_ONLY_SHORT,
	.keys = axis_keys,
	.shorthand = "values",
};

static const struct lang_key matrix_keys[] = {
	KEY(struct pipeline_matrix, include, LANG_ROWS,
		"Adds to the combinations that agree with a row, or adds the row as a combination.", .min = 1,
		.flags = KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_IDENTIFIER),
	KEY(struct pipeline_matrix, exclude, LANG_ROWS, "Takes out the combinations that agree with a row.", .min = 1,
		.flags = KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_IDENTIFIER),
	KEY_END,
};

static const struct lang_key matrix_rest = KEY_AS(struct pipeline_matrix, axes, "AXIS", LANG_NAMED,
	"Each further key is an axis with its values; a job is made for each combination. "
	"Scripts see `MATRIX_<NAME>`, expressions `matrix.<name>`.",
	.block = &axis_block, .name_syntax = SYNTAX_IDENTIFIER);

static const struct lang_block matrix_block = {
	.id = "matrix",
	.title = "a matrix",
	.help = "One job for each combination of the axes, at most 256.",
	.size = sizeof(struct pipeline_matrix),
	.keys = matrix_keys,
	.rest = &matrix_rest,
};

static const struct lang_key service_keys[] = {
	KEY(struct pipeline_service, image, LANG_TEXT, "The image to start it from.", .flags = KEY_TEMPLATE),
	KEY(struct pipeline_service, run, LANG_TEXT, "The command that starts it.", .flags = KEY_SCRIPT),
	KEY(struct pipeline_service, ready, LANG_TEXT,
		"A command that is tried until it succeeds; then the steps begin.", .flags = KEY_SCRIPT),
	KEY(struct pipeline_service, timeout, LANG_DURATION, "How long to wait for `ready`.", .min = 1000,
		.max = DAY_MS),
	KEY(struct pipeline_service, env, LANG_PAIRS, "Its variables.", .flags = KEY_TEMPLATE | KEY_MAY_BE_EMPTY,
		.name_syntax = SYNTAX_VARIABLE),
	KEY_END,
};

static const struct lang_block service_block = {
	.id = "service",
	.title = "a service",
	.help = "A program beside the steps, such as a database. It shares their network, so the steps reach it on "
		"127.0.0.1. It has an `image`, or `run`, or both.",
	.size = sizeof(struct pipeline_service),
	.keys = service_keys,
	.foreign = (const struct lang_foreign[]){{"command", "run"}, {"healthcheck", "ready"}, {0}},
};

static const struct lang_key cache_keys[] = {
	KEY(struct pipeline_cache, key, LANG_TEXT,
		"Names what is kept; a cache with the same key is never written twice.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE),
	KEY(struct pipeline_cache, paths, LANG_TEXTS, "Files and folders to keep.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE, .min = 1, .syntax = SYNTAX_PATHS),
	KEY(struct pipeline_cache, restore, LANG_TEXTS,
		"Beginnings of keys that will do when there is no such key yet.", .flags = KEY_TEMPLATE),
	KEY(struct pipeline_cache, read_only, LANG_FLAG, "Restores, but never saves."),
	KEY_END,
};

static const struct lang_block cache_block = {
	.id = "cache",
	.title = "a cache",
	.help = "Files that are kept from one run to the next to save time.",
	.size = sizeof(struct pipeline_cache),
	.keys = cache_keys,
	.foreign = (const struct lang_foreign[]){{"path", "paths"}, {"restore_keys", "restore"},
		{"restore-keys", "restore"}, {"policy", "read_only"}, {0}},
};

static const struct lang_key artifacts_keys[] = {
	KEY(struct pipeline_artifacts, paths, LANG_TEXTS, "Files to keep, as globs below the workspace.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE, .min = 1, .syntax = SYNTAX_PATHS),
	KEY(struct pipeline_artifacts, keep, LANG_DURATION, "How long; without it the rules of the server decide.",
		.min = 60 * MINUTE_MS, .max = 3660 * DAY_MS),
	KEY_END,
};

static const struct lang_block artifacts_block = {
	.id = "artifacts",
	.title = "an artifacts block",
	.help = "Files that are kept after the job; jobs that need it find them in their workspace. `artifacts: out/*` is "
		"short for `artifacts: { paths: out/* }`.",
	.size = sizeof(struct pipeline_artifacts),
	.keys = artifacts_keys,
	.shorthand = "paths",
	.foreign = (const struct lang_foreign[]){{"path", "paths"}, {"expire_in", "keep"}, {"retention-days", "keep"},
		{0}},
};

static const struct lang_key id_token_keys[] = {
	KEY(struct pipeline_id_token, audience, LANG_TEXTS, "Who is to accept the token.", .flags = KEY_REQUIRED,
		.min = 1),
	KEY(struct pipeline_id_token, variable, LANG_TEXT, "The variable that holds it; without it: `CI_ID_TOKEN`.",
		.syntax = SYNTAX_VARIABLE),
	KEY_END,
};

const struct lang_block lang_id_token_block = {
	.id = "id_token",
	.title = "an id_token block",
	.help = "A short-lived signed token (OpenID Connect) that says which job this is. `id_token: sts.example.com` is "
		"short for its audience.",
	.size = sizeof(struct pipeline_id_token),
	.keys = id_token_keys,
	.shorthand = "audience",
	.foreign = (const struct lang_foreign[]){{"aud", "audience"}, {0}},
};

static const char *const report_kinds[] = {"junit", "tap", "sarif", "cobertura", "lcov", NULL};

#define JOB_KEYS                                                                                                       \
	KEY_AS(struct pipeline_job, condition, "if", LANG_TEXT,                                                        \
		"Runs only when this expression is true. Without it: `success()` of what it needs.",                   \
		.flags = KEY_CONDITION),                                                                               \
		KEY(struct pipeline_job, needs, LANG_TEXTS,                                                            \
			"Jobs that must have succeeded first; their artifacts are put into the workspace.",            \
			.syntax = SYNTAX_NAME),                                                                        \
		KEY(struct pipeline_job, matrix, LANG_BLOCK, "Makes one job for each combination of values.",          \
			.block = &matrix_block),                                                                       \
		KEY(struct pipeline_job, env, LANG_PAIRS, "Variables of all steps.",                                   \
			.flags = KEY_MERGES | KEY_TEMPLATE | KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_VARIABLE),        \
		KEY(struct pipeline_job, labels, LANG_TEXTS, "Labels that the worker must have.",                      \
			.flags = KEY_TEMPLATE | KEY_PLANNED, .syntax = SYNTAX_LABEL),                                  \
		KEY(struct pipeline_job, network, LANG_CHOICE,                                                         \
			"`none` is loopback only; `egress` reaches outside. Without it: `none`.",                      \
			.names = pipeline_network_names),                                                              \
		KEY(struct pipeline_job, sandbox, LANG_CHOICE,                                                         \
			"`full` demands all layers of the sandbox of the worker.", .names = pipeline_sandbox_names),   \
		KEY(struct pipeline_job, resources, LANG_BLOCK, "Limits.", .block = &lang_resources_block),            \
		KEY(struct pipeline_job, image, LANG_TEXT, "The image whose files the steps see.",                     \
			.flags = KEY_TEMPLATE | KEY_LATER),                                                            \
		KEY(struct pipeline_job, timeout, LANG_DURATION, "The longest that the job may take.", .min = 1000,    \
			.max = 30 * DAY_MS),                                                                           \
		KEY(struct pipeline_job, retry, LANG_BLOCK, "Attempts after the first.", .block = &lang_retry_block),  \
		KEY(struct pipeline_job, allow_failure, LANG_FLAG,                                                     \
			"A failure is shown as a warning and stops nothing."),                                         \
		KEY(struct pipeline_job, fetch_depth, LANG_NUMBER,                                                     \
			"Commits of history in the workspace; 0 is all. Without it: 1.", .max = 1000000000),           \
		KEY(struct pipeline_job, services, LANG_NAMED, "Programs beside the steps.", .flags = KEY_LATER,       \
			.block = &service_block, .name_syntax = SYNTAX_NAME),                                          \
		KEY(struct pipeline_job, cache, LANG_BLOCKS, "Files kept between runs.", .flags = KEY_LATER,           \
			.block = &cache_block),                                                                        \
		KEY(struct pipeline_job, artifacts, LANG_BLOCK, "Files kept after the job.",                           \
			.block = &artifacts_block),                                                                    \
		KEY(struct pipeline_job, outputs, LANG_TEXTS,                                                          \
			"Names that steps write as `name=value` lines to `$CI_OUTPUT`; others read "                   \
			"`jobs.<job>.outputs.<name>`.",                                                                \
			.syntax = SYNTAX_IDENTIFIER),                                                                  \
		KEY(struct pipeline_job, reports, LANG_PAIRS, "Files with findings, by their kind.",                   \
			.flags = KEY_TEMPLATE, .names = report_kinds, .syntax = SYNTAX_PATHS),                         \
		KEY(struct pipeline_job, secrets, LANG_TEXTS,                                                          \
			"Secrets that the steps get, as variables of that name.", .flags = KEY_LATER,                  \
			.syntax = SYNTAX_SECRET),                                                                      \
		KEY(struct pipeline_job, id_token, LANG_BLOCK, "An identity token for other systems.",                 \
			.flags = KEY_LATER, .block = &lang_id_token_block),                                            \
		KEY(struct pipeline_job, environment, LANG_TEXT,                                                       \
			"Gives the job the variables of this environment; it deploys nothing.",                        \
			.flags = KEY_TEMPLATE | KEY_PLANNED, .syntax = SYNTAX_ENVIRONMENT),                            \
		KEY(struct pipeline_job, steps, LANG_BLOCKS, "What the job does, in order.", .flags = KEY_REQUIRED,    \
			.block = &lang_step_block, .min = 1)

#define JOB_FOREIGN                                                                                                    \
	(const struct lang_foreign[])                                                                                  \
	{                                                                                                              \
		{"runs-on", "labels"}, {"tags", "labels"}, {"script", "steps"}, {"when", "if"}, {"only", "if"},        \
			{"except", "if"}, {"variables", "env"}, {"continue-on-error", "allow_failure"},                \
			{"timeout-minutes", "timeout"}, {"container", "image"}, {"strategy", "matrix"},                \
			{"depends_on", "needs"}, {"dependencies", "needs"}, {"permissions", "id_token"},               \
			{"id_tokens", "id_token"}, {"resource_limits", "resources"},                                   \
		{                                                                                                      \
			0                                                                                              \
		}                                                                                                      \
	}

static const struct lang_key job_keys[] = {JOB_KEYS, KEY_END};

const struct lang_block lang_job_block = {
	.id = "job",
	.title = "a job",
	.help = "Steps in one workspace and one sandbox, run by one worker.",
	.size = sizeof(struct pipeline_job),
	.scope = LANG_SCOPE_JOB,
	.keys = job_keys,
	.foreign = JOB_FOREIGN,
};

static const struct lang_key test_keys[] = {
	JOB_KEYS,
	KEY(struct pipeline_job, once, LANG_CHOICE,
		"`target` runs it for each target, `wave` once in a wave. Without it: `target`.",
		.names = pipeline_once_names),
	KEY_END,
};

const struct lang_block lang_test_block = {
	.id = "test",
	.title = "a test",
	.help = "A job that checks what a wave has deployed, while it bakes. All keys of a job, and `once`. "
		"It sees `CI_TARGET`, `CI_TARGET_URL` and `CI_VERSION`.",
	.size = sizeof(struct pipeline_job),
	.scope = LANG_SCOPE_JOB,
	.keys = test_keys,
	.foreign = JOB_FOREIGN,
};
