/*
 * What steps of the abuse suite do that a shell cannot: `probe NAME [ARGUMENT...]`. Each prints what the kernel
 * answered, by the names of errors, so that the suite can compare it word for word. Runs inside the sandbox; `canary`
 * also outside.
 */
#include "tests/abuse/probe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct probe *const tables[] = {probe_calls, probe_bombs, probe_reach};

void say(const char *what, long result)
{
	printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof tables / sizeof *tables; i++)
		for (const struct probe *probe = tables[i]; probe->name; probe++)
			if (strcmp(probe->name, argv[1]) == 0)
				return probe->run(argc - 2, argv + 2);
	fprintf(stderr, "probe: what is \"%s\"?\n", argc > 1 ? argv[1] : "");
	return 2;
}
