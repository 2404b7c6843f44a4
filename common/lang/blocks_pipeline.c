#include "common/lang/block.h"

/* The root of a file, what starts it, and what it asks for. */

static const struct lang_key push_keys[] = {
	KEY(struct pipeline_ref_event, branches, LANG_TEXTS, "Branches, as globs. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct pipeline_ref_event, paths, LANG_TEXTS,
		"Only when a file that matches one of these globs has changed.", .min = 1, .syntax = SYNTAX_GLOB),
	KEY_END,
};

static const struct lang_foreign ref_foreign[] = {{"branch", "branches"}, {"path", "paths"},
	{"tags", "tags start a pipeline by \"on: tag\""}, {"ref", "refs"}, {"paths-ignore", "paths"},
	{"branches-ignore", "branches"}, {0}};

static const struct lang_block push_block = {
	.id = "push",
	.title = "a push trigger",
	.help = "New commits on a branch.",
	.size = sizeof(struct pipeline_ref_event),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = push_keys,
	.foreign = ref_foreign,
};

static const struct lang_block pull_request_block = {
	.id = "pull_request",
	.title = "a pull request trigger",
	.help = "A pull request is opened or gets new commits; the merge of both sides is tested. `branches` are those it "
		"wants to go to.",
	.size = sizeof(struct pipeline_ref_event),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = push_keys,
	.foreign = ref_foreign,
};

static const struct lang_key tag_keys[] = {
	KEY(struct pipeline_ref_event, tags, LANG_TEXTS, "Tags, as globs. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct pipeline_ref_event, paths, LANG_TEXTS,
		"Only when a file that matches one of these globs has changed.", .min = 1, .syntax = SYNTAX_GLOB),
	KEY_END,
};

static const struct lang_block tag_block = {
	.id = "tag",
	.title = "a tag trigger",
	.help = "A new tag.",
	.size = sizeof(struct pipeline_ref_event),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = tag_keys,
	.foreign = ref_foreign,
};

static const struct lang_key manual_keys[] = {
	KEY(struct pipeline_manual, refs, LANG_TEXTS,
		"Branches and tags that it may be started for, as globs. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct pipeline_manual, groups, LANG_TEXTS, "Who may start it. Without it: whoever may start runs.",
		.min = 1, .syntax = SYNTAX_GROUP),
	KEY_END,
};

static const struct lang_block manual_block = {
	.id = "manual",
	.title = "a manual trigger",
	.help = "A person starts it in the web UI, by `penstock run`, or through the API, and fills in the `inputs`.",
	.size = sizeof(struct pipeline_manual),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = manual_keys,
	.foreign = (const struct lang_foreign[]){{"branches", "refs"}, {"tags", "refs"}, {0}},
};

