#ifndef CLI_TOOL_H
#define CLI_TOOL_H

/* Programs such as pg_dump and tar, waited for; what they complain of becomes the error. */

#include "common/arena.h"
#include "common/err.h"

#include <sys/types.h>

/* stdout without the blanks around it, into *ret (NULL: dropped). argv[0] is looked up in PATH. ERR_SYSTEM ends with
 * the last thing that it said on stderr. */
bool tool_run(const char *const *argv, struct arena *arena, struct str *ret, struct err *err);
/* SHA-256 in hex and the size of a file. */
bool tool_hash(const char *path, char ret_sha256[static 65], int64_t *ret_size, struct err *err);
bool tool_write(const char *path, mode_t mode, struct str text, struct err *err);
/* A small file as a text; ERR_NOT_FOUND: there is none. */
bool tool_read(const char *path, struct arena *arena, struct str *ret, struct err *err);
bool tool_remove_tree(const char *path, struct err *err);

#endif
