#ifndef SERVER_BLOBS_BLOB_SWEEP_H
#define SERVER_BLOBS_BLOB_SWEEP_H

/*
 * What retention does in the folder of blobs: lists it, and removes what the database lets go. Blocking: for a pool
 * thread.
 */

#include "common/arena.h"
#include "server/blobs/blob_store.h"

enum { BLOB_FOLDERS = 256 };

struct blob_file {
	struct str name; /* of a blob its SHA-256 */
	int64_t size_bytes;
	int64_t written_us;
};

struct blob_files {
	struct blob_file *items;
	size_t count;
};

/* The blobs of one folder, 0 to 255. */
bool blob_sweep_list(
	const struct blob_store *store, int folder, struct blob_files *ret, struct arena *arena, struct err *err);
/* Uploads that grow, and files that a writer in some process makes. */
bool blob_sweep_uploads(const struct blob_store *store, struct blob_files *ret, struct arena *arena, struct err *err);
/* Removes a doomed blob's file unless it was written since then; *ret_is_gone is true too where there was none. */
bool blob_sweep_remove(const struct blob_store *store, struct str sha256, int64_t written_before_us, bool *ret_is_gone,
	struct err *err);
bool blob_sweep_remove_upload(const struct blob_store *store, struct str name, struct err *err);

#endif
