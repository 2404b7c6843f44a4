#include "common/lang/syntax.h"

#include "common/clock.h"
#include "common/glob.h"
#include "common/lang/when.h"
#include "common/regex.h"

#include <string.h>

static bool matches(const char *pattern, struct str text)
{
	bool is_match = false;
	struct err err = {0};
	if (!regex_match(str_of(pattern), text, true, &is_match, &err))
		BUG("%s", err.text);
	return is_match;
}

static bool check_glob(struct str text, struct err *err)
{
	return glob_check(str_starts(text, STR("!")) ? str_skip(text, 1) : text, err);
}

/* The pattern has no way to say "no part is ..": ECMAScript and PCRE would, but nobody could read it. */
static bool check_path(struct str text, struct err *err)
{
	struct str rest = str_starts(text, STR("!")) ? str_skip(text, 1) : text, part;
	while (str_cut(&rest, '/', &part))
		if (str_is(part, ".."))
			return err_set(err, ERR_INVALID, "\"..\" leads out of the workspace");
	return true;
}

static bool check_paths(struct str text, struct err *err)
{
	return check_path(text, err) && check_glob(text, err);
}

static bool check_time(struct str text, struct err *err)
{
	int64_t at_us;
	return clock_parse(text, &at_us) || err_set(err, ERR_INVALID, "no such time");
}

static bool check_duration(struct str text, struct err *err)
{
	int64_t ms;
	return duration_parse(text, &ms, err);
}

#define DURATION_PATTERN "^([0-9]+(ms|s|m|h|d|w))+$"

const struct lang_syntax_rule lang_syntax_rules[SYNTAX_COUNT] = {
	[SYNTAX_ANY] = {.format = "text"},
	[SYNTAX_NAME] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
		.words = "it has 1 to 63 letters, digits, \"-\" and \"_\", and begins with a letter or digit",
		.format = "name",
		.plain = "-_"},
	[SYNTAX_IDENTIFIER] = {.pattern = "^[A-Za-z_][A-Za-z0-9_]{0,62}$",
		.words =
			"it has 1 to 63 letters, digits and \"_\", and does not begin with a digit, since expressions name it",
		.format = "identifier",
		.plain = "_"},
	[SYNTAX_VARIABLE] = {.pattern = "^(?!(CI|INPUT|MATRIX)_)[A-Za-z_][A-Za-z0-9_]{0,127}$",
		.words =
			"it has letters, digits and \"_\"; those that begin with CI_, INPUT_ and MATRIX_ are set by Penstock",
		.format = "variable"},
	[SYNTAX_SECRET] = {.pattern = "^(?!(CI|INPUT|MATRIX)_)[A-Za-z_][A-Za-z0-9_]{0,127}$",
		.words =
			"it becomes a variable: letters, digits and \"_\", and none of CI_, INPUT_ and MATRIX_ before it",
		.format = "secret"},
	[SYNTAX_LABEL] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9_.:=/-]{0,126}$",
		.words = "a label has letters, digits and any of _ . : = / -, such as \"linux\" or \"arch=arm64\"",
		.format = "label",
		.plain = "-"},
	[SYNTAX_GROUP] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9_./-]{0,126}$",
		.words = "a group has letters, digits and any of _ . / -",
		.format = "group",
		.plain = "-"},
	[SYNTAX_ENVIRONMENT] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}(/[A-Za-z0-9][A-Za-z0-9_-]{0,62})*$",
		.words = "an environment is a name such as \"prod\" or \"sandbox/ann\"",
		.format = "environment",
		.plain = "-"},
	[SYNTAX_SHELL] = {.pattern = "^[A-Za-z0-9_./+-]{1,255}$",
		.words = "a shell is a program without arguments, such as \"bash\"",
		.format = "program",
		.plain = "-"},
	[SYNTAX_GLOB] = {.format = "glob", .check = check_glob},
	[SYNTAX_PATHS] = {.pattern = "^!?[^/].*$",
		.words = "a path is below the workspace and does not begin with \"/\"",
		.format = "path glob",
		.check = check_paths},
	[SYNTAX_PATH] = {.pattern = "^[^/].*$",
		.words = "a path is inside the repository and does not begin with \"/\"",
		.format = "path",
		.check = check_path},
	[SYNTAX_CRON] = {.pattern = "^[^ ]+( +[^ ]+){4}$",
		.words = "a cron line has five fields: minute, hour, day of the month, month, day of the week",
		.format = "cron",
		.check = lang_cron_check},
	[SYNTAX_TIME_ZONE] = {.pattern = "^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)+)$",
		.words = "a time zone is a name such as \"Europe/Berlin\" or \"UTC\"",
		.format = "time zone",
		.check = lang_time_zone_check},
	[SYNTAX_WINDOW] = {.pattern = "^(any|[A-Za-z,-]+ +[0-9:]+-[0-9:]+ +[A-Za-z0-9_+/-]+)$",
		.words =
			"a window is \"any\", or days, hours and a time zone, such as \"Mon-Thu 09:00-16:00 Europe/Berlin\"",
		.format = "window",
		.check = lang_window_check},
	[SYNTAX_REGEX] = {.format = "regular expression", .check = regex_check},
	[SYNTAX_TIME] =
		{.pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$",
			.words = "a time is written like \"2026-12-01T08:00:00Z\"",
			.format = "time",
			.check = check_time},
	[SYNTAX_DURATION] = {.pattern = DURATION_PATTERN,
		.words = "a duration is written like 90s, 20m, 1h30m or 14d",
		.format = "duration",
		.check = check_duration},
	[SYNTAX_VERSIONED] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}@[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
		.words = "it is a template and its version, such as \"ci@1\"",
		.format = "name@version"},
	[SYNTAX_COUNT_OF_PEOPLE] = {.pattern = "^[1-9][0-9]?$",
		.words = "it is a number of people from 1 to 99",
		.format = "number"},
	[SYNTAX_ACCOUNT] = {.pattern = "^[a-z0-9][a-z0-9._-]{0,62}$",
		.words = "it has 1 to 63 small letters and digits, behind the first one also . _ -",
		.format = "account",
		.plain = "-_"},
	[SYNTAX_REPOSITORY] = {.pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
		.words = "a repository has letters, digits, and behind the first one also . _ -",
		.format = "repository",
		.plain = "-_"},
	[SYNTAX_URL] = {.pattern = "^https?://[^/?#@ ]+([/?#][^ ]*)?$",
		.words = "an address begins with \"http://\" or \"https://\" and holds no name or password",
		.format = "address"},
};

static bool is_plain_word(struct str text, const char *others)
{
	if (!others || text.n == 0 || text.n > 60 || text.p[0] < 'a' || text.p[0] > 'z')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!is_word && (c == 0 || !strchr(others, c)))
			return false;
	}
	return true;
}

bool lang_syntax_check(enum lang_syntax syntax, struct str text, struct err *err)
{
	const struct lang_syntax_rule *rule = &lang_syntax_rules[syntax];
	if (is_plain_word(text, rule->plain))
		return true;
	if (rule->pattern && !matches(rule->pattern, text))
		return err_set(err, ERR_INVALID, "%s", rule->words);
	return !rule->check || rule->check(text, err);
}
