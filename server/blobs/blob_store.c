#include "server/blobs/blob_store.h"

#include "common/buf.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/mem.h"
#include "common/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct blob_store {
	char *folder;
};

static char *join(const char *folder, const char *part, struct str name)
{
	auto_buf path = BUF_INIT(16 * 1024);
	buf_addf(&path, "%s/%s%.*s", folder, part, STR_ARG(name));
	return buf_take(&path);
}

static bool make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "folder %s", path);
	return true;
}

bool blob_name_is_valid(struct str sha256)
{
	return sha256.n == 64 && str_has_only(sha256, "0123456789abcdef");
}

bool blob_store_open(const char *folder, struct blob_store **ret, struct err *err)
{
	auto_free char *uploads = join(folder, "uploads", (struct str){0});
	if (!make_folder(folder, err) || !make_folder(uploads, err))
		return false;
	for (int i = 0; i < 256; i++) {
		char name[4];
		snprintf(name, sizeof name, "%02x", i);
		auto_free char *part = join(folder, name, (struct str){0});
		if (!make_folder(part, err))
			return false;
	}
	*ret = mem_alloc(sizeof **ret);
	(*ret)->folder = mem_strdup(folder);
	return true;
}

void blob_store_free(struct blob_store *store)
{
	if (!store)
		return;
	free(store->folder);
	free(store);
}

char *blob_store_path(const struct blob_store *store, struct str sha256)
{
	BUG_ON(!blob_name_is_valid(sha256));
	char part[4] = {sha256.p[0], sha256.p[1], '/', 0};
	return join(store->folder, part, sha256);
}

char *blob_store_folder(const struct blob_store *store, int folder)
{
	char part[4];
	BUG_ON(folder < 0 || folder > 255);
	snprintf(part, sizeof part, "%02x", (unsigned)folder & 0xff);
	return join(store->folder, part, (struct str){0});
}

char *blob_store_upload_path(const struct blob_store *store, struct str upload)
{
	return join(store->folder, "uploads/", upload);
}

char *blob_store_temporary(const struct blob_store *store)
{
	auto_arena arena = {0};
	return join(store->folder, "uploads/", random_token(&arena, "t"));
}

bool blob_store_has(const struct blob_store *store, struct str sha256)
{
	auto_free char *path = blob_store_path(store, sha256);
	return access(path, R_OK) == 0;
}

bool blob_store_hash_file(const char *path, char ret_sha256[static 65], int64_t *ret_size, struct err *err)
{
	enum { CHUNK = 256 * 1024 };
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "blob %s", path);
	auto_free char *chunk = mem_alloc(CHUNK);
	auto_digest digest;
	uint8_t sum[DIGEST_BYTES];
	int64_t size = 0;
	ssize_t n;
	digest_init(&digest);
	while ((n = read(fd, chunk, CHUNK)) > 0) {
		digest_add(&digest, (struct str){chunk, (size_t)n});
		size += n;
	}
	if (n < 0)
		return err_errno(err, "blob %s", path);
	digest_end(&digest, sum);
	hex_write(sum, sizeof sum, ret_sha256);
	ret_sha256[64] = 0;
	*ret_size = size;
	return true;
}

/* Its name is durable once its folder is. */
static bool sync_folder_of(const char *path, struct err *err)
{
	auto_free char *folder = mem_strdup(path);
	*strrchr(folder, '/') = 0;
	auto_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return err_errno(err, "folder %s", folder);
	return true;
}

bool blob_store_put_file(const struct blob_store *store, const char *path, struct str sha256, struct err *err)
{
	char actual[65];
	int64_t size;
	if (!blob_store_hash_file(path, actual, &size, err))
		return false;
	if (!str_is(sha256, actual)) {
		unlink(path);
		return err_set(err, ERR_CONFLICT,
			"the bytes received have the hash %.12s..., not %.12s...: send them again", actual, sha256.p);
	}
	auto_free char *to = blob_store_path(store, sha256);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* The row that names a blob is durable, so the blob must be before. */
	if (fd < 0 || fsync(fd) != 0 || rename(path, to) != 0)
		return err_errno(err, "blob %s", to);
	return sync_folder_of(to, err);
}
