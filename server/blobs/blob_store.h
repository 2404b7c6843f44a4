#ifndef SERVER_BLOBS_BLOB_STORE_H
#define SERVER_BLOBS_BLOB_STORE_H

/*
 * Artifacts and sealed logs by the SHA-256 of their content, in a folder. What has a name here is whole and never
 * changes: bytes are written elsewhere, checked, and renamed into place. Every coordinator of a database uses the same
 * folder. Whoever puts a file here has touched its row before (blob_touch.sql), so that retention leaves it alone.
 * Blocking calls, for pool threads, but for paths.
 */

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

struct blob_store;

bool blob_store_open(const char *folder, struct blob_store **ret, struct err *err);
void blob_store_free(struct blob_store *store);

/* "FOLDER/ab/abcd..."; the caller frees. The name must be 64 hex digits. */
char *blob_store_path(const struct blob_store *store, struct str sha256);
/* "FOLDER/ab" of the folder with this number, 0 to 255; the caller frees. */
char *blob_store_folder(const struct blob_store *store, int folder);
/* Where an upload of this name grows; the caller frees. Kept over restarts, so that a cut upload resumes. */
char *blob_store_upload_path(const struct blob_store *store, struct str upload);
/* A fresh file for a writer in this process; the caller frees. */
char *blob_store_temporary(const struct blob_store *store);

bool blob_store_has(const struct blob_store *store, struct str sha256);
/* Takes over the file when its content has that hash; removes it otherwise (ERR_INVALID). Having it already is fine. */
bool blob_store_put_file(const struct blob_store *store, const char *path, struct str sha256, struct err *err);
/* Hash of a file as 64 hex digits and a zero. */
bool blob_store_hash_file(const char *path, char ret_sha256[static 65], int64_t *ret_size, struct err *err);

bool blob_name_is_valid(struct str sha256);

#endif
