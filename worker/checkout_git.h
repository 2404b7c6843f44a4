#ifndef WORKER_CHECKOUT_GIT_H
#define WORKER_CHECKOUT_GIT_H

/* The .git of a checkout, see worker/checkout.h, which alone uses this. */

#include "common/err.h"
#include "common/str.h"

#include <git2.h>

struct stream_writer;

struct checkout_git {
	git_repository *repo;
	git_commit *commit;
	struct str tag;  /* "": none */
	struct str tags; /* see checkout.h */
	int32_t fetch_depth;
	const char *scratch;
	uint64_t tree_bytes; /* of the commit's files */
	uint64_t disk_bytes; /* of the job */
};

bool checkout_git_write(const struct checkout_git *git, struct stream_writer *out, struct err *err);

/* ERR_UPSTREAM with libgit2's own words behind. */
bool checkout_git_failed(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
