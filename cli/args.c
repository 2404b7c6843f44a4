#include "cli/args.h"

#include "common/mem.h"

#include <string.h>

enum { NAMES_MAX = 128, COMMAND_WORDS_MAX = 2 };

const struct cli_command *args_find(const char *const *words, size_t count, size_t *ret_words)
{
	const struct cli_command *found = NULL;
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		struct str rest = str_of(command->name), word;
		size_t n = 0;
		while (n < count && str_cut(&rest, ' ', &word) && str_is(word, words[n]))
			n++;
		bool is_whole = n > 0 && rest.n == 0 && str_ends(str_of(command->name), str_of(words[n - 1]));
		if (!is_whole || (found && n <= *ret_words))
			continue;
		found = command;
		*ret_words = n;
	}
	return found;
}

bool args_is_group(const char *word)
{
	size_t n = strlen(word);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		if (strncmp(command->name, word, n) == 0 && command->name[n] == ' ')
			return true;
	return false;
}

static bool missing_word(const char *group, struct err *err)
{
	auto_buf known = BUF_INIT(512);
	size_t n = strlen(group);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		if (strncmp(command->name, group, n) == 0 && command->name[n] == ' ')
			buf_addf(&known, "%s%s", known.n ? ", " : "", command->name + n + 1);
	return err_set(err, ERR_INVALID, "`penstock %s` wants one of: %s", group, buf_c(&known));
}

bool args_unknown(const char *const *words, size_t count, struct err *err)
{
	const char *names[NAMES_MAX];
	size_t known = 0;
	for (const struct cli_command *command = cli_commands; command->name && known + 1 < NAMES_MAX; command++)
		names[known++] = command->name;
	names[known] = NULL;
	bool is_group = args_is_group(words[0]);
	if (is_group && count == 1)
		return missing_word(words[0], err);
	auto_arena arena = {0};
	struct str typed = is_group ? arena_printf(&arena, "%s %s", words[0], words[1]) : str_of(words[0]);
	if (words[0][0] == '-')
		return err_set(err, ERR_INVALID, "a command comes first, and its flags behind it: penstock COMMAND %s",
			words[0]);
	size_t used;
	if (count > 1 && args_find(words, 1, &used))
		return err_set(err, ERR_INVALID, "`penstock %s` has nothing called \"%s\"", words[0], words[1]);
	const char *nearest = str_nearest(typed, names);
	if (nearest)
		return err_set(err, ERR_INVALID, "there is no command \"%.*s\"; did you mean \"%s\"?", STR_ARG(typed),
			nearest);
	return err_set(err, ERR_INVALID, "there is no command \"%.*s\"; `penstock help` lists them", STR_ARG(typed));
}

/* --- flags --- */

static const struct cli_flag *flag_in(const struct cli_flag *flags, struct str name)
{
	for (; flags && flags->name; flags++)
		if (str_is(name, flags->name))
			return flags;
	return NULL;
}

static bool unknown_flag(const struct cli *cli, struct str name, struct err *err)
{
	const char *names[NAMES_MAX];
	size_t known = 0;
	for (const struct cli_flag *flag = cli->command->flags; flag && flag->name; flag++)
		names[known++] = flag->name;
	for (const struct cli_flag *flag = cli_common_flags; flag->name; flag++)
		names[known++] = flag->name;
	names[known] = NULL;
	const char *nearest = str_nearest(name, names);
	if (nearest)
		return err_set(err, ERR_INVALID, "`penstock %s` has no flag --%.*s; did you mean --%s?",
			cli->command->name, STR_ARG(name), nearest);
	return err_set(err, ERR_INVALID, "`penstock %s` has no flag --%.*s; `penstock help %s` lists them",
		cli->command->name, STR_ARG(name), cli->command->name);
}

/* What fingers type before they have read the help: NULL where this command has no such flag. */
static const char *flag_of_letter(const struct cli *cli, const char *text)
{
	static const struct {
		const char *letter;
		const char *name;
	} letters[] = {{"-f", "follow"}, {"-n", "lines"}, {"-n", "limit"}, {"-w", "wait"}, {"-m", "comment"}};
	for (size_t i = 0; i < COUNT_OF(letters); i++)
		if (strcmp(text, letters[i].letter) == 0 && flag_in(cli->command->flags, str_of(letters[i].name)))
			return letters[i].name;
	return NULL;
}

/* "name", "name=value" or "name" with the value behind it. */
static bool read_flag(struct cli *cli, const char *typed, char **argv, int *io_at, struct err *err)
{
	struct str text = str_of(typed), name = text;
	size_t at;
	bool has_value = str_find_char(text, '=', &at);
	if (has_value)
		name = str_head(text, at);
	const struct cli_flag *flag = flag_in(cli->command->flags, name);
	if (!flag)
		flag = flag_in(cli_common_flags, name);
	if (!flag)
		return unknown_flag(cli, name, err);
	if (cli->value_count == CLI_FLAGS_MAX)
		return err_set(err, ERR_INVALID, "more than %d flags", CLI_FLAGS_MAX);
	if (!flag->value && has_value)
		return err_set(err, ERR_INVALID, "--%s takes no value", flag->name);
	const char *value = has_value ? text.p + at + 1 : "";
	if (flag->value && !has_value && !(value = argv[++*io_at]))
		return err_set(err, ERR_INVALID, "--%s wants a value: --%s %s", flag->name, flag->name, flag->value);
	cli->values[cli->value_count++] = (struct cli_value){flag, value};
	return true;
}

