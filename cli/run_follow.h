#ifndef CLI_RUN_FOLLOW_H
#define CLI_RUN_FOLLOW_H

/* What --wait does: shows how a run goes until it is over or a person has to decide, and knows its outcome. */

#include "cli/api.h"

/* The path of the run in the API. An exit code, or CLI_FAILED. */
int run_follow(struct cli *cli, const struct api *api, struct str path, struct err *err);

/* What an action answered with: followed to its end with --wait, otherwise said in a line: "web#42 is cancelled". Takes
 * the run. */
int run_end_action(struct cli *cli, const struct api *api, json_t *run, const char *told, struct err *err);

#endif
