#ifndef COMMON_REGEX_H
#define COMMON_REGEX_H

/*
 * Regular expressions (PCRE2) that come from outside: length, steps, depth and memory are limited, so none can hang
 * or fill the process. A match that hits a limit is an error, never "no".
 */

#include "common/err.h"
#include "common/str.h"

enum { REGEX_BYTES_MAX = 1024 };

bool regex_check(struct str pattern, struct err *err);
/* is_whole: the whole text must match; otherwise a part of it is enough. */
bool regex_match(struct str pattern, struct str text, bool is_whole, bool *ret, struct err *err);

#endif
