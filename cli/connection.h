#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

/* Where the server is and who the caller is: flags, then the environment, then the files of a data directory. */

#include "cli/cli.h"

/* All three live in the arena. *ret_token may be "". *ret_remedy says what to do when nobody answers there. */
bool connection_find(struct cli *cli, struct arena *arena, const char **ret_url, const char **ret_token,
	const char **ret_remedy, struct err *err);

/* The text of a small file without the blanks around it, in the arena; false: errno says why. */
bool connection_read_file(const char *path, struct arena *arena, const char **ret_text);

#endif
