#include "common/lang/block.h"
#include "common/lang/configuration.h"

/* Of the configuration document: what is deployed where, and what may be done there. Alarms are in blocks_alarm.c. */

#define MINUTE_MS INT64_C(60000)
#define SECOND_MS 1000
#define DAY_MS    (24 * 60 * MINUTE_MS)

const char *const configuration_lane_names[] = {"newest", "fifo", NULL};

static const struct lang_key group_keys[] = {
	KEY(struct configuration_group, members, LANG_TEXTS, "Accounts.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_ACCOUNT),
	KEY_END,
};

static const struct lang_block group_block = {
	.id = "group",
	.title = "a group",
	.help = "People, by the names of their accounts: `qa: [ann, bob]`.",
	.size = sizeof(struct configuration_group),
	.flags = BLOCK_ONLY_SHORT,
	.keys = group_keys,
	.shorthand = "members",
};

static const struct lang_key service_keys[] = {
	KEY(struct configuration_service, repository, LANG_TEXT,
		"The repository whose pipelines deploy it. Without it: the one of the same name.",
		.syntax = SYNTAX_REPOSITORY),
	KEY(struct configuration_service, description, LANG_TEXT, "Shown beside its name."),
	KEY(struct configuration_service, reads, LANG_TEXTS,
		"Services whose `deploy.outputs` its deployments may read, as `services.<name>.outputs.<output>`. No circles.",
		.syntax = SYNTAX_NAME),
	KEY_END,
};

static const struct lang_block service_block = {
	.id = "service",
	.title = "a service",
	.help = "What gets deployed. A service of a repository's own name needs no entry.",
	.size = sizeof(struct configuration_service),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = service_keys,
	.foreign = (const struct lang_foreign[]){{"repo", "repository"}, {0}},
};

static const struct lang_key window_keys[] = {
	KEY(struct configuration_window, allow, LANG_TEXT,
		"Open in these hours. Where one window allows, all time that none allows is closed.",
		.syntax = SYNTAX_WINDOW),
	KEY(struct configuration_window, deny, LANG_TEXT, "Closed in these hours, whatever another window allows.",
		.syntax = SYNTAX_WINDOW),
	KEY(struct configuration_window, reason, LANG_TEXT, "Shown with what waits for it."),
	KEY_END,
};

static const struct lang_block window_block = {
	.id = "window",
	.title = "a window",
	.help = "Hours in which deployments may, or may not, begin a wave: "
		"`{ deny: \"Fri 15:00-24:00 Europe/Berlin\", reason: \"nobody is here on Saturday\" }`.",
	.size = sizeof(struct configuration_window),
	.keys = window_keys,
	.one_of = (const char *const[]){"allow", "deny", NULL},
	.foreign = (const struct lang_foreign[]){{"open", "allow"}, {"closed", "deny"}, {"because", "reason"}, {0}},
};

static const struct lang_key probe_keys[] = {
	KEY(struct configuration_probe, url, LANG_TEXT,
		"What is asked for. `{service}` in it stands for the service's name.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_URL),
	KEY(struct configuration_probe, version, LANG_TEXT,
		"A bare expression over `body`, the JSON of the answer, such as `body.build.version`. Without it: the "
		"answer is the version."),
	KEY(struct configuration_probe, service, LANG_TEXT,
		"The service that it speaks of. Without it: each service that is deployed there is asked for.",
		.syntax = SYNTAX_NAME),
	KEY(struct configuration_probe, interval, LANG_DURATION, "How often it is asked. Without it: 1m.",
		.min = SECOND_MS, .max = DAY_MS),
	KEY(struct configuration_probe, timeout, LANG_DURATION, "How long to wait for an answer. Without it: 5s.",
		.min = 100, .max = MINUTE_MS),
	KEY_END,
};

static const struct lang_block probe_block = {
	.id = "probe",
	.title = "a probe",
	.help = "Where a target tells which version it runs; the board compares it with what was deployed.",
	.size = sizeof(struct configuration_probe),
	.keys = probe_keys,
	.foreign = (const struct lang_foreign[]){{"path", "version"}, {"every", "interval"}, {"expression", "version"},
		{0}},
};

static const struct lang_key target_keys[] = {
	KEY(struct configuration_target, account, LANG_TEXT, "Steps see it as `CI_TARGET_ACCOUNT`."),
	KEY(struct configuration_target, region, LANG_TEXT, "Steps see it as `CI_TARGET_REGION`."),
	KEY(struct configuration_target, url, LANG_TEXT, "Where it answers; steps see it as `CI_TARGET_URL`.",
		.syntax = SYNTAX_URL),
	KEY(struct configuration_target, variables, LANG_PAIRS,
		"Variables of steps that deploy here, over those of the environment.", .flags = KEY_MAY_BE_EMPTY,
		.name_syntax = SYNTAX_VARIABLE),
	KEY(struct configuration_target, wave, LANG_NUMBER,
		"Its wave where the pipeline does not say waves of its own. Without it: 1.", .min = 1, .max = 100),
	KEY(struct configuration_target, exclusive, LANG_FLAG,
		"`true`: one deployment at a time, of whichever service."),
	KEY(struct configuration_target, labels, LANG_TEXTS, "Labels that workers which deploy here must have.",
		.syntax = SYNTAX_LABEL),
	KEY(struct configuration_target, windows, LANG_BLOCKS, "Hours of this target, beside those of its environment.",
		.block = &window_block),
	KEY(struct configuration_target, probe, LANG_BLOCK, "Where it tells which version it runs.",
		.block = &probe_block),
	KEY_END,
};

static const struct lang_block target_block = {
	.id = "target",
	.title = "a target",
	.help = "One deployable spot: an account, a region, a cluster, a host.",
	.size = sizeof(struct configuration_target),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = target_keys,
	.foreign = (const struct lang_foreign[]){{"env", "variables"}, {"address", "url"}, {0}},
};

static const struct lang_key floor_keys[] = {
	KEY(struct configuration_floor, pipelines, LANG_TEXTS, "Pipelines that may deploy here, as globs.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct configuration_floor, refs, LANG_TEXTS,
		"Branches and tags whose versions may come here, as globs. A version remembers the one that it was built "
		"from.",
		.min = 1, .syntax = SYNTAX_GLOB),
	KEY(struct configuration_floor, after, LANG_TEXT, "The environment where a version must have been live before.",
		.syntax = SYNTAX_ENVIRONMENT),
	KEY(struct configuration_floor, gate, LANG_BLOCK, "The least that must be decided before a stage here.",
		.block = &lang_gate_block),
	KEY(struct configuration_floor, alarms, LANG_TEXTS, "Alarms that are watched whatever the pipeline says.",
		.syntax = SYNTAX_NAME),
	KEY(struct configuration_floor, bake, LANG_DURATION, "The shortest bake of each wave.", .max = 30 * DAY_MS),
	KEY(struct configuration_floor, min_points, LANG_NUMBER,
		"The least data points that each alarm must have seen in a bake.", .max = 1000000),
	KEY(struct configuration_floor, labels, LANG_TEXTS, "Labels that workers which deploy here must have.",
		.syntax = SYNTAX_LABEL),
	KEY(struct configuration_floor, sandbox, LANG_CHOICE, "`full` demands all layers of the sandbox.",
		.names = pipeline_sandbox_names),
	KEY(struct configuration_floor, window, LANG_TEXT, "When waves may begin, beside what the pipeline says.",
		.syntax = SYNTAX_WINDOW),
	KEY_END,
};

static const struct lang_block floor_block = {
	.id = "floor",
	.title = "a floor",
	.help = "What may reach the environment, and the least that it demands. Of pipeline and floor the stricter counts; "
		"a grant may lower it.",
	.size = sizeof(struct configuration_floor),
	.keys = floor_keys,
	.foreign = (const struct lang_foreign[]){{"branches", "refs"}, {"approvals", "gate"}, {0}},
};

static const struct lang_key page_keys[] = {
	KEY(struct configuration_page, url, LANG_TEXT,
		"Where it is told: a message of JSON with `text` and `run`, `alarm`, `service`, `environment`, `version`, `link`, "
		"as chats and pagers take it. Without it: only pages, `penstock board` and the history tell.",
		.syntax = SYNTAX_URL),
	KEY(struct configuration_page, after, LANG_DURATION,
		"How long behind the end of the way back the alarm may go on. Without it: 10m.", .max = 7 * DAY_MS),
	KEY_END,
};

static const struct lang_block page_block = {
	.id = "page",
	.title = "a page",
	.help = "Whom to call, and when, if an alarm that took a version back does not clear afterwards: "
		"`{ url: \"https://hooks.example.com/oncall\", after: 5m }`.",
	.size = sizeof(struct configuration_page),
	.keys = page_keys,
	.foreign = (const struct lang_foreign[]){{"webhook", "url"}, {"to", "url"}, {"limit", "after"},
		{"timeout", "after"}, {0}},
};

#define CHECKS_KEY(type)                                                                                               \
	KEY(type, checks, LANG_NAMED,                                                                                  \
		"Mandatory jobs for each wave, as the `tests` of a stage. No pipeline can leave them out.",            \
		.block = &lang_test_block, .name_syntax = SYNTAX_NAME)
#define POLICIES_KEY(type)                                                                                             \
	KEY(type, policies, LANG_TEXTS, "Mandatory built-in checks of the commit and its artifacts.",                  \
		.syntax = SYNTAX_NAME)

static const struct lang_key environment_keys[] = {
	KEY(struct configuration_environment, description, LANG_TEXT, "Shown beside its name."),
	KEY(struct configuration_environment, tier, LANG_TEXT, "A word for all of its kind, such as `production`.",
		.syntax = SYNTAX_NAME),
	KEY(struct configuration_environment, order, LANG_NUMBER,
		"Its place on boards. Without it: its place in the document.", .max = 10000),
	KEY(struct configuration_environment, lane, LANG_CHOICE,
		"Which of several waiting runs goes next. Without it: `newest`, which supersedes older ones.",
		.names = configuration_lane_names),
	KEY(struct configuration_environment, variables, LANG_PAIRS, "Variables of jobs that name this environment.",
		.flags = KEY_MAY_BE_EMPTY, .name_syntax = SYNTAX_VARIABLE),
	KEY(struct configuration_environment, windows, LANG_BLOCKS, "When waves may begin.", .block = &window_block),
	KEY(struct configuration_environment, floor, LANG_BLOCK, "What may reach it.", .block = &floor_block),
	POLICIES_KEY(struct configuration_environment),
	CHECKS_KEY(struct configuration_environment),
	KEY(struct configuration_environment, page, LANG_BLOCK,
		"Who is called when an alarm goes on after the way back.", .block = &page_block),
	KEY(struct configuration_environment, targets, LANG_NAMED, "Where its deployments go.", .block = &target_block,
		.name_syntax = SYNTAX_NAME),
	KEY_END,
};

static const struct lang_block environment_block = {
	.id = "environment",
	.title = "an environment",
	.help = "A named place such as `prod` or `sandbox/ann`.",
	.size = sizeof(struct configuration_environment),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = environment_keys,
	.foreign = (const struct lang_foreign[]){{"env", "variables"}, {"lane_mode", "lane"}, {"regions", "targets"},
		{"gate", "it belongs into \"floor\""}, {"window", "windows"}, {"tests", "checks"}, {0}},
};

static const struct lang_key tier_keys[] = {
	POLICIES_KEY(struct configuration_tier),
	CHECKS_KEY(struct configuration_tier),
	KEY_END,
};

static const struct lang_block tier_block = {
	.id = "tier",
	.title = "a tier",
	.help = "What all environments of one tier demand.",
	.size = sizeof(struct configuration_tier),
	.keys = tier_keys,
	.foreign = (const struct lang_foreign[]){{"tests", "checks"}, {0}},
};

static const struct lang_key grant_keys[] = {
	KEY(struct configuration_grant, pipeline, LANG_TEXT, "The pipeline that may do so.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_NAME),
	KEY(struct configuration_grant, refs, LANG_TEXTS, "On these branches and tags. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct configuration_grant, groups, LANG_TEXTS,
		"Started by somebody of these groups. Without it: by whoever may start the pipeline.", .min = 1,
		.syntax = SYNTAX_ACCOUNT),
	KEY(struct configuration_grant, environments, LANG_TEXTS, "In these environments.", .flags = KEY_REQUIRED,
		.min = 1, .syntax = SYNTAX_GLOB),
	KEY(struct configuration_grant, skip, LANG_TEXTS,
		"Environments that need not come before, though the floor says so.", .syntax = SYNTAX_ENVIRONMENT),
	KEY(struct configuration_grant, gate, LANG_BLOCK, "The least gate, in place of the floor's; `none` for none.",
		.block = &lang_gate_block),
	KEY(struct configuration_grant, bake, LANG_DURATION, "The shortest bake, in place of the floor's.",
		.max = 30 * DAY_MS),
	KEY(struct configuration_grant, min_points, LANG_NUMBER, "The least data points, in place of the floor's.",
		.max = 1000000),
	KEY(struct configuration_grant, window, LANG_TEXT, "The window, in place of the floor's: `any`, or one.",
		.syntax = SYNTAX_WINDOW),
	KEY(struct configuration_grant, alarms, LANG_FLAG,
		"`true`: an alarm that fires before a wave does not hold it."),
	KEY_END,
};

static const struct lang_block grant_block = {
	.id = "grant",
	.title = "a grant",
	.help = "Lets one pipeline go below the floor, in exactly what it names.",
	.size = sizeof(struct configuration_grant),
	.keys = grant_keys,
	.foreign = (const struct lang_foreign[]){{"pipelines", "pipeline"}, {"branches", "refs"},
		{"environment", "environments"}, {0}},
};

static const struct lang_key freeze_keys[] = {
	KEY(struct configuration_freeze, environments, LANG_TEXTS, "Environments, as globs; `*` is all.",
		.flags = KEY_REQUIRED, .min = 1, .syntax = SYNTAX_GLOB),
	KEY(struct configuration_freeze, services, LANG_TEXTS, "Services, as globs. Without it: all.", .min = 1,
		.syntax = SYNTAX_GLOB),
	KEY(struct configuration_freeze, from, LANG_TEXT, "When it begins (RFC 3339). Without it: at once.",
		.syntax = SYNTAX_TIME),
	KEY(struct configuration_freeze, until, LANG_TEXT, "When it ends. Without it: when it is taken out.",
		.syntax = SYNTAX_TIME),
	KEY(struct configuration_freeze, reason, LANG_TEXT, "Shown with all that waits for it.", .flags = KEY_REQUIRED),
	KEY_END,
};

static const struct lang_block freeze_block = {
	.id = "freeze",
	.title = "a freeze",
	.help = "A time in which nothing new is deployed but rollbacks, and what somebody overrides with a reason.",
	.size = sizeof(struct configuration_freeze),
	.keys = freeze_keys,
	.foreign = (const struct lang_foreign[]){{"to", "until"}, {"start", "from"}, {"end", "until"},
		{"environment", "environments"}, {"service", "services"}, {0}},
};

static const struct lang_key pin_keys[] = {
	KEY(struct configuration_pin, service, LANG_TEXT, "The service.", .flags = KEY_REQUIRED, .syntax = SYNTAX_NAME),
	KEY(struct configuration_pin, environment, LANG_TEXT, "Where it stays.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_ENVIRONMENT),
	KEY(struct configuration_pin, version, LANG_TEXT, "The version that it stays on.", .flags = KEY_REQUIRED),
	KEY(struct configuration_pin, reason, LANG_TEXT, "Shown with all that waits for it.", .flags = KEY_REQUIRED),
	KEY_END,
};

static const struct lang_block pin_block = {
	.id = "pin",
	.title = "a pin",
	.help = "Keeps a service on one version in one environment.",
	.size = sizeof(struct configuration_pin),
	.keys = pin_keys,
};

static const struct lang_key configuration_keys[] = {
	KEY(struct configuration, groups, LANG_NAMED,
		"Who is in which group: `qa: [ann, bob]`. Where the document has it, it alone says so: groups are then changed here only.",
		.block = &group_block, .name_syntax = SYNTAX_ACCOUNT),
	KEY(struct configuration, services, LANG_NAMED, "Services.", .block = &service_block,
		.name_syntax = SYNTAX_NAME),
	KEY(struct configuration, alarms, LANG_NAMED, "Alarms, which pipelines and floors name.",
		.block = &lang_alarm_block, .name_syntax = SYNTAX_NAME),
	KEY(struct configuration, tiers, LANG_NAMED, "What all environments of a tier demand.", .block = &tier_block,
		.name_syntax = SYNTAX_NAME),
	KEY(struct configuration, environments, LANG_NAMED, "Environments.", .block = &environment_block,
		.name_syntax = SYNTAX_ENVIRONMENT),
	KEY(struct configuration, grants, LANG_NAMED, "What pipelines may lower of the floors.", .block = &grant_block,
		.name_syntax = SYNTAX_NAME),
	KEY(struct configuration, freezes, LANG_NAMED, "Times without deployments.", .block = &freeze_block,
		.name_syntax = SYNTAX_NAME),
	KEY(struct configuration, pins, LANG_NAMED, "Services that stay on a version.", .block = &pin_block,
		.name_syntax = SYNTAX_NAME),
	KEY_END,
};

const struct lang_block lang_configuration_block = {
	.id = "configuration",
	.title = "a configuration",
	.help = "What there is to deploy to, and what may be done there, in one document.",
	.size = sizeof(struct configuration),
	.flags = BLOCK_MAY_BE_NULL,
	.keys = configuration_keys,
	.foreign = (const struct lang_foreign[]){{"targets", "targets stand in their environment"},
		{"stages", "stages belong into a pipeline, such as .penstock/ci.yaml"}, {"envs", "environments"},
		{"freeze", "freezes"}, {0}},
};
