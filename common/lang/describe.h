#ifndef COMMON_LANG_DESCRIBE_H
#define COMMON_LANG_DESCRIBE_H

/* A tree that was read by tables as JSON again: what is set, with durations and sizes as people write them. Private to
 * common/lang. */

#include "common/lang/block.h"

#include <jansson.h>

/* The caller owns it. */
json_t *lang_describe(const struct lang_block *block, const void *base);

#endif
