#ifndef SERVER_HTTP_URL_H
#define SERVER_HTTP_URL_H

/*
 * Request targets, pure: percent-decoding in place and the refusal of whatever could mean two things to two readers
 * (zero bytes, control characters, broken escapes, bytes that are not UTF-8, dot segments).
 */

#include "common/err.h"
#include "common/str.h"

enum { URL_SEGMENTS_MAX = 32 };

struct url_path {
	struct str whole; /* decoded, without the slash at its front: "api/v1/runs" */
	struct str segments[URL_SEGMENTS_MAX];
	size_t count; /* "/" has none */
};

/* Decodes `text` in place; a segment that held "%2F" keeps its slash. ERR_INVALID says what is wrong with it. */
bool url_path_parse(char *text, size_t n, struct url_path *ret, struct err *err);

/* Decodes one component in place ("+" is a blank only in queries) and returns its new length. */
bool url_decode(char *text, size_t n, bool plus_is_blank, size_t *ret_n);

/* Finds `name` in a raw query ("a=1&b=2") and gives its raw value; the first one wins. */
bool url_query_find(struct str query, struct str name, struct str *ret_raw);

#endif
