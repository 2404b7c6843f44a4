#ifndef SERVER_DRIFT_REPORT_H
#define SERVER_DRIFT_REPORT_H

/* What the answer of a target's probe means: the version that it says it runs, or why that is not known. Pure; what it
 * is given comes from anybody. */

#include "common/arena.h"
#include "common/str.h"

enum { REPORT_VERSION_BYTES_MAX = 200 };

struct report {
	struct str version; /* one line; "": unknown */
	struct str problem; /* why it is unknown; "": it is known */
};

/* `expression` over `body`, the JSON of the answer, gives the version; "": the answer itself is it. */
void report_read(struct str expression, int status, struct str body, struct report *ret, struct arena *arena);
/* The address with "{service}" in its place, as part of a path. */
struct str report_address(struct str url, struct str service, struct arena *arena);

#endif
