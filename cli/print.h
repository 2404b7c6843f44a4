#ifndef CLI_PRINT_H
#define CLI_PRINT_H

/* What commands print with: states in colour, times, JSON. Colours only when cli->has_color. */

#include "cli/cli.h"

#include <jansson.h>

void print_json(const json_t *json);
const char *print_colour(const struct cli *cli, const char *state);
const char *print_plain(const struct cli *cli);

#endif