static const struct lang_key schedule_keys[] = {
	KEY(struct pipeline_schedule, cron, LANG_TEXT,
		"Minute, hour, day of the month, month, day of the week: `30 4 * * mon-fri`.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_CRON),
	KEY(struct pipeline_schedule, time_zone, LANG_TEXT, "A name such as `Europe/Berlin`. Without it: `UTC`.",
		.syntax = SYNTAX_TIME_ZONE),
	KEY_END,
};

static const struct lang_block schedule_block = {
	.id = "schedule",
	.title = "a schedule",
	.help = "Due times for the default branch, whose head is run. `schedule: 0 4 * * *` is short for its `cron`.",
	.size = sizeof(struct pipeline_schedule),
	.keys = schedule_keys,
	.shorthand = "cron",
	.foreign = (const struct lang_foreign[]){{"tz", "time_zone"}, {"zone", "time_zone"}, {0}},
};

static const struct lang_key deployment_keys[] = {
	KEY(struct pipeline_deployment_event, services, LANG_TEXTS, "Services, as globs. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct pipeline_deployment_event, environments, LANG_TEXTS, "Environments, as globs. Without it: all.",
		.min = 1, .syntax = SYNTAX_GLOB),
	KEY_END,
};

static const struct lang_block deployment_block = {
	.id = "deployment",
	.title = "a deployment trigger",
	.help = "A service has gone live in an environment.",
	.size = sizeof(struct pipeline_deployment_event),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = deployment_keys,
};

static const struct lang_block environment_created_block = {
	.id = "environment_created",
	.title = "an environment trigger",
	.help = "An environment has been made.",
	.size = sizeof(struct pipeline_deployment_event),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = &deployment_keys[1],
};

static const struct lang_key on_keys[] = {
	KEY(struct pipeline_on, push, LANG_BLOCK, "New commits on a branch.", .block = &push_block),
	KEY(struct pipeline_on, pull_request, LANG_BLOCK, "A pull request is opened or changed.",
		.block = &pull_request_block),
	KEY(struct pipeline_on, tag, LANG_BLOCK, "A new tag.", .block = &tag_block),
	KEY(struct pipeline_on, manual, LANG_BLOCK, "Started by a person.", .block = &manual_block),
	KEY(struct pipeline_on, schedule, LANG_BLOCKS, "Due times.", .block = &schedule_block, .min = 1),
	KEY(struct pipeline_on, deployment, LANG_BLOCK, "A service has gone live.", .flags = KEY_LATER,
		.block = &deployment_block),
	KEY(struct pipeline_on, environment_created, LANG_BLOCK, "An environment has been made.", .flags = KEY_LATER,
		.block = &environment_created_block),
	KEY_END,
};

static const struct lang_block on_block = {
	.id = "on",
	.title = "the on block",
	.help = "What starts the pipeline. `on: push` and `on: [push, manual]` are short forms without restrictions.",
	.size = sizeof(struct pipeline_on),
	.flags = BLOCK_NAMES_KEYS,
	.keys = on_keys,
	.foreign = (const struct lang_foreign[]){{"workflow_dispatch", "manual"}, {"cron", "schedule"},
		{"merge_request", "pull_request"}, {"tags", "tag"}, {"branches", "push"}, {0}},
};

static const struct lang_key input_keys[] = {
	KEY(struct pipeline_input, type, LANG_CHOICE, "Without it: `string`.", .names = pipeline_input_type_names),
	KEY_AS(struct pipeline_input, default_value, "default", LANG_TEXT, "The value when none is given.",
		.flags = KEY_MAY_BE_EMPTY),
	KEY(struct pipeline_input, required, LANG_FLAG, "A run does not start without it."),
	KEY(struct pipeline_input, pattern, LANG_TEXT,
		"Of a string: a regular expression that the whole value must match.", .syntax = SYNTAX_REGEX),
	KEY(struct pipeline_input, options, LANG_TEXTS, "Of a choice: the values to choose from.", .min = 1),
	KEY(struct pipeline_input, min, LANG_TEXT, "Of a number or duration: the least value."),
	KEY(struct pipeline_input, max, LANG_TEXT, "Of a number or duration: the greatest value."),
	KEY(struct pipeline_input, tier, LANG_TEXT, "Of an environment: only those of this tier.",
		.syntax = SYNTAX_NAME),
	KEY(struct pipeline_input, label, LANG_TEXT, "Shown in the form instead of its name."),
	KEY(struct pipeline_input, description, LANG_TEXT, "A sentence below it in the form."),
	KEY_END,
};

static const struct lang_block input_block = {
	.id = "input",
	.title = "an input",
	.help = "A value that whoever starts the run gives: in the form, by `penstock run --input NAME=VALUE`, through the "
		"API, or by `with`. Scripts see `INPUT_<NAME>`, expressions `inputs.<name>`.",
	.size = sizeof(struct pipeline_input),
	.keys = input_keys,
	.foreign = (const struct lang_foreign[]){{"choices", "options"}, {"values", "options"}, {"regex", "pattern"},
		{"help", "description"}, {"minimum", "min"}, {"maximum", "max"}, {0}},
};

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static const struct lang_key defaults_keys[] = {
	KEY(struct pipeline_defaults, timeout, LANG_DURATION, "The longest that a job may take.", .min = 1000,
		.max = 30 * DAY_MS),
	KEY(struct pipeline_defaults, retry, LANG_BLOCK, "Attempts after the first.", .block = &lang_retry_block),
	KEY(struct pipeline_defaults, labels, LANG_TEXTS, "Labels that workers must have.",
		.flags = KEY_TEMPLATE | KEY_PLANNED, .syntax = SYNTAX_LABEL),
	KEY(struct pipeline_defaults, shell, LANG_TEXT, "The program that runs scripts.", .syntax = SYNTAX_SHELL),
	KEY(struct pipeline_defaults, network, LANG_CHOICE, "`none` or `egress`.", .names = pipeline_network_names),
	KEY(struct pipeline_defaults, image, LANG_TEXT, "The image whose files the steps see.",
		.flags = KEY_TEMPLATE | KEY_LATER),
	KEY(struct pipeline_defaults, resources, LANG_BLOCK, "Limits.", .block = &lang_resources_block),
	KEY(struct pipeline_defaults, sandbox, LANG_CHOICE, "`full` demands all layers of the sandbox.",
		.names = pipeline_sandbox_names),
	KEY(struct pipeline_defaults, fetch_depth, LANG_NUMBER, "Commits of history; 0 is all.", .max = 1000000000),
	KEY_END,
};

static const struct lang_block defaults_block = {
	.id = "defaults",
	.title = "the defaults block",
	.help = "What jobs and the deploy block get where they say nothing themselves.",
	.size = sizeof(struct pipeline_defaults),
	.keys = defaults_keys,
	.foreign =
		(const struct lang_foreign[]){
			{"env", "variables of all jobs stand in \"env\" at the top of the file"}, {0}},
};

static const struct lang_key concurrency_keys[] = {
	KEY(struct pipeline_concurrency, group, LANG_TEXT, "Runs of the same group go one at a time.",
		.flags = KEY_REQUIRED | KEY_TEMPLATE | KEY_PLANNED),
	KEY(struct pipeline_concurrency, cancel, LANG_FLAG,
		"A newer run ends the older one; without it, it waits its turn."),
	KEY_END,
};

static const struct lang_block concurrency_block = {
	.id = "concurrency",
	.title = "a concurrency block",
	.help = "Keeps runs apart up to the first environment stage or gate-only stage. `concurrency: NAME` is short for its "
		"`group`.",
	.size = sizeof(struct pipeline_concurrency),
	.keys = concurrency_keys,
	.shorthand = "group",
	.foreign =
		(const struct lang_foreign[]){{"cancel-in-progress", "cancel"}, {"cancel_in_progress", "cancel"}, {0}},
};

static const struct lang_key pipeline_keys[] = {
	KEY(struct pipeline, name, LANG_TEXT,
		"A title for whoever reads the file: runs, floors and grants know the pipeline by the file's name.",
		.syntax = SYNTAX_NAME),
	KEY(struct pipeline, on, LANG_BLOCK, "What starts it.", .block = &on_block),
	KEY(struct pipeline, extends, LANG_TEXT,
		"The pipeline to build on: a file of the same commit, or else a template, by name.",
		.syntax = SYNTAX_NAME),
	KEY(struct pipeline, use, LANG_TEXT, "The template to build on, as `NAME@VERSION`.",
		.syntax = SYNTAX_VERSIONED),
	KEY(struct pipeline, with, LANG_PAIRS, "Fixes inputs of the pipeline that this one builds on.",
		.flags = KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_IDENTIFIER),
	KEY(struct pipeline, skip, LANG_TEXTS, "Stages of the pipeline that this one builds on, to be left out.",
		.syntax = SYNTAX_NAME),
	KEY(struct pipeline, inputs, LANG_NAMED, "Values that are asked for at the start.", .flags = KEY_MERGES,
		.block = &input_block, .name_syntax = SYNTAX_IDENTIFIER),
	KEY(struct pipeline, env, LANG_PAIRS, "Variables of all jobs.",
		.flags = KEY_MERGES | KEY_TEMPLATE | KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_VARIABLE),
	KEY(struct pipeline, defaults, LANG_BLOCK, "What jobs get where they say nothing.", .flags = KEY_MERGES,
		.block = &defaults_block),
	KEY(struct pipeline, concurrency, LANG_BLOCK, "Keeps runs apart.", .block = &concurrency_block),
	KEY(struct pipeline, stages, LANG_BLOCKS, "The stages, in order.", .flags = KEY_REQUIRED | KEY_MERGES,
		.block = &lang_stage_block, .min = 1),
	KEY(struct pipeline, deploy, LANG_BLOCK, "How a version gets to a target.", .flags = KEY_MERGES,
		.block = &lang_deploy_block),
	KEY_END,
};

const struct lang_block lang_pipeline_block = {
	.id = "pipeline",
	.title = "a pipeline",
	.help = "The whole file.",
	.size = sizeof(struct pipeline),
	.keys = pipeline_keys,
	.foreign = (const struct lang_foreign[]){{"jobs", "stages"}, {"trigger", "on"}, {"triggers", "on"},
		{"when", "on"}, {"include", "extends"}, {"variables", "env"},
		{"permissions", "a job that needs a token asks for it by \"id_token\""}, {"default", "defaults"},
		{"parameters", "inputs"}, {0}},
};
