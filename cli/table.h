#ifndef CLI_TABLE_H
#define CLI_TABLE_H

/*
 * Rows in aligned columns under a head, for people: cells are added from left to right, row by row, and printed at the
 * end, when every width is known. On a terminal a row never takes more than one line.
 */

#include "cli/cli.h"

#include <jansson.h>

struct table {
	const struct cli *cli;
	struct arena *arena;
	const char *const *heads; /* NULL-terminated */
	size_t columns;
	struct str *cells;
	size_t count;
};

void table_init(struct table *table, struct cli *cli, const char *const *heads);
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A version, as short as people need it; "-" for none. */
void table_add_version(struct table *table, const char *version);
/* Texts of an answer, with blanks between. */
void table_add_list(struct table *table, const json_t *texts);
/* In the colour of the state. */
void table_add_state(struct table *table, const char *state);
/* Nothing at all where there are no rows. */
void table_print(const struct table *table);

#endif
