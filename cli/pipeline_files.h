#ifndef CLI_PIPELINE_FILES_H
#define CLI_PIPELINE_FILES_H

/* Pipeline files of a work tree, read as the server reads those of a commit. For lint and plan. */

#include "cli/cli.h"
#include "common/lang/lang.h"

#include <jansson.h>

/* Goes to the nearest directory upwards that holds .penstock/. */
bool pipeline_files_enter(struct err *err);
/* .penstock/NAME.yaml of the current directory, sorted, and those that end in .yml, which do not load; at least one. */
bool pipeline_files_list(struct arena *arena, struct str_list *ret, struct err *err);
/* The checked pipeline. false: errors, whose arena the caller has set, holds why, also when the file cannot be read.
 * The path lives as long as the arena. */
bool pipeline_files_load(
	const char *path, struct arena *arena, const struct pipeline **ret, struct lang_errors *errors);

/* One `file:line:column: message` each, to stderr. */
void pipeline_files_print(const struct lang_errors *errors);

#endif
