#ifndef SERVER_GIT_GIT_AUTHORS_H
#define SERVER_GIT_GIT_AUTHORS_H

/*
 * Who wrote commits, by their mail addresses as git has them: the authors and whoever a trailer "Co-authored-by: NAME
 * <MAIL>" names. Each is told once. Blocking: for a pool thread.
 */

#include "server/git/git_change.h"

enum {
	GIT_AUTHORS_COMMITS_MAX = 10000, /* of more commits, the newest are looked at */
	GIT_AUTHORS_MAX = 4096,          /* who comes behind them is not told */
	GIT_MAIL_BYTES_MAX = 254,        /* RFC 5321; what is longer is no address */
};

/* Of a change: of its commits and of its newest one, which another branch may have brought already. */
bool git_authors_of_change(struct git_mirror *mirror, const struct git_change *change, struct str_list *ret,
	struct arena *arena, struct err *err);
/* Of what `to` has and `from` has not; both are commit ids. ERR_NOT_FOUND: the mirror does not have one of them. */
bool git_authors_between(struct git_mirror *mirror, struct str from, struct str to, struct str_list *ret,
	struct arena *arena, struct err *err);

#endif
