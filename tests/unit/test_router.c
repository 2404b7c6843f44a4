// links: penstock_http
#include "common/buf.h"
#include "common/mem.h"
#include "server/http/router.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void handler(struct http_exchange *exchange, void *context)
{
	(void)exchange;
	(void)context;
}

static const struct http_route routes[] = {
	{"GET", "/{path*}", handler, 0, false, 0},
	{"GET", "/", handler, 0, false, 1},
	{"GET", "/runs", handler, 0, false, 2},
	{"POST", "/runs", handler, 0, false, 3},
	{"GET", "/runs/{id}", handler, 0, false, 4},
	{"GET", "/runs/latest", handler, 0, false, 5},
	{"POST", "/runs/{run}/cancel", handler, 0, false, 6},
	{"PUT", "/blobs/{id}/{name*}", handler, 0, false, 7},
	{NULL, NULL, NULL, 0, false, 0},
};

static const struct {
	const char *method;
	const char *path;
	enum router_answer answer;
	unsigned flags;
	const char *params; /* "name=value," for each */
	const char *allow;
} finds[] = {
	{"GET", "/", ROUTER_FOUND, 1, "", ""}, {"GET", "/runs", ROUTER_FOUND, 2, "", ""},
	{"HEAD", "/runs", ROUTER_FOUND, 2, "", ""}, {"POST", "/runs", ROUTER_FOUND, 3, "", ""},
	{"GET", "/runs/7", ROUTER_FOUND, 4, "id=7,", ""},
	{"GET", "/runs/latest", ROUTER_FOUND, 5, "", ""},       /* fixed text before a parameter */
	{"GET", "/runs/a%2Fb", ROUTER_FOUND, 4, "id=a/b,", ""}, /* one segment all the same */
	{"POST", "/runs/7/cancel", ROUTER_FOUND, 6, "run=7,", ""},
	{"PUT", "/blobs/1/a/b.txt", ROUTER_FOUND, 7, "id=1,name=a/b.txt,", ""},
	{"PUT", "/blobs/1", ROUTER_FOUND, 7, "id=1,name=,", ""}, /* the rest may be nothing */
	{"GET", "/what/ever", ROUTER_FOUND, 0, "path=what/ever,", ""},
	{"GET", "/runs/7/cancel", ROUTER_NO_METHOD, 0, "", "POST"}, /* the page of all paths does not hide it */
	{"DELETE", "/runs", ROUTER_NO_METHOD, 0, "", "GET, HEAD, POST"},
	{"GET", "/runs/", ROUTER_FOUND, 0, "path=runs/,", ""}, /* a parameter is not empty */
};

START_TEST(the_most_specific_route_answers)
{
	struct router *router = router_new(routes);
	char *text = mem_strdup(finds[_i].path);
	struct url_path path;
	struct router_match match = {0};
	auto_buf allow = BUF_INIT(256), params = BUF_INIT(256);
	ck_assert(url_path_parse(text, strlen(text), &path, NULL));
	ck_assert_int_eq(router_find(router, str_of(finds[_i].method), &path, &match, &allow), finds[_i].answer);
	for (size_t i = 0; i < match.param_count; i++)
		buf_addf(&params, "%.*s=%.*s,", STR_ARG(match.params[i].name), STR_ARG(match.params[i].value));
	if (finds[_i].answer == ROUTER_FOUND)
		ck_assert_uint_eq(match.route->flags, finds[_i].flags);
	else
		ck_assert_str_eq(buf_c(&allow), finds[_i].allow);
	ck_assert_str_eq(buf_c(&params), finds[_i].params);
	router_free(router);
	free(text);
}
END_TEST

static const struct {
	const char *path;
	const char *whole; /* NULL: refused */
} paths[] = {
	{"/", ""}, {"/a/b", "a/b"}, {"/a//b/", "a//b/"}, {"/%61%20b", "a b"}, {"/%252e", "%2e"}, /* decoded once */
	{"", NULL}, {"a", NULL}, {"/a/../b", NULL}, {"/a/%2E%2e", NULL}, {"/.", NULL}, {"/a%", NULL}, {"/a%4", NULL},
	{"/a%0a", NULL},                                                              /* a line end */
	{"/%c3", NULL},                                                               /* half a character */
	{"/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3", NULL}, /* too many segments */
};

START_TEST(paths_mean_one_thing)
{
	char *text = mem_strdup(paths[_i].path);
	struct url_path path;
	struct err err = {0};
	bool ok = url_path_parse(text, strlen(text), &path, &err);
	ck_assert_int_eq(ok, paths[_i].whole != NULL);
	if (ok)
		ck_assert(str_is(path.whole, paths[_i].whole));
	else
		ck_assert_int_eq(err.kind, ERR_INVALID);
	free(text);
}
END_TEST

START_TEST(queries_are_searched_by_name)
{
	struct str value;
	ck_assert(url_query_find(STR("a=1&bb=2&a=3&c=&d"), STR("a"), &value) && str_is(value, "1"));
	ck_assert(url_query_find(STR("a=1&bb=2=2"), STR("bb"), &value) && str_is(value, "2=2"));
	ck_assert(url_query_find(STR("a=1&c="), STR("c"), &value) && value.n == 0);
	ck_assert(url_query_find(STR("d&a=1"), STR("d"), &value) && value.n == 0);
	ck_assert(!url_query_find(STR("ab=1"), STR("b"), &value));
	ck_assert(!url_query_find(STR(""), STR("a"), &value));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("router");
	TCase *cases = tcase_create("router");
	tcase_add_loop_test(cases, the_most_specific_route_answers, 0, COUNT_OF(finds));
	tcase_add_loop_test(cases, paths_mean_one_thing, 0, COUNT_OF(paths));
	tcase_add_test(cases, queries_are_searched_by_name);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
