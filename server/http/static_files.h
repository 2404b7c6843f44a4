#ifndef SERVER_HTTP_STATIC_FILES_H
#define SERVER_HTTP_STATIC_FILES_H

/*
 * The built web pages out of one directory, which is never left: paths are resolved beneath it by the kernel. A ".gz"
 * beside a file is sent in its place to whoever takes gzip. Files below "assets/" carry a hash in their names and are
 * kept for good; all others are asked for again by their ETag. A path whose last segment has no dot, and that is no
 * asset, is a page of the application: index.html.
 */

#include "common/err.h"

struct http_exchange;
struct static_files;

/* ERR_NOT_FOUND when the directory holds no index.html. */
bool static_files_open(const char *directory, struct static_files **ret, struct err *err);
void static_files_free(struct static_files *files);

/* Answers a GET of any path: the handler of a last "/{path*}" calls this. */
void static_files_answer(const struct static_files *files, struct http_exchange *exchange);

#endif
