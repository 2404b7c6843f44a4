/* penstock: the command line. Reads it, runs one command, and says in one sentence why it failed. */

#include "cli/api.h"
#include "cli/args.h"
#include "cli/exec_as.h"
#include "cli/help.h"

#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool may_draw(void)
{
	const char *terminal = getenv("TERM");
	return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

static bool may_color(void)
{
	const char *none = getenv("NO_COLOR");
	return may_draw() && !(none && *none);
}

static int show_help(const struct cli *cli, const char *word)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	if (cli->command)
		help_command(cli->command, &text);
	else if (word && args_is_group(word))
		help_group(word, &text);
	else
		help_overview(&text, cli->has_color);
	fputs(buf_c(&text), stdout);
	return CLI_OK;
}

static int fail(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "penstock: %s\n", err->text);
	return err_exit_code(err->kind);
}

/* `| head` has seen enough, which is no fault. */
static bool has_reader(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};
	return poll(&output, 1, 0) == 0 || !(output.revents & POLLERR);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct err err = {0};
	enum args_wish wish;
	if (!args_read(cli, argc, argv, &wish, &err))
		return fail(&err);
	switch (wish) {
	case ARGS_HELP:
		show_help(cli, argc > 1 ? argv[1] : NULL);
		return argc > 1 ? CLI_OK : CLI_USAGE;
	case ARGS_VERSION:
		puts("penstock " PENSTOCK_VERSION);
		return CLI_OK;
	case ARGS_RUN:
		break;
	}
	cli->is_live = may_draw() && !cli->is_json;
	int code = cli->command->run(cli, &err);
	if (code == CLI_FAILED)
		code = fail(&err);
	/* A full disk behind a redirection must not look like success. */
	bool is_whole = fflush(stdout) == 0 && !ferror(stdout);
	if (!is_whole && has_reader() && code == CLI_OK) {
		fputs("penstock: the output could not be written whole; is the disk full?\n", stderr);
		code = 1;
	}
	return code;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], EXEC_AS_WORD) == 0)
		return exec_as_main(argv + 2);
	/* Only for the width of characters: what is printed is UTF-8 whatever the locale. */
	setlocale(LC_CTYPE, "C.UTF-8");
	struct cli cli = {.has_color = may_color()};
	int code = run(&cli, argc, argv);
	arena_done(&cli.arena);
	return code;
}
