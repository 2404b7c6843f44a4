#include "cli/help.h"

#include <string.h>

enum { COLUMN = 38, MARGIN = 2 };

const char exit_codes[] =
	"Exit codes: 0 ok, 1 a run failed (or the command did), 2 usage, 3 denied, 4 waiting for an approval, "
	"5 the server is unreachable.";

static void add_row(struct buf *to, const char *left, const char *right)
{
	int n = (int)strlen(left);
	buf_addf(to, "%*s%s%*s%s\n", MARGIN, "", left, n < COLUMN - MARGIN ? COLUMN - n : MARGIN, "", right);
}

static void add_command_row(struct buf *to, const struct cli_command *command)
{
	auto_arena arena = {0};
	add_row(to, arena_printf(&arena, "%s %s", command->name, command->arguments).p, command->help);
}

static void add_flags(struct buf *to, const struct cli_flag *flags)
{
	auto_arena arena = {0};
	for (; flags && flags->name; flags++)
		add_row(to,
			arena_printf(&arena, "--%s%s%s", flags->name, flags->value ? " " : "",
				flags->value ? flags->value : "")
				.p,
			flags->help);
}

void help_overview(struct buf *to, bool has_color)
{
	const char *bold = has_color ? "\033[1m" : "", *plain = has_color ? "\033[0m" : "";
	buf_addf(to, "%spenstock%s COMMAND [ARGUMENTS] [FLAGS]: builds what you push, on workers of your own.\n", bold,
		plain);
	buf_addf(to, "\n%sCommands%s\n", bold, plain);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		add_command_row(to, command);
	buf_addf(to, "\n%sFlags of every command%s\n", bold, plain);
	add_flags(to, cli_common_flags);
	buf_addf(to,
		"\nA RUN is web#42, 42 where there is one repository only, an id, or `latest`.\n"
		"The server is the one of --url, of PENSTOCK_URL and PENSTOCK_TOKEN, or of the data directory of `penstock up`:\n"
		"--dir, ./penstock-data or /var/lib/penstock. NO_COLOR turns colours off.\n%s\n"
		"`penstock help COMMAND` says more about one.\n",
		exit_codes);
}

void help_command(const struct cli_command *command, struct buf *to)
{
	buf_addf(to, "penstock %s%s%s%s\n\n%s.\n", command->name, *command->arguments ? " " : "", command->arguments,
		command->flags && command->flags->name ? " [FLAGS]" : "", command->help);
	if (command->details)
		buf_addf(to, "\n%s\n", command->details);
	if (command->flags && command->flags->name) {
		buf_add_c(to, "\nFlags\n");
		add_flags(to, command->flags);
	}
	buf_add_c(to, "\nFlags of every command\n");
	add_flags(to, cli_common_flags);
	buf_addf(to, "\n%s\n", exit_codes);
}

void help_group(const char *word, struct buf *to)
{
	size_t n = strlen(word);
	buf_addf(to, "penstock %s COMMAND\n\nCommands\n", word);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		if (strncmp(command->name, word, n) == 0 && (command->name[n] == ' ' || !command->name[n]))
			add_command_row(to, command);
	buf_addf(to, "\n`penstock help %s COMMAND` says more about one.\n", word);
}

/* --- docs/cli.md --- */

static void add_cell(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_add_char(to, '\\');
		buf_add_char(to, *text);
	}
}

static void add_table(struct buf *to, const struct cli_flag *flags)
{
	buf_add_c(to, "\n| flag | meaning |\n| --- | --- |\n");
	for (; flags->name; flags++) {
		buf_addf(to, "| `--%s%s%s` | ", flags->name, flags->value ? " " : "", flags->value ? flags->value : "");
		add_cell(to, flags->help);
		buf_add_c(to, " |\n");
	}
}

void help_markdown(struct buf *to)
{
	buf_addf(to,
		"# The command line\n\nPrinted by `penstock help --markdown` from the table of commands.\n\n"
		"A RUN is `web#42`, `42` where there is one repository only, an id, or `latest`. The server is the one of `--url`, of\n"
		"`PENSTOCK_URL` and `PENSTOCK_TOKEN`, or of the data directory of `penstock up`: `--dir`, `./penstock-data` or\n"
		"`/var/lib/penstock`. `NO_COLOR` turns colours off.\n\n%s\n\n## Flags of every command\n",
		exit_codes);
	add_table(to, cli_common_flags);
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		buf_addf(to, "\n## penstock %s\n\n```\npenstock %s%s%s\n```\n\n%s.\n", command->name, command->name,
			*command->arguments ? " " : "", command->arguments, command->help);
		if (command->details)
			buf_addf(to, "\n%s\n", command->details);
		if (command->flags && command->flags->name)
			add_table(to, command->flags);
	}
}
