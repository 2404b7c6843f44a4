#ifndef WORKER_HINT_H
#define WORKER_HINT_H

/*
 * What the sandbox has to do with the end of a step: a sentence for whoever knows machines that give their steps root,
 * bash and a network. It states what is so here, and only where the script asks for it, since it cannot know why a
 * program failed. Pure.
 */

#include "common/str.h"

/* For a step that exited with a code other than 0; NULL where there is nothing to say. `shell` empty: none was chosen.
 */
const char *hint_for(struct str script, struct str shell, bool has_network, int exit_code);

#endif
