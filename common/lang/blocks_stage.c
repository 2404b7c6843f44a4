#include "common/lang/block.h"

/* Stages with their gates and waves, and the deploy block that environment stages share. */

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (24 * 60 * MINUTE_MS)

static const struct lang_key gate_keys[] = {
	KEY(struct pipeline_gate, approvals, LANG_NUMBER, "Distinct people who must approve. Without it: 1.", .min = 1,
		.max = 100),
	KEY(struct pipeline_gate, groups, LANG_TEXTS,
		"Whoever is in one of them may decide. Without it: everybody with the right to approve.",
		.syntax = SYNTAX_GROUP),
	KEY(struct pipeline_gate, require, LANG_PAIRS, "Group, and how many of the approvals must come from it.",
		.name_syntax = SYNTAX_GROUP, .syntax = SYNTAX_COUNT_OF_PEOPLE),
	KEY(struct pipeline_gate, author, LANG_CHOICE,
		"`deny`: not who started the run, nor an author of its commits or of others that are not live there yet. "
		"Without it: `allow`.",
		.names = pipeline_author_names),
	KEY(struct pipeline_gate, comment, LANG_CHOICE, "Whether a decision needs a reason. Without it: `optional`.",
		.names = pipeline_comment_names),
	KEY(struct pipeline_gate, timeout, LANG_DURATION, "Without a grant by then, the run ends.", .min = MINUTE_MS,
		.max = 366 * DAY_MS),
	KEY(struct pipeline_gate, not_before, LANG_TEXT, "A granted stage begins no earlier than this time (RFC 3339).",
		.syntax = SYNTAX_TIME),
	KEY_END,
};

const struct lang_block lang_gate_block = {
	.id = "gate",
	.title = "a gate",
	.help = "The decision that stands before a stage. `gate: none` takes away the gate of the pipeline that this one "
		"builds on; what the environment demands stays.",
	.size = sizeof(struct pipeline_gate),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = gate_keys,
	.word = "none",
	.word_offset = offsetof(struct pipeline_gate, is_none),
	.foreign = (const struct lang_foreign[]){{"approvers", "groups"}, {"reviewers", "groups"},
		{"required", "require"}, {"expires", "timeout"}, {"count", "approvals"}, {0}},
};

static const struct lang_key wave_keys[] = {
	KEY(struct pipeline_wave, name, LANG_TEXT, "Shown instead of its number.", .syntax = SYNTAX_NAME),
	KEY(struct pipeline_wave, targets, LANG_TEXTS,
		"Targets of this wave, as globs. A target goes with the first wave that names it.",
		.flags = KEY_REQUIRED, .min = 1, .syntax = SYNTAX_GLOB),
	KEY(struct pipeline_wave, parallel, LANG_NUMBER, "Targets at the same time. Without it: 1.", .min = 1,
		.max = 1000),
	KEY(struct pipeline_wave, bake, LANG_DURATION, "How long to watch before the next wave.", .max = 30 * DAY_MS),
	KEY(struct pipeline_wave, min_points, LANG_NUMBER, "Data points that each alarm must have seen meanwhile.",
		.max = 1000000),
	KEY_END,
};

static const struct lang_block wave_block = {
	.id = "wave",
	.title = "a wave",
	.help = "Some targets of the environment, deployed in parallel up to a limit, then watched.",
	.size = sizeof(struct pipeline_wave),
	.keys = wave_keys,
	.foreign = (const struct lang_foreign[]){{"target", "targets"}, {"wait", "bake"}, {"max_parallel", "parallel"},
		{0}},
};

static const struct lang_key stage_keys[] = {
	KEY(struct pipeline_stage, name, LANG_TEXT, "Unique in the pipeline.", .flags = KEY_REQUIRED | KEY_IDENTIFIES,
		.syntax = SYNTAX_NAME),
	KEY_AS(struct pipeline_stage, condition, "if", LANG_TEXT,
		"The stage is skipped when this expression is false. Without it: `success()`.", .flags = KEY_CONDITION),
	KEY(struct pipeline_stage, gate, LANG_BLOCK, "The decision before the stage.", .block = &lang_gate_block),
	KEY(struct pipeline_stage, env, LANG_PAIRS, "Variables of all its jobs.",
		.flags = KEY_MERGES | KEY_TEMPLATE | KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_VARIABLE),
	KEY(struct pipeline_stage, jobs, LANG_NAMED,
		"Its jobs, by name; they run in parallel unless they `need` each other.", .flags = KEY_MERGES,
		.block = &lang_job_block, .min = 1, .name_syntax = SYNTAX_NAME),
	KEY(struct pipeline_stage, environment, LANG_TEXT, "Deploys to this environment, as the `deploy` block says.",
		.flags = KEY_TEMPLATE | KEY_PLANNED, .syntax = SYNTAX_ENVIRONMENT),
	KEY(struct pipeline_stage, window, LANG_TEXT,
		"When its waves may start: `Mon-Thu 09:00-16:00 Europe/Berlin`, or `any`.", .syntax = SYNTAX_WINDOW),
	KEY(struct pipeline_stage, waves, LANG_BLOCKS, "Without it, the environment's own waves are used.",
		.block = &wave_block, .min = 1),
	KEY(struct pipeline_stage, alarms, LANG_TEXTS, "Alarms to watch during deployment and bake, by name.",
		.syntax = SYNTAX_NAME),
	KEY(struct pipeline_stage, on_alarm, LANG_CHOICE,
		"What an alarm that begins to fire does. Without it: `rollback`.", .names = pipeline_reaction_names),
	KEY(struct pipeline_stage, on_failure, LANG_CHOICE, "What a failed deployment does. Without it: `stop`.",
		.names = pipeline_reaction_names),
	KEY(struct pipeline_stage, tests, LANG_NAMED, "Jobs that check each wave while it bakes.", .flags = KEY_MERGES,
		.block = &lang_test_block, .name_syntax = SYNTAX_NAME),
	KEY(struct pipeline_stage, expires, LANG_TEXT,
		"After this time the deployment is torn down: `8h`, or `${{ }}`.", .flags = KEY_TEMPLATE | KEY_PLANNED,
		.syntax = SYNTAX_DURATION),
	KEY_END,
};

