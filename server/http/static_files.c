#include "server/http/static_files.h"

#include "common/mem.h"
#include "server/http/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct static_files {
	int directory;
};

static const struct {
	const char *extension;
	const char *content_type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".ico", "image/x-icon"},
	{".json", "application/json"},
	{".txt", "text/plain; charset=utf-8"},
	{".woff2", "font/woff2"},
	{".webmanifest", "application/manifest+json"},
};

/* Pages load only what this server sends, run no inline script or style, and stand in no frame. */
static const struct {
	const char *name;
	const char *value;
} guards[] = {
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
				    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
				    "form-action 'self'; frame-ancestors 'none'"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
};

/* A regular file beneath the directory, and nothing else. */
static int open_beneath(int directory, const char *path, struct stat *stat)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	auto_fd int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
	if (fd < 0 || fstat(fd, stat) != 0 || !S_ISREG(stat->st_mode))
		return -1;
	return take_fd(&fd);
}

bool static_files_open(const char *directory, struct static_files **ret, struct err *err)
{
	struct stat stat;
	auto_fd int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "web files: %s", directory);
	auto_fd int index = open_beneath(fd, "index.html", &stat);
	if (index < 0)
		return err_set(err, ERR_NOT_FOUND,
			"web files: %s holds no index.html; build them with scripts/build-web", directory);
	struct static_files *files = mem_alloc(sizeof *files);
	files->directory = take_fd(&fd);
	*ret = files;
	return true;
}

void static_files_free(struct static_files *files)
{
	if (!files)
		return;
	close(files->directory);
	free(files);
}

static const char *content_type_of(struct str path)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (str_ends(path, str_of(types[i].extension)))
			return types[i].content_type;
	return "application/octet-stream";
}

/* "gzip, br;q=0.5": whether gzip is in the list, and not refused by "q=0". */
static bool takes_gzip(struct http_exchange *exchange)
{
	struct str list, item, name;
	if (!http_header(exchange, "Accept-Encoding", &list))
		return false;
	while (str_cut(&list, ',', &item)) {
		item = str_trim(item);
		if (!str_cut(&item, ';', &name) || !str_is(str_trim(name), "gzip"))
			continue;
		double quality = 1;
		item = str_trim(item);
		if (str_starts(item, STR("q=")))
			str_to_f64(str_skip(item, 2), &quality);
		return quality > 0;
	}
	return false;
}

/* Whether the client holds this very file: "*", or the tag in a list, weak or not. */
static bool has_tag(struct http_exchange *exchange, struct str tag)
{
	struct str list, item;
	if (!http_header(exchange, "If-None-Match", &list))
		return false;
	while (str_cut(&list, ',', &item)) {
		item = str_trim(item);
		if (str_starts(item, STR("W/")))
			item = str_skip(item, 2);
		if (str_is(item, "*") || str_eq(item, tag))
			return true;
	}
	return false;
}

static bool is_page(struct str path)
{
	size_t last = path.n;
	while (last > 0 && path.p[last - 1] != '/')
		last--;
	struct str name = str_skip(path, last);
	return !memchr(name.p, '.', name.n) && !str_starts(path, STR("assets/")) && !str_starts(path, STR("api/")) &&
	       !str_is(path, "api");
}

/* A name that begins with a dot is nobody's business. */
static bool is_hidden(struct str path)
{
	struct str part;
	while (str_cut(&path, '/', &part))
		if (part.n > 0 && part.p[0] == '.')
			return true;
	return false;
}

static void refuse(struct http_exchange *exchange)
{
	struct err err;
	err_set(&err, ERR_NOT_FOUND, "there is nothing at this path");
	http_answer_err(exchange, &err);
}

static void answer_file(struct http_exchange *exchange, struct str path, int fd, const struct stat *stat,
	bool is_packed, bool has_packed)
{
	bool is_asset = str_starts(path, STR("assets/"));
	struct str tag = arena_printf(http_arena(exchange), "\"%llx-%llx%s\"",
		(unsigned long long)stat->st_mtim.tv_sec * 1000000000u + (unsigned long long)stat->st_mtim.tv_nsec,
		(unsigned long long)stat->st_size, is_packed ? "-gz" : "");
	for (size_t i = 0; i < COUNT_OF(guards); i++)
		http_add_header(exchange, guards[i].name, str_of(guards[i].value));
	http_add_header(
		exchange, "Cache-Control", is_asset ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
	http_add_header(exchange, "ETag", tag);
	if (has_packed)
		http_add_header(exchange, "Vary", STR("Accept-Encoding"));
	if (has_tag(exchange, tag)) {
		close(fd);
		http_answer(exchange, 304, NULL, (struct str){0});
		return;
	}
	if (is_packed)
		http_add_header(exchange, "Content-Encoding", STR("gzip"));
	http_answer_file(exchange, 200, content_type_of(path), fd, 0, stat->st_size);
}

void static_files_answer(const struct static_files *files, struct http_exchange *exchange)
{
	struct str path = str_skip(http_path(exchange), 1), range;
	struct stat plain, packed;
	if (is_hidden(path)) {
		refuse(exchange);
		return;
	}
	if (is_page(path))
		path = STR("index.html");
	const char *name = arena_str(http_arena(exchange), path).p;
	auto_fd int plain_fd = open_beneath(files->directory, name, &plain);
	if (plain_fd < 0) {
		refuse(exchange);
		return;
	}
	const char *packed_name = arena_printf(http_arena(exchange), "%s.gz", name).p;
	auto_fd int packed_fd = open_beneath(files->directory, packed_name, &packed);
	bool has_packed = packed_fd >= 0;
	/* A range counts bytes of the file itself. */
	if (has_packed && takes_gzip(exchange) && !http_header(exchange, "Range", &range))
		answer_file(exchange, path, take_fd(&packed_fd), &packed, true, true);
	else
		answer_file(exchange, path, take_fd(&plain_fd), &plain, false, has_packed);
}