/* How many arguments the table's text asks for: "NAME URL [PATH...]" is 2 and any. */
static void count_wanted(const char *text, size_t *ret_min, size_t *ret_max)
{
	struct str rest = str_of(text), word;
	*ret_min = *ret_max = 0;
	while (str_cut(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		bool is_optional = word.p[0] == '[';
		*ret_min += !is_optional;
		*ret_max = str_ends(is_optional ? str_head(word, word.n - 1) : word, STR("...")) ? SIZE_MAX
			   : *ret_max == SIZE_MAX ? SIZE_MAX
						  : *ret_max + 1;
	}
}

static bool check_arguments(const struct cli *cli, struct err *err)
{
	const struct cli_command *command = cli->command;
	size_t min, max;
	count_wanted(command->arguments, &min, &max);
	if (cli->argument_count < min)
		return err_set(err, ERR_INVALID, "an argument is missing; usage: penstock %s %s", command->name,
			command->arguments);
	if (cli->argument_count > max)
		return err_set(err, ERR_INVALID, "unexpected argument \"%s\"; usage: penstock %s%s%s",
			cli->arguments[max], command->name, *command->arguments ? " " : "", command->arguments);
	return true;
}

static bool find_command(struct cli *cli, int argc, char **argv, int *ret_at, struct err *err)
{
	const char *words[COMMAND_WORDS_MAX] = {argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL};
	size_t count = argc > 2 ? 2 : (size_t)(argc > 1), used = 0;
	cli->command = args_find(words, count, &used);
	if (!cli->command)
		return args_unknown(words, count, err);
	*ret_at = 1 + (int)used;
	return true;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

bool args_read(struct cli *cli, int argc, char **argv, enum args_wish *ret_wish, struct err *err)
{
	int at = 1;
	*ret_wish = argc < 2 || wants_help(argc, argv)  ? ARGS_HELP
		    : strcmp(argv[1], "--version") == 0 ? ARGS_VERSION
							: ARGS_RUN;
	if (*ret_wish == ARGS_VERSION || argc < 2)
		return true;
	if (*ret_wish == ARGS_HELP)
		return argv[1][0] == '-' || find_command(cli, argc, argv, &at, err) ||
		       (args_is_group(argv[1]) && (argc < 3 || argv[2][0] == '-'));
	if (!find_command(cli, argc, argv, &at, err))
		return false;
	cli->arguments = arena_array(&cli->arena, const char *, (size_t)argc + 1);
	bool has_ended = false;
	for (; at < argc; at++) {
		bool is_flag = !has_ended && argv[at][0] == '-' && argv[at][1];
		const char *name = is_flag && argv[at][1] == '-' ? argv[at] + 2 : flag_of_letter(cli, argv[at]);
		if (!is_flag)
			cli->arguments[cli->argument_count++] = argv[at];
		else if (!name)
			return err_set(err, ERR_INVALID,
				"unknown flag \"%s\"; `penstock help %s` lists them, as --name", argv[at],
				cli->command->name);
		else if (!*name)
			has_ended = true;
		else if (!read_flag(cli, name, argv, &at, err))
			return false;
	}
	cli->is_json = cli_has(cli, "json");
	return check_arguments(cli, err);
}

/* --- what commands ask --- */

const char *cli_flag(const struct cli *cli, const char *name)
{
	for (size_t i = cli->value_count; i > 0; i--)
		if (strcmp(cli->values[i - 1].flag->name, name) == 0)
			return cli->values[i - 1].value;
	return NULL;
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_flag(cli, name) != NULL;
}

const char *const *cli_flag_all(struct cli *cli, const char *name)
{
	const char **all = arena_array(&cli->arena, const char *, cli->value_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < cli->value_count; i++)
		if (strcmp(cli->values[i].flag->name, name) == 0)
			all[count++] = cli->values[i].value;
	return all;
}

bool cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *io_value, struct err *err)
{
	const char *text = cli_flag(cli, name);
	int64_t value;
	if (!text)
		return true;
	if (!str_to_i64(str_of(text), &value) || value < min || value > max)
		return err_set(err, ERR_INVALID, "--%s %s: expected a number from %lld to %lld", name, text,
			(long long)min, (long long)max);
	*io_value = value;
	return true;
}

const char *cli_argument(const struct cli *cli, size_t n)
{
	return n < cli->argument_count ? cli->arguments[n] : NULL;
}
