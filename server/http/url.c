#include "server/http/url.h"

#include "common/hex.h"

#include <string.h>

bool url_decode(char *text, size_t n, bool plus_is_blank, size_t *ret_n)
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '%') {
			if (n - i < 3 || !hex_decode_to((struct str){text + i + 1, 2}, &c, 1))
				return false;
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (c == 0)
			return false;
		text[used++] = (char)c;
	}
	*ret_n = used;
	return str_is_utf8((struct str){text, used});
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool parse_segment(char *text, size_t n, struct str *ret, struct err *err)
{
	size_t used;
	if (!url_decode(text, n, false, &used))
		return err_set(err, ERR_INVALID, "the path has a broken percent escape, or is not UTF-8");
	struct str segment = {text, used};
	if (has_control(segment))
		return err_set(err, ERR_INVALID, "the path holds a control character");
	if (str_is(segment, ".") || str_is(segment, ".."))
		return err_set(err, ERR_INVALID, "the path holds a \".\" or \"..\" segment");
	*ret = segment;
	return true;
}

bool url_path_parse(char *text, size_t n, struct url_path *ret, struct err *err)
{
	if (n == 0 || text[0] != '/')
		return err_set(err, ERR_INVALID, "the request target is not a path that starts with \"/\"");
	struct url_path path = {.whole = {text + 1, 0}};
	char *to = text + 1;
	/* Decoded text is never longer, so it is written over what was read already. */
	for (size_t at = 1; n > 1;) {
		if (path.count == URL_SEGMENTS_MAX)
			return err_set(err, ERR_INVALID, "the path has more than %d segments", URL_SEGMENTS_MAX);
		char *slash = memchr(text + at, '/', n - at);
		size_t end = slash ? (size_t)(slash - text) : n;
		struct str segment;
		if (!parse_segment(text + at, end - at, &segment, err))
			return false;
		if (path.count > 0)
			*to++ = '/';
		if (segment.n)
			memmove(to, segment.p, segment.n);
		path.segments[path.count++] = (struct str){to, segment.n};
		to += segment.n;
		if (!slash)
			break;
		at = end + 1;
	}
	path.whole.n = (size_t)(to - path.whole.p);
	*ret = path;
	return true;
}

bool url_query_find(struct str query, struct str name, struct str *ret_raw)
{
	struct str part;
	while (str_cut(&query, '&', &part)) {
		struct str key;
		if (!str_cut(&part, '=', &key))
			continue;
		if (!str_eq(key, name))
			continue;
		*ret_raw = part;
		return true;
	}
	return false;
}
