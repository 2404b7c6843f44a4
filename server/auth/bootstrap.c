#include "server/auth/bootstrap.h"

#include "common/arena.h"
#include "common/digest.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/auth/password.h"
#include "server/store/first_account.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 200 };

static bool write_secret(const char *path, struct str secret, struct err *err)
{
	auto_arena arena = {0};
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct str line = arena_printf(&arena, "%.*s\n", STR_ARG(secret));
	if (fd < 0 || write(fd, line.p, line.n) != (ssize_t)line.n || fsync(fd) != 0)
		return err_errno(err, "file %s", path);
	return true;
}

/* Whole or not at all, and one of several servers that start on an empty folder wins. */
static bool make_secret(const char *path, const char *prefix, struct err *err)
{
	auto_arena arena = {0};
	const char *own = arena_printf(&arena, "%s.%ld", path, (long)getpid()).p;
	unlink(own);
	bool ok = write_secret(own, random_token(&arena, prefix), err);
	if (ok && link(own, path) < 0 && errno != EEXIST)
		ok = err_errno(err, "file %s", path);
	unlink(own);
	return ok;
}

/* What a start that was cut off wrote stays: its hash may be stored already. */
static bool keep_secret(
	struct str folder, const char *name, const char *prefix, struct str *ret, struct arena *arena, struct err *err)
{
	const char *path = arena_printf(arena, "%.*s/%s", STR_ARG(folder), name).p;
	char text[SECRET_BYTES_MAX];
	if (access(path, F_OK) != 0 && !make_secret(path, prefix, err))
		return false;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (n < 0)
		return err_errno(err, "file %s", path);
	struct str secret = str_trim((struct str){text, (size_t)n});
	if (secret.n == 0)
		return err_set(err, ERR_INVALID, "file %s is empty: remove it, and the next start makes it", path);
	*ret = arena_str(arena, secret);
	return true;
}

struct secrets {
	struct str password, api_token, worker_token;
	char hash[PASSWORD_HASH_BYTES];
	char api_hash[DIGEST_TEXT_BYTES], worker_hash[DIGEST_TEXT_BYTES];
};

static bool make_secrets(struct str folder, struct secrets *ret, struct arena *arena, struct err *err)
{
	if (!keep_secret(folder, "admin-password", "pw", &ret->password, arena, err) ||
		!keep_secret(folder, "admin-token", "pst", &ret->api_token, arena, err) ||
		!keep_secret(folder, "worker-token", "pwk", &ret->worker_token, arena, err))
		return false;
	digest_text_of(ret->api_token, ret->api_hash);
	digest_text_of(ret->worker_token, ret->worker_hash);
	return password_hash(ret->password, ret->hash, err);
}

bool bootstrap(struct str database_url, struct str data_dir, struct err *err)
{
	auto_arena arena = {0};
	struct secrets secrets;
	bool is_needed;
	if (!first_account_is_needed(database_url.p, &is_needed, err))
		return false;
	if (!is_needed)
		return true;
	if (!make_secrets(data_dir, &secrets, &arena, err))
		return false;
	FAILPOINT("secrets.written");
	if (!first_account_make(database_url.p, secrets.hash, secrets.api_hash, secrets.worker_hash, err))
		return false;
	FAILPOINT("account.made");
	return true;
}
