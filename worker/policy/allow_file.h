#ifndef WORKER_POLICY_ALLOW_FILE_H
#define WORKER_POLICY_ALLOW_FILE_H

/*
 * `.penstock/secrets-allow`: what no-secrets lets pass, and why. A line is a fingerprint, as a finding names it, or a
 * glob of paths, and behind it the reason, which has to be there; `#` begins a comment. A glob that lets everything
 * pass is refused: a file shall not switch the check off. Pure.
 */

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

#define ALLOW_FILE_PATH ".penstock/secrets-allow"

enum { FINGERPRINT_BYTES = 16, ALLOW_FILE_BYTES_MAX = 1 << 20 };

struct allowance {
	struct str what; /* fingerprint or glob */
	struct str reason;
	bool is_fingerprint;
};

struct allow_file {
	struct allowance *items;
	size_t count;
};

/* `fault` is told of each line that cannot be used; the others count. */
void allow_file_read(struct str text, struct allow_file *ret, struct arena *arena,
	void (*fault)(void *arg, int32_t line, const char *message), void *arg);
/* The reason, or "" when nothing lets it pass. */
struct str allow_file_find(const struct allow_file *allow, struct str path, struct str fingerprint);

#endif
