#ifndef WORKER_POLICY_CONTENT_H
#define WORKER_POLICY_CONTENT_H

/*
 * The bytes of a file, and of all that is packed in it, as lines. Archives (tar, zip, cpio, ar) and compressed files
 * (gzip, bzip2, xz, zstd, lz4) are unpacked in passing, in one another too, by libarchive: nothing is ever written, and
 * what an archive claims (names, sizes, links) is shown at most. Memory is bounded, and so is how much may come out.
 */

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

/* A tar.gz is packed twice. */
enum { CONTENT_DEPTH_MAX = 8, CONTENT_ENTRIES_MAX = 500000 };

struct content_handler {
	/* A file begins: "a.tar.gz!b/c.txt". A text has no zero byte in its first kilobytes. */
	void (*begin)(void *arg, struct str path, bool is_binary);
	/* Without its line feed. A line that is longer than the buffer comes in pieces that overlap. */
	void (*line)(void *arg, int64_t number, struct str line);
	/* Something that looks packed and cannot be unpacked, or not wholly. */
	void (*damaged)(void *arg, struct str path, const char *why);
	void *arg;
};

struct content_limits { /* what is left; counts down */
	int64_t bytes;
	int64_t entries;
};

/* Reads the file from its start. ERR_TOO_LARGE: more came out than is allowed, so the rest was not looked at. */
bool content_read(
	int fd, struct str path, const struct content_handler *handler, struct content_limits *limits, struct err *err);

#endif
