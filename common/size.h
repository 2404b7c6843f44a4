#ifndef COMMON_SIZE_H
#define COMMON_SIZE_H

/* Sizes in bytes as people write them: in pipeline files, configuration and on the command line. */

#include "common/arena.h"
#include "common/err.h"

/* "512MiB", "2GiB", "1.5GB", "100kB", "64B"; a bare number is refused, since nobody can tell its unit. */
bool size_parse(struct str text, int64_t *ret_bytes, struct err *err);
/* In the largest binary unit that divides it: "512MiB". */
struct str size_format(struct arena *arena, int64_t bytes);

#endif
