#include "server/git/git_remote.h"

#include <string.h>

const char *const git_scheme_names[] = {"https", "http", "ssh", "git", "file", NULL};

static bool fail(struct str url, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "url: \"%.*s\" %s; write https://, ssh://, file://, user@host:path or a path",
		STR_ARG(url), why);
}

/* git hands parts of it to ssh and to its configuration: what has a meaning there has no place in an address. */
static bool is_plain(struct str url)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("\"'\\`$<>|;", url.p[i]))
			return false;
	return url.n > 0;
}

/* "user:password@host:port" → host, port. */
static bool read_authority(struct str text, struct git_address *ret, struct str url, struct err *err)
{
	size_t at, colon;
	if (str_find_char(text, '@', &at)) {
		if (str_find_char(str_head(text, at), ':', &colon))
			return err_set(err, ERR_INVALID,
				"url: leave the password out of the address, everybody sees it; give it with --token-file");
		text = str_skip(text, at + 1);
	}
	ret->host = ret->name = text;
	bool is_ipv6 = text.n && text.p[0] == '[' && str_find_char(text, ']', &at);
	size_t from = is_ipv6 ? at + 1 : 0;
	if (str_find_char(str_skip(text, from), ':', &colon)) {
		int64_t port;
		ret->name = str_head(text, from + colon);
		ret->port = str_skip(text, from + colon + 1);
		if (!str_to_i64(ret->port, &port) || port < 1 || port > 65535)
			return fail(url, "has no number as its port", err);
	}
	if (ret->name.n == 0 || ret->name.p[0] == '-')
		return fail(url, "names no host", err);
	return true;
}

static bool read_url(struct str url, struct str rest, struct git_address *ret, struct err *err)
{
	size_t slash;
	if (!str_find_char(rest, '/', &slash))
		return fail(url, "names no repository on its host", err);
	ret->path = str_skip(rest, slash + 1);
	return read_authority(str_head(rest, slash), ret, url, err);
}

bool git_address_read(struct str url, struct git_address *ret, struct err *err)
{
	struct git_address address = {0};
	size_t at, colon;
	bool is_path = str_starts(url, STR("/"));
	if (is_path || str_starts(url, STR("file:///"))) {
		address.scheme = GIT_SCHEME_FILE;
		address.path = str_skip(url, is_path ? 1 : 8);
		*ret = address;
		return true;
	}
	if (!is_plain(url) || url.p[0] == '-')
		return fail(url, "is no address that git can fetch", err);
	for (int i = GIT_SCHEME_HTTPS; i < GIT_SCHEME_FILE; i++) {
		size_t n = strlen(git_scheme_names[i]);
		if (!str_starts(url, str_of(git_scheme_names[i])) || !str_starts(str_skip(url, n), STR("://")))
			continue;
		address.scheme = (enum git_scheme)i;
		if (!read_url(url, str_skip(url, n + 3), &address, err))
			return false;
		*ret = address;
		return true;
	}
	bool is_scp = str_find_char(url, ':', &colon) && str_find_char(str_head(url, colon), '@', &at) && at > 0 &&
		      !str_find(url, STR("::"), &at) && !str_find(url, STR("://"), &at);
	if (!is_scp)
		return fail(url, "is no address that git can fetch", err);
	address.scheme = GIT_SCHEME_SSH;
	address.path = str_skip(url, colon + 1);
	if (!read_authority(str_head(url, colon), &address, url, err))
		return false;
	*ret = address;
	return true;
}

bool git_address_is_private(const struct git_address *address)
{
	bool is_here = str_is(address->name, "127.0.0.1") || str_is(address->name, "localhost") ||
		       str_is(address->name, "[::1]");
	return address->scheme == GIT_SCHEME_HTTPS || (address->scheme == GIT_SCHEME_HTTP && is_here);
}

struct str git_address_project(const struct git_address *address)
{
	struct str path = address->path;
	while (path.n && path.p[0] == '/')
		path = str_skip(path, 1);
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	if (str_ends(path, STR(".git")))
		path.n -= 4;
	return path;
}

void git_remote_copy(struct git_remote *to, const struct git_remote *from, struct arena *arena)
{
	*to = (struct git_remote){
		.url = arena_str(arena, from->url),
		.user = arena_str(arena, from->user),
		.token = arena_str(arena, from->token),
		.ssh_key = arena_str(arena, from->ssh_key),
		.known_hosts = arena_str(arena, from->known_hosts),
	};
}
