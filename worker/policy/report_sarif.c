/* SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as scanners write it. The section that a name is from
 * is named where it does not explain itself. */

#include "common/json.h"
#include "common/mem.h"
#include "worker/policy/report_kinds.h"

#include <ctype.h>
#include <string.h>

struct run {
	struct policy *policy;
	struct str path; /* of the report */
	struct str tool;
	const json_t *rules;
	struct arena *arena;
};

static const json_t *rule_of(const struct run *run, const json_t *result)
{
	const json_t *index = json_object_get(result, "ruleIndex");
	if (!index)
		index = json_object_get(json_object_get(result, "rule"), "index");
	if (json_is_integer(index) && json_integer_value(index) >= 0)
		return json_array_get(run->rules, (size_t)json_integer_value(index));
	struct str id = json_get_str(result, "ruleId");
	size_t i;
	json_t *rule;
	json_array_foreach(run->rules, i, rule) if (id.n && str_eq(json_get_str(rule, "id"), id)) return rule;
	return NULL;
}

/* 3.27.10: without a level that of the rule, without one there "warning". */
static enum finding_level level_of(const json_t *result, const json_t *rule)
{
	struct str name = json_get_str(result, "level");
	int level;
	if (!name.n)
		name = json_get_str(json_object_get(rule, "defaultConfiguration"), "level");
	if (str_is(name, "none"))
		return FINDING_NOTE;
	return enum_from_name(finding_level_names, name, &level) ? (enum finding_level)level : FINDING_WARNING;
}

static struct str message_of(const json_t *result, const json_t *rule)
{
	const json_t *message = json_object_get(result, "message");
	struct str text = json_get_str(message, "text"), id = json_get_str(message, "id");
	if (!text.n)
		text = json_get_str(message, "markdown");
	if (!text.n && id.n) {
		const json_t *strings = json_object_get(rule, "messageStrings");
		text = json_get_str(
			json_object_get(strings, json_string_value(json_object_get(message, "id"))), "text");
	}
	if (!text.n)
		text = json_get_str(json_object_get(rule, "shortDescription"), "text");
	return text.n ? text : STR("(no message)");
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* What a tool in the workspace calls a file: relative, or "file:///workspace/...", with %20 for a blank. */
static struct str path_of(struct str uri, struct arena *arena)
{
	static const char *const heads[] = {"file://", "/workspace/", "./"};
	char *text = arena_alloc(arena, uri.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < uri.n; i++) {
		bool is_escape = uri.p[i] == '%' && i + 2 < uri.n && hex_value(uri.p[i + 1]) >= 0 &&
				 hex_value(uri.p[i + 2]) >= 0;
		text[n++] = is_escape ? (char)(hex_value(uri.p[i + 1]) * 16 + hex_value(uri.p[i + 2])) : uri.p[i];
		i += is_escape ? 2 : 0;
	}
	struct str path = {text, n};
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		if (str_starts(path, str_of(heads[i])))
			path = str_skip(path, strlen(heads[i]));
	return path;
}

static int32_t number_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));
	return value > 0 && value < INT32_MAX ? (int32_t)value : 0;
}

/* 3.35: one that is still under review, or was rejected, suppresses nothing. */
static struct str suppression_of(const json_t *result)
{
	size_t i;
	json_t *suppression;
	json_array_foreach(json_object_get(result, "suppressions"), i, suppression)
	{
		struct str status = json_get_str(suppression, "status"),
			   why = json_get_str(suppression, "justification");
		if (!status.n || str_is(status, "accepted"))
			return why.n ? why : STR("suppressed in the report");
	}
	return (struct str){0};
}

static struct str fingerprint_of(const json_t *result)
{
	static const char *const names[] = {"fingerprints", "partialFingerprints"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		json_t *prints = json_object_get(result, names[i]);
		json_t *first = json_object_iter_value(json_object_iter(prints));
		if (json_is_string(first))
			return (struct str){json_string_value(first), json_string_length(first)};
	}
	return (struct str){0};
}

static void tell(const struct run *run, const json_t *result)
{
	const json_t *rule = rule_of(run, result);
	const json_t *place =
		json_object_get(json_array_get(json_object_get(result, "locations"), 0), "physicalLocation");
	const json_t *region = json_object_get(place, "region");
	struct str kind = json_get_str(result, "kind"), id = json_get_str(result, "ruleId"),
		   help = json_get_str(rule, "helpUri");
	/* 3.27.9: what passed, or does not apply. */
	if (kind.n && !str_is(kind, "fail") && !str_is(kind, "open") && !str_is(kind, "review"))
		return;
	if (!id.n)
		id = json_get_str(rule, "id");
	policy_tell(run->policy,
		&(struct finding){
			.rule = id.n ? id : STR("unnamed"),
			.tool = run->tool,
			.report = run->path,
			.level = level_of(result, rule),
			.path = path_of(json_get_str(json_object_get(place, "artifactLocation"), "uri"), run->arena),
			.line = number_of(region, "startLine"),
			.column = number_of(region, "startColumn"),
			.message = message_of(result, rule),
			.help = help.n ? arena_printf(run->arena, "see %.*s", STR_ARG(help)) : (struct str){0},
			.fingerprint = fingerprint_of(result),
			.allowed = suppression_of(result),
		});
}

bool report_sarif(struct policy *policy, struct str path, struct str text, struct err *err)
{
	auto_arena arena = {0};
	json_error_t fault;
	json_t *json = json_loadb(text.p, text.n, 0, &fault), *item;
	const json_t *runs = json_object_get(json, "runs");
	size_t i, j;
	bool ok = json_is_array(runs);
	if (!json)
		err_set(err, ERR_INVALID, "%.*s:%d: %s", STR_ARG(str_head(path, 200)), fault.line, fault.text);
	else if (!ok)
		err_set(err, ERR_INVALID, "%.*s: has no \"runs\"", STR_ARG(str_head(path, 200)));
	for (i = 0; ok && i < json_array_size(runs); i++) {
		const json_t *driver = json_object_get(json_object_get(json_array_get(runs, i), "tool"), "driver");
		struct str tool = json_get_str(driver, "name");
		struct run run = {
			policy, path, tool.n ? tool : STR("unnamed"), json_object_get(driver, "rules"), &arena};
		json_array_foreach(json_object_get(json_array_get(runs, i), "results"), j, item) tell(&run, item);
	}
	json_decref(json);
	return ok;
}
