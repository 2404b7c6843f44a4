#ifndef CLI_WHICH_RUN_H
#define CLI_WHICH_RUN_H

/* What people mean by RUN: "web#42", 42 where web is the only repository, an id, "latest", or nothing for the latest.
 */

#include "cli/api.h"

/* The run's path in the API, in the arena of `api`, from the first argument of the command. */
bool which_run(struct cli *cli, const struct api *api, struct str *ret_path, struct err *err);

#endif
