#include "server/runs/sarif.h"

#include "common/json.h"
#include "common/policy_rules.h"

#include <ctype.h>
#include <string.h>

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *text_object(struct str text)
{
	return json_pack("{s:o}", "text", json_of_str(text));
}

/* A path as a relative reference: whatever stands in it is escaped, "!" of archives too, but not the slashes. */
static json_t *uri_of(struct str path, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	char *text = arena_alloc(arena, 3 * path.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (isalnum(c) || strchr("-._~/", c)) {
			text[n++] = (char)c;
			continue;
		}
		text[n++] = '%';
		text[n++] = hex[c >> 4];
		text[n++] = hex[c & 15];
	}
	return json_stringn(text, n);
}

static json_t *locations_of(const struct finding *finding, struct arena *arena)
{
	json_t *location = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri_of(finding->path, arena));
	if (finding->line > 0) {
		json_t *region = json_pack("{s:i}", "startLine", finding->line);
		if (finding->column > 0)
			json_object_set_new(region, "startColumn", json_integer(finding->column));
		json_object_set_new(location, "region", region);
	}
	return json_pack("[{s:o}]", "physicalLocation", location);
}

static const char *help_of_rule(struct str rule)
{
	int which;
	return enum_from_name(policy_rule_names, rule, &which) ? policy_rule_help((enum policy_rule)which) : NULL;
}

/* The rule's place in the driver's list, where it is put when it is not there. */
static json_int_t index_of_rule(json_t *rules, struct str rule)
{
	size_t i;
	json_t *known;
	json_array_foreach(rules, i, known) if (str_eq(json_get_str(known, "id"), rule)) return (json_int_t)i;
	const char *help = help_of_rule(rule);
	json_t *made = json_pack("{s:o}", "id", json_of_str(rule));
	if (help)
		json_object_set_new(made, "shortDescription", text_object(str_of(help)));
	json_array_append_new(rules, made);
	return (json_int_t)i;
}

static json_t *result_of(const struct finding_row *row, json_t *rules, struct arena *arena)
{
	const struct finding *finding = &row->finding;
	json_t *result = json_pack("{s:o, s:I, s:s, s:o}", "ruleId", json_of_str(finding->rule), "ruleIndex",
		index_of_rule(rules, finding->rule), "level", finding_level_names[finding->level], "message",
		text_object(finding->help.n ? arena_printf(arena, "%.*s: %.*s", STR_ARG(finding->message),
						      STR_ARG(finding->help))
					    : finding->message));
	if (finding->path.n)
		json_object_set_new(result, "locations", locations_of(finding, arena));
	if (finding->fingerprint.n)
		json_object_set_new(result, "partialFingerprints",
			json_pack("{s:o}", "penstock/v1", json_of_str(finding->fingerprint)));
	if (finding->allowed.n)
		json_object_set_new(result, "suppressions",
			json_pack("[{s:s, s:o}]", "kind", "external", "justification", json_of_str(finding->allowed)));
	json_t *properties = json_pack("{s:o}", "job", json_of_str(row->job));
	if (finding->commit.n)
		json_object_set_new(properties, "commit", json_of_str(finding->commit));
	if (finding->report.n)
		json_object_set_new(properties, "report", json_of_str(finding->report));
	json_object_set_new(result, "properties", properties);
	return result;
}

static json_t *run_of(struct str tool, struct str name, struct str commit, struct arena *arena)
{
	json_t *driver = json_pack("{s:o, s:[]}", "name", json_of_str(tool), "rules");
	struct str id = arena_printf(arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(tool));
	if (str_is(tool, "penstock"))
		json_object_set_new(driver, "version", json_string(PENSTOCK_VERSION));
	return json_pack("{s:{s:o}, s:{s:o}, s:{s:o}, s:s, s:[]}", "tool", "driver", driver, "automationDetails", "id",
		json_of_str(id), "properties", "commit", json_of_str(commit), "columnKind", "unicodeCodePoints",
		"results");
}

/* Beside the list: there are few tools, and none where nothing was found but ourselves. */
static json_t *find_run(json_t *runs, struct str tool, struct str name, struct str commit, struct arena *arena)
{
	size_t i;
	json_t *run;
	json_array_foreach(runs, i, run)
	{
		json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
		if (str_eq(json_get_str(driver, "name"), tool))
			return run;
	}
	run = run_of(tool, name, commit, arena);
	json_array_append_new(runs, run);
	return run;
}

json_t *sarif_of(const struct finding_row *rows, size_t count, struct str name, struct str commit)
{
	auto_arena arena = {0};
	json_t *runs = json_array();
	find_run(runs, STR("penstock"), name, commit, &arena);
	for (size_t i = 0; i < count; i++) {
		json_t *run = find_run(runs, rows[i].finding.tool, name, commit, &arena);
		json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
		json_array_append_new(
			json_object_get(run, "results"), result_of(&rows[i], json_object_get(driver, "rules"), &arena));
	}
	return json_pack("{s:s, s:s, s:o}", "$schema", SCHEMA, "version", "2.1.0", "runs", runs);
}
