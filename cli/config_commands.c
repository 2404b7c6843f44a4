/* The configuration document: compared, applied, exported, reverted. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIGURATION "/api/v1/configuration"

enum { VERSIONS_SHOWN = 20, VERSIONS_MAX = 200, VALUE_COLUMNS = 60 };

/* --- differences --- */

/* A value in one line; what is longer is cut, since --json has all of it. */
static struct str value_text(struct cli *cli, const json_t *value)
{
	auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	struct str whole = str_of(text);
	bool is_long = whole.n > VALUE_COLUMNS;
	size_t n = is_long ? VALUE_COLUMNS : whole.n;
	while (n < whole.n && n > 0 && ((unsigned char)whole.p[n] & 0xc0) == 0x80)
		n--; /* never within a character */
	return arena_printf(&cli->arena, "%.*s%s", STR_ARG(str_head(whole, n)), is_long ? "..." : "");
}

static void print_line(struct cli *cli, char sign, const char *path, struct str value)
{
	const char *colour = print_colour(cli, sign == '+' ? "succeeded" : sign == '-' ? "failed" : "waiting");
	printf("%s%c %s%s: %.*s\n", colour, sign, path, print_plain(cli), STR_ARG(value));
}

/* A whole entry that comes or goes is shown member by member. */
static void print_entry(struct cli *cli, char sign, const char *path, json_t *value)
{
	const char *name;
	json_t *member;
	if (!json_is_object(value) || json_object_size(value) == 0) {
		print_line(cli, sign, path, value_text(cli, value));
		return;
	}
	json_object_foreach(value, name, member)
		print_entry(cli, sign, arena_printf(&cli->arena, "%s.%s", path, name).p, member);
}

static void print_warnings(const json_t *answer)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(answer, "warnings"), i, item)
		fprintf(stderr, "warning: %s\n", json_string_value(item));
}

static void print_changes(struct cli *cli, const json_t *answer)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(answer, "changes"), i, item)
	{
		json_t *before = json_object_get(item, "before"), *after = json_object_get(item, "after");
		const char *path = print_text(item, "path");
		if (json_is_null(before))
			print_entry(cli, '+', path, after);
		else if (json_is_null(after))
			print_entry(cli, '-', path, before);
		else
			print_line(cli, '~', path,
				arena_printf(&cli->arena, "%.*s -> %.*s", STR_ARG(value_text(cli, before)),
					STR_ARG(value_text(cli, after))));
	}
	print_warnings(answer);
}

/* The document of the first argument, known to be right. */
static bool read_document(struct cli *cli, struct str *ret, struct err *err)
{
	const char *path = cli_argument(cli, 0);
	const struct configuration *ignored;
	struct lang_errors errors;
	if (!document_read(cli, path, ret, err))
		return false;
	if (document_check(cli, path, *ret, &ignored, &errors))
		return true;
	struct str words = cli->is_json ? lang_error_text(&errors.items[0], &cli->arena)
					: STR("nothing was changed: the document is wrong");
	return err_set(err, ERR_INVALID, "%.*s", STR_ARG(words));
}

static bool compare(const struct api *api, struct str text, json_t **ret, struct err *err)
{
	json_t *body = json_pack("{s:o}", "text", json_of_str(text));
	bool ok = api_call(api, "POST", STR(CONFIGURATION "/diff"), body, ret, err);
	json_decref(body);
	return ok;
}

/* What a version changed as against another, as a rule the one before. It tells of the past: warnings are of now. */
static bool compare_versions(struct cli *cli, int64_t version, int64_t from, json_t **ret, struct err *err)
{
	struct api api;
	json_t *answer;
	struct str path = arena_printf(
		&cli->arena, CONFIGURATION "/versions/%lld/diff?from=%lld", (long long)version, (long long)from);
	if (!api_open(cli, &api, err) || !api_call(&api, "GET", path, NULL, &answer, err))
		return false;
	const json_t *fault = json_array_get(json_object_get(answer, "errors"), 0);
	if (fault) {
		err_set(err, ERR_INVALID, "%s:%lld:%lld: %s", print_text(fault, "file"),
			(long long)print_number(fault, "line"), (long long)print_number(fault, "column"),
			print_text(fault, "message"));
		json_decref(answer);
		return false;
	}
	json_object_del(answer, "warnings");
	*ret = answer;
	return true;
}

