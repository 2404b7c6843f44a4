#ifndef CLI_UP_H
#define CLI_UP_H

/* `penstock up`: the one-machine product. Owns a private PostgreSQL cluster, a server and a worker while it runs. */

#include "cli/cli.h"

/* What has to be free on the disk of the data directory: PostgreSQL's first files and two segments of its log. */
enum { UP_ROOM_MIN_MIB = 256 };

extern const struct cli_flag up_flags[];
int up_command(struct cli *cli, struct err *err);

#endif
