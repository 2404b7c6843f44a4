#ifndef WORKER_POLICY_CHANGE_H
#define WORKER_POLICY_CHANGE_H

/*
 * Reads a change as the server writes it (common/proto/policy_proto.h): commits, the files that each of them touches,
 * and the lines that it adds. Pure; views point into the text.
 */

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

struct change_commit {
	struct str id; /* hex */
	int64_t parents;
	struct str message;
};

struct change_file {
	struct str path;
	bool is_whole; /* no lines follow: it is no text, or too large; its bytes stand in the workspace */
};

/* Any may be NULL. Lines come without the last line feed: "a\nb" are two, from number `first` on. */
struct change_handler {
	void (*commit)(void *arg, const struct change_commit *commit);
	void (*file)(void *arg, const struct change_commit *commit, const struct change_file *file);
	void (*lines)(void *arg, const struct change_commit *commit, const struct change_file *file, int64_t first,
		struct str lines);
};

/* ERR_INVALID when the text is cut short or is none; what came before was handled by then. */
bool change_read(struct str text, const struct change_handler *handler, void *arg, struct err *err);

#endif
