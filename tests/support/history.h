#ifndef TESTS_SUPPORT_HISTORY_H
#define TESTS_SUPPORT_HISTORY_H

/* A repository that git itself makes by a script, for one test, and its mirror: "// links: penstock_test_history". */

#include "server/git/git_read.h"

/* Runs the script in a folder of its own, whose only person is a <a@b>; it calls `git init`. Fails the test when it
 * fails. */
void history_make(const char *script);
/* What history_make() made is gone. */
void history_done(void);

extern struct git_mirror *history_mirror; /* open, and of the state behind the script */
extern struct arena history_arena;        /* until history_done() */
/* Of a branch, a tag or a commit; "" and zeros stay what they are. */
struct str history_commit(const char *name);

#endif
