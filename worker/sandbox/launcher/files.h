#ifndef WORKER_SANDBOX_LAUNCHER_FILES_H
#define WORKER_SANDBOX_LAUNCHER_FILES_H

/*
 * Files in and out of a workspace, and its emptying. These run in the job's helper (helper.h), inside its namespaces,
 * as its account, without capabilities and behind the filters of a step: a hostile tree can at worst confuse its own
 * helper. Paths are resolved beneath the area, and links are never followed.
 */

#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads the stream from `from` and makes its entries beneath `area`, replacing what stands there under the same name.
 */
bool files_import(int area, int from, uint64_t max_entries, uint64_t max_bytes, struct err *err);

/* Writes the regular files beneath `area` that match one of the patterns, as a stream, in no promised order. A pattern
 * is a path, in which * ? [] match within a part and ** any number of parts; a directory stands for all in it. What
 * matches but is no regular file, or passes a ceiling, becomes a note. */
bool files_collect(
	int area, int to, const char *const *patterns, uint64_t max_entries, uint64_t max_bytes, struct err *err);

/* Removes everything beneath `area`, however deep, whatever its permissions say. */
bool files_remove_all(int area, struct err *err);
bool files_is_empty(int area);

#endif
