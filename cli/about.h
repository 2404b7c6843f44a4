#ifndef CLI_ABOUT_H
#define CLI_ABOUT_H

/* help, completion, version: the commands about the program itself. */

#include "cli/cli.h"

extern const struct cli_flag help_flags[];
int help_run(struct cli *cli, struct err *err);
int completion_run(struct cli *cli, struct err *err);
int version_run(struct cli *cli, struct err *err);

#endif
