#ifndef CLI_ASK_H
#define CLI_ASK_H

/* What most commands are: one request, and its answer printed. */

#include "cli/api.h"

/* The answer goes out as JSON with --json, and by `print` otherwise. body may be NULL. Returns an exit code. */
int ask(struct cli *cli, const char *method, struct str path, const json_t *body,
	void (*print)(struct cli *cli, const json_t *answer), struct err *err);
/* Prints that the thing named by the first argument was dealt with: for answers that say nothing. */
void ask_print_done(struct cli *cli, const json_t *answer);
/* `before`, the first argument as one segment of a path, `after`. */
struct str ask_path(struct cli *cli, const char *before, const char *after);

#endif
