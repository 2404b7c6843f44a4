#include "server/keys/keyring.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

struct keyring {
	unsigned char key[KEY_BYTES];
};

static bool write_key(const char *path, struct err *err)
{
	unsigned char key[KEY_BYTES];
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "key file %s", path);
	randombytes_buf(key, sizeof key);
	bool ok = write(fd, key, sizeof key) == sizeof key && fsync(fd) == 0;
	sodium_memzero(key, sizeof key);
	return ok || err_errno(err, "key file %s", path);
}

/* Whole or not at all, and one of several servers that start on an empty folder wins. */
static bool make_key(const char *path, struct err *err)
{
	auto_arena arena = {0};
	const char *own = arena_printf(&arena, "%s.%ld", path, (long)getpid()).p;
	bool ok = write_key(own, err);
	if (ok && link(own, path) < 0 && errno != EEXIST)
		ok = err_errno(err, "key file %s", path);
	unlink(own);
	return ok;
}

static bool read_key(const char *path, int fd, unsigned char *key, struct err *err)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0)
		return err_errno(err, "key file %s", path);
	if (stat.st_mode & 077)
		return err_set(err, ERR_INVALID, "key file %s can be read by others: chmod 600 it", path);
	if (stat.st_size != KEY_BYTES || read(fd, key, KEY_BYTES) != KEY_BYTES)
		return err_set(err, ERR_INVALID, "key file %s is damaged: it has %lld bytes, a key has %d", path,
			(long long)stat.st_size, KEY_BYTES);
	return true;
}

bool keyring_open(const char *path, struct keyring **ret, struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_SYSTEM, "libsodium does not start");
	struct keyring *keys = mem_alloc(sizeof *keys);
	bool ok = access(path, F_OK) == 0 || errno != ENOENT || make_key(path, err);
	if (ok) {
		auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		ok = fd >= 0 ? read_key(path, fd, keys->key, err) : err_errno(err, "key file %s", path);
	}
	if (ok)
		*ret = keys;
	else
		keyring_free(keys);
	return ok;
}

void keyring_free(struct keyring *keys)
{
	if (!keys)
		return;
	sodium_memzero(keys->key, sizeof keys->key);
	free(keys);
}

struct str keyring_seal(struct keyring *keys, struct str plain, struct str bound_to, struct arena *arena)
{
	unsigned char *sealed = arena_alloc(arena, NONCE_BYTES + plain.n + TAG_BYTES);
	unsigned long long n;
	randombytes_buf(sealed, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &n, (const unsigned char *)plain.p, plain.n,
		(const unsigned char *)bound_to.p, bound_to.n, NULL, sealed, keys->key);
	return (struct str){(const char *)sealed, NONCE_BYTES + (size_t)n};
}

bool keyring_unseal(struct keyring *keys, struct str sealed, struct str bound_to, struct str *ret, struct arena *arena,
	struct err *err)
{
	if (sealed.n < NONCE_BYTES + TAG_BYTES)
		return err_set(err, ERR_INVALID, "a sealed text of %zu bytes is damaged", sealed.n);
	const unsigned char *bytes = (const unsigned char *)sealed.p;
	unsigned char *plain = arena_alloc(arena, sealed.n - NONCE_BYTES - TAG_BYTES + 1);
	unsigned long long n;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL, bytes + NONCE_BYTES, sealed.n - NONCE_BYTES,
		    (const unsigned char *)bound_to.p, bound_to.n, bytes, keys->key) != 0)
		return err_set(err, ERR_INVALID,
			"a sealed text does not open: it was sealed with another key (see data_dir/key)");
	*ret = (struct str){(const char *)plain, (size_t)n};
	return true;
}
