/* Lines "CRON|ZONE|SECONDS|N" on standard input; prints the N due times behind that second, a line each. */
#include "common/lang/due.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>

static bool answer(struct str line, struct err *err)
{
	auto_arena arena = {0};
	struct str parts[4];
	struct lang_cron cron;
	struct zone zone;
	int64_t at, count;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!str_cut(&line, '|', &parts[i]))
			return err_set(err, ERR_INVALID, "a line has four parts");
	if (!lang_cron_parse(parts[0], &cron, err) || !zone_load(parts[1], &zone, &arena, err))
		return false;
	if (!str_to_i64(parts[2], &at) || !str_to_i64(parts[3], &count))
		return err_set(err, ERR_INVALID, "seconds and count are numbers");
	for (; count && lang_cron_next(&cron, &zone, at, &at); count--)
		printf(" %lld", (long long)at);
	putchar('\n');
	return true;
}

int main(void)
{
	char line[512];
	struct err err = {0};
	while (fgets(line, sizeof line, stdin))
		if (!answer(str_trim(str_of(line)), &err)) {
			fprintf(stderr, "cron-due: %s: %s\n", line, err.text);
			return EXIT_FAILURE;
		}
	return EXIT_SUCCESS;
}
