// links: penstock_io penstock_http
#include "common/io/http_client.h"
#include "common/mem.h"
#include "server/http/http_server.h"
#include "server/http/static_files.h"
#include "tests/support/suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

static char directory[64];
static uv_loop_t loop;
static struct http_server *server;
static struct http_client *client;
static struct static_files *files;

struct outcome {
	int status;
	char body[256];
	char headers[6][256];
};

static const char *const shown[] = {
	"content-type", "content-encoding", "cache-control", "etag", "content-range", "content-security-policy"};

static void serve(struct http_exchange *exchange, void *context)
{
	static_files_answer(context, exchange);
}

static const struct http_route routes[] = {
	{"GET", "/{path*}", serve, 0, false, 0},
	{NULL, NULL, NULL, 0, false, 0},
};

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void make_directory(void)
{
	char path[128];
	snprintf(directory, sizeof directory, "/tmp/penstock-static-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/assets", directory);
	mkdir(path, 0755);
	put("index.html", "<page>");
	put("icon.svg", "0123456789");
	put(".secret", "s3cret");
	put("assets/app-1a2b.js", "plain");
	put("assets/app-1a2b.js.gz", "packed");
	snprintf(path, sizeof path, "%s/out.txt", directory);
	ck_assert_int_eq(symlink("/etc/hostname", path), 0);
	snprintf(path, sizeof path, "%s/up", directory);
	ck_assert_int_eq(symlink("..", path), 0);
	snprintf(path, sizeof path, "%s/pipe.txt", directory);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void remove_directory(void)
{
	static const char *const names[] = {"index.html", "icon.svg", ".secret", "assets/app-1a2b.js",
		"assets/app-1a2b.js.gz", "out.txt", "up", "pipe.txt"};
	char path[128];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/assets", directory);
	rmdir(path);
	rmdir(directory);
}

static void on_done(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct outcome *outcome = arg;
	ck_assert_msg(!err, "%s", err ? err->text : "");
	outcome->status = answer->status;
	snprintf(outcome->body, sizeof outcome->body, "%.*s", STR_ARG(answer->body));
	for (size_t i = 0; i < COUNT_OF(shown); i++)
		snprintf(outcome->headers[i], sizeof outcome->headers[i], "%.*s",
			STR_ARG(pair_get(&answer->headers, str_of(shown[i]))));
	http_client_close(client, NULL, NULL);
	http_server_close(server, 1000, NULL, NULL);
}

static struct outcome get(const char *path, const char *name, const char *value)
{
	auto_arena arena = {0};
	struct outcome outcome = {0};
	struct pair_list headers = {0};
	struct err err = {0};
	uv_loop_init(&loop);
	struct http_server_options options = {.address = "127.0.0.1",
		.connection_bytes = 32 * 1024,
		.connections_max = 10,
		.routes = routes,
		.context = files};
	ck_assert_msg(http_server_open(&loop, &options, &server, &err), "%s", err.text);
	ck_assert_msg(http_client_open(&loop, NULL, &client, &err), "%s", err.text);
	if (name)
		pair_set(&headers, &arena, str_of(name), str_of(value));
	struct http_request request = {.method = "GET",
		.url = arena_printf(&arena, "http://127.0.0.1:%d%s", http_server_port(server), path),
		.headers = &headers};
	http_send(client, &request, on_done, &outcome, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	return outcome;
}

static void open_files(void)
{
	struct err err = {0};
	make_directory();
	ck_assert_msg(static_files_open(directory, &files, &err), "%s", err.text);
}

static void close_files(void)
{
	static_files_free(files);
	remove_directory();
}

#define KEPT "public, max-age=31536000, immutable"

static const struct {
	const char *path;
	const char *header, *value;
	int status;
	const char *body;
	const char *type;
	const char *encoding;
	const char *cache;
	const char *range;
} gets[] = {
	{"/", NULL, NULL, 200, "<page>", "text/html; charset=utf-8", "", "no-cache", ""},
	{"/runs/web%2342", NULL, NULL, 200, "<page>", "text/html; charset=utf-8", "", "no-cache", ""}, /* a page */
	{"/icon.svg", NULL, NULL, 200, "0123456789", "image/svg+xml", "", "no-cache", ""},
	{"/icon.svg", "Range", "bytes=2-4", 206, "234", "image/svg+xml", "", "no-cache", "bytes 2-4/10"},
	{"/icon.svg", "Range", "bytes=-3", 206, "789", "image/svg+xml", "", "no-cache", "bytes 7-9/10"},
	{"/icon.svg", "Range", "bytes=8-99", 206, "89", "image/svg+xml", "", "no-cache", "bytes 8-9/10"},
	{"/icon.svg", "Range", "bytes=10-", 416, "", "", "", "no-cache", "bytes */10"},
	{"/icon.svg", "Range", "lines=1-2", 200, "0123456789", "image/svg+xml", "", "no-cache", ""},
	{"/assets/app-1a2b.js", NULL, NULL, 200, "plain", "text/javascript; charset=utf-8", "", KEPT, ""},
	{"/assets/app-1a2b.js", "Accept-Encoding", "br, gzip", 200, "packed", "text/javascript; charset=utf-8", "gzip",
		KEPT, ""},
	{"/assets/app-1a2b.js", "Accept-Encoding", "gzip;q=0", 200, "plain", "text/javascript; charset=utf-8", "", KEPT,
		""},
	{"/icon.svg", "Accept-Encoding", "gzip", 200, "0123456789", "image/svg+xml", "", "no-cache", ""},
	{"/assets/gone-1a2b.js", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""}, /* not the page */
	{"/assets/gone", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""},
	{"/api/v1/nothing", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""},
	{"/.secret", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""},
	{"/out.txt", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""}, /* a link that leads out */
	{"/up/tmp.txt", NULL, NULL, 404, NULL, "application/json", "", "no-store", ""},
	{"/pipe.txt", NULL, NULL, 404, NULL, "application/json", "", "no-store",
		""}, /* not a file, and does not hang */
	{"/%2e%2e/etc/hostname.txt", NULL, NULL, 400, NULL, "application/json", "", "no-store", ""},
};

START_TEST(files_are_served)
{
	struct outcome outcome = get(gets[_i].path, gets[_i].header, gets[_i].value);
	ck_assert_int_eq(outcome.status, gets[_i].status);
	if (gets[_i].body)
		ck_assert_str_eq(outcome.body, gets[_i].body);
	ck_assert_str_eq(outcome.headers[0], gets[_i].type);
	ck_assert_str_eq(outcome.headers[1], gets[_i].encoding);
	ck_assert_str_eq(outcome.headers[2], gets[_i].cache);
	ck_assert_str_eq(outcome.headers[4], gets[_i].range);
	if (outcome.status == 200)
		ck_assert_ptr_nonnull(strstr(outcome.headers[5], "default-src 'none'"));
}
END_TEST

START_TEST(unchanged_files_are_not_sent_again)
{
	struct outcome first = get("/icon.svg", NULL, NULL);
	struct outcome again = get("/icon.svg", "If-None-Match", first.headers[3]);
	ck_assert_int_eq(again.status, 304);
	ck_assert_str_eq(again.body, "");
	ck_assert_str_eq(again.headers[3], first.headers[3]);
	struct outcome other = get("/icon.svg", "If-None-Match", "\"other\"");
	ck_assert_int_eq(other.status, 200);
	/* The packed form is another one. */
	struct outcome plain = get("/assets/app-1a2b.js", NULL, NULL);
	struct outcome packed = get("/assets/app-1a2b.js", "Accept-Encoding", "gzip");
	ck_assert_str_ne(plain.headers[3], packed.headers[3]);
}
END_TEST

START_TEST(unbuilt_pages_are_said)
{
	struct static_files *none;
	struct err err = {0};
	char path[128];
	snprintf(path, sizeof path, "%s/assets", directory);
	ck_assert(!static_files_open(path, &none, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "scripts/build-web"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("static_files");
	TCase *cases = tcase_create("static_files");
	tcase_add_checked_fixture(cases, open_files, close_files);
	tcase_add_loop_test(cases, files_are_served, 0, COUNT_OF(gets));
	tcase_add_test(cases, unchanged_files_are_not_sent_again);
	tcase_add_test(cases, unbuilt_pages_are_said);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
