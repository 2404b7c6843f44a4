#ifndef WORKER_OUTPUT_FILE_H
#define WORKER_OUTPUT_FILE_H

/*
 * The file that steps write their outputs to ($CI_OUTPUT): a line `name=value` each, or, for values of several lines,
 * `name<<END`, the lines, `END`. The last value of a name counts. Pure.
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/fields.h"

enum {
	OUTPUT_FILE_MAX = 1 << 20,
	OUTPUT_VALUE_MAX = 64 << 10,
};

/* ERR_INVALID names the line: no `=`, a name that is not declared (with a suggestion), a value that is too long or not
 * UTF-8, an END that never comes. Names that are declared and not written are left out. */
bool output_file_read(
	struct str text, const struct str_list *declared, struct pair_list *ret, struct arena *arena, struct err *err);

#endif