/* Of a document, or of the version that the flag names. */
static bool find_difference(struct cli *cli, json_t **ret, struct err *err)
{
	struct api api;
	struct str text;
	int64_t version = 0, from = -1;
	if (!cli_number(cli, "version", 1, INT64_MAX, &version, err) ||
		!cli_number(cli, "from", 0, INT64_MAX, &from, err))
		return false;
	if (!version && from >= 0)
		return err_set(err, ERR_INVALID, "--from goes with --version");
	if (!version == !cli_argument(cli, 0))
		return err_set(err, ERR_INVALID, "give either a FILE (- is standard input) or --version");
	if (version)
		return compare_versions(cli, version, from < 0 ? version - 1 : from, ret, err);
	return read_document(cli, &text, err) && api_open(cli, &api, err) && compare(&api, text, ret, err);
}

int command_config_diff(struct cli *cli, struct err *err)
{
	json_t *answer;
	if (!find_difference(cli, &answer, err))
		return CLI_FAILED;
	bool is_different = json_array_size(json_object_get(answer, "changes")) > 0;
	if (cli->is_json)
		print_json(answer);
	else
		print_changes(cli, answer);
	if (!is_different && !cli->is_json)
		printf("no difference to version %lld\n", (long long)print_number(answer, "version"));
	json_decref(answer);
	return is_different ? CLI_RUN_FAILED : CLI_OK;
}

static void print_version(struct cli *cli, const json_t *answer)
{
	(void)cli;
	printf("the configuration is at version %lld\n", (long long)print_number(answer, "version"));
}

/* before: the version that was in force. */
static void print_applied(struct cli *cli, const json_t *answer, int64_t before)
{
	if (cli->is_json)
		print_json(answer);
	else if (print_number(answer, "version") == before)
		printf("nothing to apply: version %lld has this very text\n", (long long)before);
	else
		print_version(cli, answer);
}

/* What was shown is what is applied: the version that it was compared with must still be in force. */
int command_config_apply(struct cli *cli, struct err *err)
{
	struct api api;
	struct str text;
	json_t *shown, *answer;
	int64_t version = -1;
	if (!cli_number(cli, "version", 0, INT64_MAX, &version, err) || !read_document(cli, &text, err) ||
		!api_open(cli, &api, err) || !compare(&api, text, &shown, err))
		return CLI_FAILED;
	if (!cli->is_json)
		print_changes(cli, shown);
	if (version < 0)
		version = print_number(shown, "version");
	json_decref(shown);
	const char *comment = cli_flag(cli, "comment");
	json_t *body = json_pack("{s:o, s:I, s:s}", "text", json_of_str(text), "version", (json_int_t)version,
		"comment", comment ? comment : "");
	bool ok = api_call(&api, "PUT", STR(CONFIGURATION), body, &answer, err);
	json_decref(body);
	if (!ok)
		return CLI_FAILED;
	print_applied(cli, answer, version);
	json_decref(answer);
	return CLI_OK;
}

