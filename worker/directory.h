#ifndef WORKER_DIRECTORY_H
#define WORKER_DIRECTORY_H

/* A directory as it is, uncommitted changes and all, as a stream of files for a workspace. Blocking: pool threads. */

#include "common/err.h"

/* Regular files, links and directories below `path`, but no .git; what is neither is left out. The stream is ended. */
bool directory_write(const char *path, int stream, struct err *err);

#endif
