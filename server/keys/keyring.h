#ifndef SERVER_KEYS_KEYRING_H
#define SERVER_KEYS_KEYRING_H

/*
 * Seals what must not be readable in the database: XChaCha20-Poly1305 (libsodium's secretbox family, IETF draft
 * irtf-cfrg-xchacha) with a key that lives in a file outside of it. Each sealed text is bound to what it is for
 * (`bound_to`, say "repository:web:hook"), so that it opens nowhere else.
 */

#include "common/arena.h"
#include "common/err.h"

struct keyring;

/* Reads the key file, or makes it (0600) when it is not there. A file that others can read is refused. */
bool keyring_open(const char *path, struct keyring **ret, struct err *err);
void keyring_free(struct keyring *keys);

struct str keyring_seal(struct keyring *keys, struct str plain, struct str bound_to, struct arena *arena);
/* ERR_INVALID: another key, another purpose, or damaged. */
bool keyring_unseal(struct keyring *keys, struct str sealed, struct str bound_to, struct str *ret, struct arena *arena,
	struct err *err);

#endif
