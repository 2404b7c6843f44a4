#include "cli/print.h"

#include <stdio.h>
#include <string.h>

void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

const char *print_colour(const struct cli *cli, const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {{"succeeded", "\033[32m"}, {"failed", "\033[31m"}, {"lost", "\033[31m"}, {"running", "\033[34m"},
		{"leased", "\033[34m"}, {"waiting", "\033[33m"}, {"gated", "\033[33m"}, {"cancelled", "\033[35m"}};
	for (size_t i = 0; cli->has_color && i < sizeof colours / sizeof colours[0]; i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return "";
}

const char *print_plain(const struct cli *cli)
{
	return cli->has_color ? "\033[0m" : "";
}
