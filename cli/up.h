#ifndef CLI_UP_H
#define CLI_UP_H

/* `penstock up`: the one-machine product. Owns a private PostgreSQL cluster, a server and a worker while it runs. */

#include "cli/cli.h"

extern const struct cli_flag up_flags[];
int up_command(struct cli *cli, struct err *err);

#endif
