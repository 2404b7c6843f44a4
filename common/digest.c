#include "common/digest.h"

#include "common/err.h"
#include "common/hex.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void digest_init(struct digest *digest)
{
	digest->context = EVP_MD_CTX_new();
	BUG_ON(!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1);
}

void digest_add(struct digest *digest, struct str bytes)
{
	BUG_ON(EVP_DigestUpdate(digest->context, bytes.p, bytes.n) != 1);
}

void digest_end(struct digest *digest, uint8_t ret[static DIGEST_BYTES])
{
	unsigned n = 0;
	BUG_ON(EVP_DigestFinal_ex(digest->context, ret, &n) != 1 || n != DIGEST_BYTES);
}

void digest_done(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

void digest_of(struct str bytes, uint8_t ret[static DIGEST_BYTES])
{
	unsigned n = 0;
	BUG_ON(EVP_Digest(bytes.p, bytes.n, ret, &n, EVP_sha256(), NULL) != 1 || n != DIGEST_BYTES);
}

void digest_text_of(struct str bytes, char ret[static DIGEST_TEXT_BYTES])
{
	uint8_t digest[DIGEST_BYTES];
	digest_of(bytes, digest);
	hex_write(digest, sizeof digest, ret);
}

void digest_hmac(struct str key, struct str bytes, uint8_t ret[static DIGEST_BYTES])
{
	unsigned n = 0;
	BUG_ON(key.n > INT_MAX);
	/* OpenSSL takes a NULL key as "the one from before". */
	const char *p = key.p ? key.p : "";
	BUG_ON(!HMAC(EVP_sha256(), p, (int)key.n, (const unsigned char *)bytes.p, bytes.n, ret, &n) ||
		n != DIGEST_BYTES);
}

struct str digest_brief(struct str version)
{
	enum { SHOWN_DIGITS = 12, LEAST_DIGITS = 32 };
	struct str kind = STR("sha256:");
	size_t before = str_starts(version, kind) ? kind.n : 0;
	struct str digits = str_skip(version, before);
	bool is_digest = digits.n >= LEAST_DIGITS && str_has_only(digits, "0123456789abcdef");
	return is_digest ? str_head(version, before + SHOWN_DIGITS) : version;
}

bool digest_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
