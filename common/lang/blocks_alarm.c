#include "common/lang/block.h"
#include "common/lang/configuration.h"

/* The five kinds of alarm of the configuration document. */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, DAY_MS = 24 * 60 * MINUTE_MS };

#define ANSWER_TIMEOUT_KEY(type)                                                                                       \
	KEY(type, timeout, LANG_DURATION, "How long to wait for an answer. Without it: 5s.", .min = 100,               \
		.max = MINUTE_MS)

static const struct lang_key prometheus_keys[] = {
	KEY(struct configuration_prometheus, url, LANG_TEXT, "Of the server, such as `http://prometheus:9090`.",
		.flags = KEY_REQUIRED, .syntax = SYNTAX_URL),
	KEY(struct configuration_prometheus, query, LANG_TEXT,
		"An expression that gives one value, or one for each series.", .flags = KEY_REQUIRED),
	ANSWER_TIMEOUT_KEY(struct configuration_prometheus),
	KEY_END,
};

static const struct lang_block prometheus_block = {
	.id = "prometheus",
	.title = "a prometheus alarm",
	.help = "Asks Prometheus; fires while a value is past `above` or `below`.",
	.size = sizeof(struct configuration_prometheus),
	.keys = prometheus_keys,
	.foreign = (const struct lang_foreign[]){{"expr", "query"}, {"server", "url"},
		{"threshold", "write \"above\" or \"below\" beside \"prometheus\""}, {0}},
};

static const struct lang_key http_keys[] = {
	KEY(struct configuration_http, url, LANG_TEXT, "What is asked for.", .flags = KEY_REQUIRED,
		.syntax = SYNTAX_URL),
	KEY(struct configuration_http, status, LANG_NUMBER, "The status that is right. Without it: 200 to 299.",
		.min = 100, .max = 599),
	KEY(struct configuration_http, contains, LANG_TEXT, "A text that the answer must hold."),
	ANSWER_TIMEOUT_KEY(struct configuration_http),
	KEY_END,
};

static const struct lang_block http_block = {
	.id = "http",
	.title = "an http alarm",
	.help = "Asks an address; fires while it answers with something else than it should, or not at all.",
	.size = sizeof(struct configuration_http),
	.keys = http_keys,
	.foreign = (const struct lang_foreign[]){{"body", "contains"}, {"code", "status"}, {0}},
};

static const struct lang_key alertmanager_keys[] = {
	KEY(struct configuration_alertmanager, labels, LANG_PAIRS,
		"Labels that an alert must have, each with this value, to be this alarm.", .flags = KEY_REQUIRED,
		.min = 1, .name_syntax = SYNTAX_IDENTIFIER),
	KEY_END,
};

static const struct lang_block alertmanager_block = {
	.id = "alertmanager",
	.title = "an alertmanager alarm",
	.help = "Is told by Alertmanager's webhook; fires while an alert with these labels does.",
	.size = sizeof(struct configuration_alertmanager),
	.keys = alertmanager_keys,
	.foreign = (const struct lang_foreign[]){{"match", "labels"}, {"matchers", "labels"}, {0}},
};

static const struct lang_key webhook_keys[] = {
	KEY(struct configuration_webhook, firing, LANG_TEXT,
		"A bare expression over `body`, the JSON that came; true: it fires.", .flags = KEY_REQUIRED),
	KEY_END,
};

static const struct lang_block webhook_block = {
	.id = "webhook",
	.title = "a webhook alarm",
	.help = "Is told by a signed webhook of any other system.",
	.size = sizeof(struct configuration_webhook),
	.keys = webhook_keys,
	.foreign = (const struct lang_foreign[]){{"if", "firing"}, {"when", "firing"}, {0}},
};