int command_config_revert(struct cli *cli, struct err *err)
{
	struct api api;
	json_t *now, *answer;
	int64_t to;
	if (!str_to_i64(str_of(cli_argument(cli, 0)), &to) || to < 1) {
		err_set(err, ERR_INVALID, "VERSION is a number that `penstock config history` shows");
		return CLI_FAILED;
	}
	if (!api_open(cli, &api, err) || !api_call(&api, "GET", STR(CONFIGURATION), NULL, &now, err))
		return CLI_FAILED;
	const char *comment = cli_flag(cli, "comment");
	int64_t version = print_number(now, "version");
	json_t *body = json_pack("{s:I, s:I, s:s}", "to", (json_int_t)to, "version", (json_int_t)version, "comment",
		comment ? comment : "");
	json_decref(now);
	bool ok = api_call(&api, "POST", STR(CONFIGURATION "/revert"), body, &answer, err);
	json_decref(body);
	if (!ok)
		return CLI_FAILED;
	if (!cli->is_json)
		print_changes(cli, answer);
	print_applied(cli, answer, version);
	json_decref(answer);
	return CLI_OK;
}

/* --- reading --- */

int command_config_export(struct cli *cli, struct err *err)
{
	struct api api;
	json_t *answer;
	int64_t version = 0;
	if (!cli_number(cli, "version", 1, INT64_MAX, &version, err) || !api_open(cli, &api, err))
		return CLI_FAILED;
	api.is_for_people = false; /* the text as it is, line ends and all */
	struct str path = version ? arena_printf(&cli->arena, CONFIGURATION "/versions/%lld", (long long)version)
				  : STR(CONFIGURATION);
	if (!api_call(&api, "GET", path, NULL, &answer, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(answer);
	else
		fputs(print_text(answer, "text"), stdout);
	json_decref(answer);
	return CLI_OK;
}

static void print_history(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"VERSION", "APPLIED", "BY", "COMMENT", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "versions"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		int64_t from = print_number(item, "reverted_from");
		const char *comment = print_text(item, "comment");
		print_ago(ago, item, "applied_at");
		table_addf(&table, "%lld", (long long)print_number(item, "version"));
		table_add(&table, ago);
		table_add(&table, print_text(item, "applied_by"));
		if (from)
			table_addf(&table, "version %lld again%s%s", (long long)from, *comment ? ": " : "", comment);
		else
			table_add(&table, comment);
	}
	table_print(&table);
	if (table.count == 0)
		puts("no configuration was applied yet; `penstock config apply FILE`");
}

int command_config_history(struct cli *cli, struct err *err)
{
	int64_t limit = VERSIONS_SHOWN;
	if (!cli_number(cli, "limit", 1, VERSIONS_MAX, &limit, err))
		return CLI_FAILED;
	struct str path = arena_printf(&cli->arena, CONFIGURATION "/versions?limit=%lld", (long long)limit);
	return ask(cli, "GET", path, NULL, print_history, err);
}

/* --- without a server --- */

int command_config_lint(struct cli *cli, struct err *err)
{
	const char *path = cli_argument(cli, 0);
	struct lang_errors errors;
	struct str text;
	if (cli_has(cli, "schema")) {
		auto_free char *schema = configuration_schema_json();
		fputs(schema, stdout);
		return CLI_OK;
	}
	if (!path) {
		err_set(err, ERR_INVALID, "FILE is missing; - is standard input");
		return CLI_FAILED;
	}
	if (!document_read(cli, path, &text, err))
		return CLI_FAILED;
	const struct configuration *made = NULL;
	bool is_right = document_check(cli, path, text, &made, &errors);
	struct str_list warnings = {0};
	if (is_right)
		warnings = configuration_warnings(made, &cli->arena);
	json_t *list = json_array(), *doubts = json_array();
	lang_errors_describe(&errors, list);
	for (size_t i = 0; i < warnings.count; i++)
		json_array_append_new(doubts, json_of_str(warnings.items[i]));
	json_t *answer = json_pack("{s:o, s:o}", "errors", list, "warnings", doubts);
	if (cli->is_json)
		print_json(answer);
	else if (is_right)
		puts("the document is right");
	if (!cli->is_json)
		print_warnings(answer);
	json_decref(answer);
	return is_right ? CLI_OK : CLI_RUN_FAILED;
}
