#ifndef CLI_ARGS_H
#define CLI_ARGS_H

/* Reads a command line by the table of commands; suggests where a name is not known. Only main calls this. */

#include "cli/cli.h"

/* Fills command, arguments and flags. With --help or --version anywhere the command may be NULL, and the rest is not
 * checked: *ret_wish says so. */
enum args_wish { ARGS_RUN, ARGS_HELP, ARGS_VERSION };
bool args_read(struct cli *cli, int argc, char **argv, enum args_wish *ret_wish, struct err *err);

/* The command of these one or two words; NULL: there is none. *ret_words is how many it took. */
const struct cli_command *args_find(const char *const *words, size_t count, size_t *ret_words);
/* Whether other commands begin with this word: "repo". */
bool args_is_group(const char *word);
/* false, with a suggestion. */
bool args_unknown(const char *const *words, size_t count, struct err *err);

#endif