static const struct lang_key script_keys[] = {
	KEY(struct configuration_script, run, LANG_TEXT,
		"A shell script; it fires while this ends with an exit code but 0.",
		.flags = KEY_REQUIRED | KEY_SCRIPT),
	KEY(struct configuration_script, repository, LANG_TEXT, "The repository whose files it finds.",
		.flags = KEY_REQUIRED, .syntax = SYNTAX_REPOSITORY),
	KEY(struct configuration_script, ref, LANG_TEXT, "Branch or tag. Without it: the default branch."),
	KEY(struct configuration_script, network, LANG_CHOICE, "As in a job.", .names = pipeline_network_names),
	KEY(struct configuration_script, labels, LANG_TEXTS, "Labels that the worker must have.",
		.syntax = SYNTAX_LABEL),
	KEY(struct configuration_script, env, LANG_PAIRS, "Its variables.", .flags = KEY_MAY_BE_EMPTY,
		.name_syntax = SYNTAX_VARIABLE),
	KEY(struct configuration_script, timeout, LANG_DURATION, "The longest that it may take. Without it: 1m.",
		.min = SECOND_MS, .max = 60 * MINUTE_MS),
	KEY_END,
};

static const struct lang_block script_block = {
	.id = "script",
	.title = "a script alarm",
	.help = "Runs a job on a worker, again and again.",
	.size = sizeof(struct configuration_script),
	.keys = script_keys,
	.foreign = (const struct lang_foreign[]){{"command", "run"}, {"repo", "repository"}, {"variables", "env"}, {0}},
};

static const struct lang_key alarm_keys[] = {
	KEY(struct configuration_alarm, prometheus, LANG_BLOCK, "A query with a threshold.",
		.block = &prometheus_block),
	KEY(struct configuration_alarm, http, LANG_BLOCK, "A probe.", .block = &http_block),
	KEY(struct configuration_alarm, alertmanager, LANG_BLOCK, "An alert of Alertmanager.",
		.block = &alertmanager_block),
	KEY(struct configuration_alarm, webhook, LANG_BLOCK, "Anything that can sign and send.",
		.block = &webhook_block),
	KEY(struct configuration_alarm, script, LANG_BLOCK, "A script.", .block = &script_block),
	KEY(struct configuration_alarm, above, LANG_REAL, "Of `prometheus`: fires while a value is greater."),
	KEY(struct configuration_alarm, below, LANG_REAL, "Of `prometheus`: fires while a value is less."),
	KEY_AS(struct configuration_alarm, firing_for, "for", LANG_DURATION,
		"How long that must last before it fires. Without it: no time.", .max = DAY_MS),
	KEY(struct configuration_alarm, interval, LANG_DURATION,
		"How often it is asked. Without it: 15s, a script 1m. Of `alertmanager` and `webhook`: how often something "
		"is heard of it at the least, and after three of these in silence it is unknown; without it silence says "
		"nothing.",
		.min = SECOND_MS, .max = 60 * MINUTE_MS),
	KEY(struct configuration_alarm, min_points, LANG_NUMBER,
		"Data points that a bake must have seen of it. Without it: 1.", .max = 1000000),
	KEY(struct configuration_alarm, dry_run, LANG_FLAG, "`true`: it is watched and shown, and stops nothing."),
	KEY(struct configuration_alarm, description, LANG_TEXT, "Shown beside its name."),
	KEY(struct configuration_alarm, link, LANG_TEXT, "For people: a dashboard, a runbook.", .syntax = SYNTAX_URL),
	KEY_END,
};

const struct lang_block lang_alarm_block = {
	.id = "alarm",
	.title = "an alarm",
	.help = "A condition that is watched during deployment and bake. It has exactly one of `prometheus`, `http`, "
		"`alertmanager`, `webhook` and `script`.",
	.size = sizeof(struct configuration_alarm),
	.keys = alarm_keys,
	.one_of = (const char *const[]){"prometheus", "http", "alertmanager", "webhook", "script", NULL},
	.foreign = (const struct lang_foreign[]){{"every", "interval"}, {"threshold", "write \"above\" or \"below\""},
		{"runbook", "link"}, {"dashboard", "link"}, {"duration", "for"}, {0}},
};
