#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

/* The output of a short program such as git, waited for. */

#include "common/arena.h"
#include "common/err.h"

/* stdout without the blanks around it; what it says on stderr is dropped. false: it is missing, or did not exit with 0.
 * argv[0] is looked up in PATH. */
bool capture(const char *const *argv, struct arena *arena, struct str *ret, struct err *err);

#endif
