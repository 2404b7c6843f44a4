#ifndef SERVER_AUTH_PASSWORD_H
#define SERVER_AUTH_PASSWORD_H

/* Passwords by argon2id (libsodium's crypto_pwhash_str). Each call costs tens of milliseconds: for a pool thread. */

#include "common/err.h"
#include "common/str.h"

enum { PASSWORD_HASH_BYTES = 128, PASSWORD_MIN = 8, PASSWORD_MAX = 1024 };

bool password_hash(struct str password, char ret_hash[static PASSWORD_HASH_BYTES], struct err *err);
bool password_matches(struct str password, const char *hash);

#endif
