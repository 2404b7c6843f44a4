#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

/*
 * SHA-256 at once or in pieces, HMAC-SHA256, and a comparison whose time does not tell where two secrets differ.
 * Any thread; one struct digest belongs to one thread at a time.
 */

#include "common/str.h"

enum { DIGEST_BYTES = 32, DIGEST_TEXT_BYTES = 2 * DIGEST_BYTES + 1 };

struct evp_md_ctx_st;

struct digest {
	struct evp_md_ctx_st *context;
};

#define auto_digest __attribute__((cleanup(digest_done))) struct digest

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, struct str bytes);
/* The digest can take no more afterwards; digest_done() is still owed. */
void digest_end(struct digest *digest, uint8_t ret[static DIGEST_BYTES]);
void digest_done(struct digest *digest);

void digest_of(struct str bytes, uint8_t ret[static DIGEST_BYTES]);
/* In lower-case hex, as blobs and tokens are named. */
void digest_text_of(struct str bytes, char ret[static DIGEST_TEXT_BYTES]);
void digest_hmac(struct str key, struct str bytes, uint8_t ret[static DIGEST_BYTES]);

/* What people are shown of a version: digests ("sha256:...") and commit ids by their first twelve digits, anything else
 * whole. */
struct str digest_brief(struct str version);

/* The time depends on the lengths only. */
bool digest_equal(struct str a, struct str b);

#endif
