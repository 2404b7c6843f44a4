#ifndef WORKER_POLICY_SECRET_NAMES_H
#define WORKER_POLICY_SECRET_NAMES_H

/* Values that look random and stand behind a name such as `api_key`: `NAME = "VALUE"`, `name: value`, `"name":
 * "value"`. Pure. */

#include "common/str.h"

/* The next one at or behind *io_at, which then stands behind it; false: there is no more in this line. */
bool secret_named(struct str line, size_t *io_at, struct str *ret_value);
/* Whether the value is one that no person makes up: long, mixed, and no words. */
bool secret_looks_random(struct str value);

#endif
