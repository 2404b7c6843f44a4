#include "server/auth/bootstrap.h"

#include "common/arena.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/auth/password.h"
#include "server/store/first_account.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

static bool write_secret(struct str folder, const char *name, struct str secret, struct err *err)
{
	auto_arena arena = {0};
	const char *path = arena_printf(&arena, "%.*s/%s", STR_ARG(folder), name).p;
	unlink(path);
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct str line = arena_printf(&arena, "%.*s\n", STR_ARG(secret));
	if (fd < 0 || write(fd, line.p, line.n) != (ssize_t)line.n)
		return err_errno(err, "file %s", path);
	return true;
}

struct secrets {
	struct str password, api_token, worker_token;
	char hash[PASSWORD_HASH_BYTES];
	char api_hash[DIGEST_TEXT_BYTES], worker_hash[DIGEST_TEXT_BYTES];
};

static bool make_secrets(struct secrets *ret, struct arena *arena, struct err *err)
{
	ret->password = random_token(arena, "pw");
	ret->api_token = random_token(arena, "pst");
	ret->worker_token = random_token(arena, "pwk");
	digest_text_of(ret->api_token, ret->api_hash);
	digest_text_of(ret->worker_token, ret->worker_hash);
	return password_hash(ret->password, ret->hash, err);
}

bool bootstrap(struct str database_url, struct str data_dir, struct err *err)
{
	auto_arena arena = {0};
	struct secrets secrets;
	bool is_needed, is_made;
	if (!first_account_is_needed(database_url.p, &is_needed, err))
		return false;
	if (!is_needed)
		return true;
	if (!make_secrets(&secrets, &arena, err) ||
		!first_account_make(database_url.p, secrets.hash, secrets.api_hash, secrets.worker_hash, &is_made, err))
		return false;
	return !is_made || (write_secret(data_dir, "admin-password", secrets.password, err) &&
				   write_secret(data_dir, "admin-token", secrets.api_token, err) &&
				   write_secret(data_dir, "worker-token", secrets.worker_token, err));
}
