#ifndef WORKER_FILES_H
#define WORKER_FILES_H

/* Small things with the worker's own files and directories. Blocking. */

#include "common/arena.h"
#include "common/err.h"

/* Each name in a directory but "." and ".."; stops when `each` gives non-zero. A missing directory is empty. */
void files_each(const char *directory, int (*each)(void *arg, struct str name), void *arg);
/* A file or a directory with all in it; links are not followed; what is missing is fine. */
void files_remove_tree(const char *path);
/* Makes a directory and its parents, 0700. */
bool files_make_directory(const char *path, struct err *err);
/* The whole of a small file; "" when it is not there. */
struct str files_read_small(const char *path, size_t max_bytes, struct arena *arena);
/* Replaces a small file at once. */
bool files_write_small(const char *path, struct str text, struct err *err);
/* Bytes on the disk of a file or a tree. */
int64_t files_size(const char *path);
/* An unnamed file in a directory. */
int files_temporary(const char *directory, struct err *err);

#endif
