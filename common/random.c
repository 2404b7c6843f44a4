#include "common/random.h"

#include "common/err.h"
#include "common/hex.h"

#include <sodium.h>

void random_bytes(void *to, size_t n)
{
	/* Safe to call often and from any thread; fails only when the kernel has no randomness. */
	BUG_ON(sodium_init() < 0);
	randombytes_buf(to, n);
}

uint64_t random_u64(void)
{
	uint64_t value;
	random_bytes(&value, sizeof value);
	return value;
}

struct str random_token(struct arena *arena, const char *prefix)
{
	enum { TOKEN_BYTES = 32 };
	char bytes[TOKEN_BYTES];
	random_bytes(bytes, sizeof bytes);
	struct str text = base64url_encode(arena, (struct str){bytes, sizeof bytes});
	sodium_memzero(bytes, sizeof bytes);
	return arena_printf(arena, "%s_%.*s", prefix, STR_ARG(text));
}