const struct lang_block lang_stage_block = {
	.id = "stage",
	.title = "a stage",
	.help = "An ordered part of a run: it has `jobs`, or an `environment`, or only a `gate`. "
		"The keys from `window` on need an `environment`.",
	.size = sizeof(struct pipeline_stage),
	.scope = LANG_SCOPE_STAGE,
	.keys = stage_keys,
	.foreign = (const struct lang_foreign[]){{"approval", "gate"}, {"when", "if"}, {"variables", "env"},
		{"steps", "jobs"}, {"deploy", "environment"}, {0}},
};

const char *const lang_delivery_keys[] = {
	"window", "waves", "alarms", "on_alarm", "on_failure", "tests", "expires", NULL};

static const struct lang_key deploy_keys[] = {
	KEY(struct pipeline_deploy, service, LANG_TEXT, "What is deployed; without it the service of the repository.",
		.flags = KEY_TEMPLATE | KEY_PLANNED | KEY_ONCE, .syntax = SYNTAX_NAME),
	KEY(struct pipeline_deploy, version, LANG_TEXT,
		"The version, fixed once in a run: most often the output of a build job.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE | KEY_ONCE),
	KEY(struct pipeline_deploy, steps, LANG_BLOCKS, "Deploy one version to one target.", .flags = KEY_REQUIRED,
		.block = &lang_step_block, .min = 1),
	KEY(struct pipeline_deploy, verify, LANG_BLOCKS, "Check one target right after its deployment.",
		.block = &lang_step_block),
	KEY(struct pipeline_deploy, preview, LANG_BLOCKS,
		"Read-only steps before the gate; approvers see what they print.", .block = &lang_step_block),
	KEY(struct pipeline_deploy, teardown, LANG_BLOCKS, "Remove the deployment from one target.",
		.block = &lang_step_block),
	KEY(struct pipeline_deploy, diagnose, LANG_BLOCKS, "Run after a failure; what they print is shown with it.",
		.block = &lang_step_block),
	KEY(struct pipeline_deploy, outputs, LANG_TEXTS, "Names that the steps write to `$CI_OUTPUT`.",
		.syntax = SYNTAX_IDENTIFIER),
	KEY(struct pipeline_deploy, network, LANG_CHOICE, "As in a job.", .names = pipeline_network_names),
	KEY(struct pipeline_deploy, sandbox, LANG_CHOICE, "As in a job.", .names = pipeline_sandbox_names),
	KEY(struct pipeline_deploy, resources, LANG_BLOCK, "As in a job.", .block = &lang_resources_block),
	KEY(struct pipeline_deploy, labels, LANG_TEXTS, "Labels that the worker must have.",
		.flags = KEY_TEMPLATE | KEY_PLANNED, .syntax = SYNTAX_LABEL),
	KEY(struct pipeline_deploy, env, LANG_PAIRS, "Variables of all these steps.",
		.flags = KEY_MERGES | KEY_TEMPLATE | KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_VARIABLE),
	KEY(struct pipeline_deploy, secrets, LANG_TEXTS, "As in a job; they are given only after the gate.",
		.syntax = SYNTAX_SECRET),
	KEY(struct pipeline_deploy, id_token, LANG_BLOCK, "As in a job.", .block = &lang_id_token_block),
	KEY(struct pipeline_deploy, image, LANG_TEXT, "As in a job.", .flags = KEY_TEMPLATE),
	KEY(struct pipeline_deploy, timeout, LANG_DURATION, "The longest that one target may take.", .min = 1000,
		.max = 30 * DAY_MS),
	KEY(struct pipeline_deploy, idempotent, LANG_FLAG,
		"Deploying twice does no harm: an unknown outcome is retried once without asking."),
	KEY(struct pipeline_deploy, rollback, LANG_CHOICE, "What a rollback deploys. Without it: `previous`.",
		.names = pipeline_rollback_names),
	KEY_END,
};

const struct lang_block lang_deploy_block = {
	.id = "deploy",
	.title = "the deploy block",
	.help = "Says once how one target gets one version; every environment stage uses it.",
	.size = sizeof(struct pipeline_deploy),
	.scope = LANG_SCOPE_DEPLOY,
	.keys = deploy_keys,
	.foreign = (const struct lang_foreign[]){{"run", "steps"}, {"script", "steps"}, {"environment", "env"},
		{"destroy", "teardown"}, {"tests", "verify"}, {"plan", "preview"}, {0}},
};
