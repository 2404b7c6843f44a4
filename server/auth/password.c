#include "server/auth/password.h"

#include <assert.h>
#include <sodium.h>

static_assert((int)PASSWORD_HASH_BYTES >= (int)crypto_pwhash_STRBYTES, "libsodium's hashes grew");

bool password_hash(struct str password, char ret_hash[static PASSWORD_HASH_BYTES], struct err *err)
{
	if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX)
		return err_set(err, ERR_INVALID, "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
	if (crypto_pwhash_str(ret_hash, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
		    crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		return err_set(err, ERR_SYSTEM, "there is no memory to hash a password");
	return true;
}

bool password_matches(struct str password, const char *hash)
{
	return password.n <= PASSWORD_MAX && crypto_pwhash_str_verify(hash, password.p, password.n) == 0;
}
