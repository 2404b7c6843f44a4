#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

/*
 * Randomness for secrets, from the kernel by way of libsodium. Any thread. The engine never calls this: it gets
 * randomness as an argument.
 */

#include "common/arena.h"

void random_bytes(void *to, size_t n);
uint64_t random_u64(void);

/* "PREFIX_" and 256 random bits in base64url (43 characters): the prefix says in a leak what was leaked. */
struct str random_token(struct arena *arena, const char *prefix);

#endif
