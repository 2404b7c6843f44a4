#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

/* The configuration document of a command line: the file that the first argument names, or standard input for "-". */

#include "cli/cli.h"
#include "common/lang/configuration.h"

/* *ret_text lives in the arena. */
bool document_read(struct cli *cli, const char *path, struct str *ret_text, struct err *err);
/* Checks it as the server does, and prints each error with the file's own name. false: it is wrong. */
bool document_check(struct cli *cli, const char *path, struct str text, const struct configuration **ret,
	struct lang_errors *ret_errors);

#endif
