#include "server/http/router.h"

#include "common/buf.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum segment_kind { SEGMENT_FIXED, SEGMENT_PARAM, SEGMENT_REST }; /* in the order of preference */

struct pattern_segment {
	enum segment_kind kind;
	struct str text; /* the fixed text, or the parameter's name */
};

struct pattern {
	const struct http_route *route;
	struct str method;
	struct pattern_segment segments[URL_SEGMENTS_MAX];
	size_t count;
};

struct router {
	struct pattern *patterns; /* most specific first */
	size_t count;
};

static struct pattern_segment parse_segment(struct str text, const char *pattern)
{
	if (text.n == 0 || text.p[0] != '{')
		return (struct pattern_segment){SEGMENT_FIXED, text};
	if (text.n < 3 || text.p[text.n - 1] != '}')
		BUG("route %s: malformed parameter", pattern);
	struct str name = {text.p + 1, text.n - 2};
	if (name.p[name.n - 1] == '*')
		return (struct pattern_segment){SEGMENT_REST, {name.p, name.n - 1}};
	return (struct pattern_segment){SEGMENT_PARAM, name};
}

static void parse_pattern(const struct http_route *route, struct pattern *pattern)
{
	struct str rest = str_of(route->pattern), part;
	size_t params = 0;
	if (rest.n == 0 || rest.p[0] != '/')
		BUG("route %s: must start with \"/\"", route->pattern);
	rest = str_skip(rest, 1);
	*pattern = (struct pattern){.route = route, .method = str_of(route->method)};
	while (str_cut(&rest, '/', &part)) {
		BUG_ON(pattern->count == URL_SEGMENTS_MAX);
		struct pattern_segment segment = parse_segment(part, route->pattern);
		params += segment.kind != SEGMENT_FIXED;
		if (segment.kind == SEGMENT_REST && rest.n > 0)
			BUG("route %s: only the last segment can take the rest", route->pattern);
		pattern->segments[pattern->count++] = segment;
	}
	BUG_ON(params > ROUTER_PARAMS_MAX);
}

static int compare_shape(const struct pattern *a, const struct pattern *b)
{
	size_t shared = a->count < b->count ? a->count : b->count;
	for (size_t i = 0; i < shared; i++) {
		const struct pattern_segment *x = &a->segments[i], *y = &b->segments[i];
		if (x->kind != y->kind)
			return x->kind < y->kind ? -1 : 1;
		int order = x->kind == SEGMENT_FIXED ? str_compare(x->text, y->text) : 0;
		if (order)
			return order;
	}
	if (a->count == b->count)
		return 0;
	/* "/runs" before "/runs/{path*}", which takes it too. */
	const struct pattern *longer = a->count > b->count ? a : b;
	bool is_longer_first = longer->segments[shared].kind != SEGMENT_REST;
	return (longer == a) == is_longer_first ? -1 : 1;
}

static int compare_patterns(const void *pa, const void *pb)
{
	const struct pattern *a = pa, *b = pb;
	int order = compare_shape(a, b);
	return order ? order : str_compare(a->method, b->method);
}

struct router *router_new(const struct http_route *routes)
{
	struct router *router = mem_alloc(sizeof *router);
	while (routes[router->count].method)
		router->count++;
	router->patterns = mem_alloc(router->count * sizeof *router->patterns);
	for (size_t i = 0; i < router->count; i++)
		parse_pattern(&routes[i], &router->patterns[i]);
	if (router->count)
		qsort(router->patterns, router->count, sizeof *router->patterns, compare_patterns);
	for (size_t i = 1; i < router->count; i++)
		if (compare_patterns(&router->patterns[i - 1], &router->patterns[i]) == 0)
			BUG("two routes for %s %s", router->patterns[i].route->method,
				router->patterns[i].route->pattern);
	return router;
}

void router_free(struct router *router)
{
	if (!router)
		return;
	free(router->patterns);
	free(router);
}

static bool takes_path(const struct pattern *pattern, const struct url_path *path)
{
	bool takes_rest = pattern->count > 0 && pattern->segments[pattern->count - 1].kind == SEGMENT_REST;
	size_t fixed = pattern->count - takes_rest;
	if (takes_rest ? path->count < fixed : path->count != fixed)
		return false;
	for (size_t i = 0; i < fixed; i++) {
		const struct pattern_segment *segment = &pattern->segments[i];
		if (segment->kind == SEGMENT_FIXED ? !str_eq(segment->text, path->segments[i])
						   : path->segments[i].n == 0)
			return false;
	}
	return true;
}

static void fill(const struct pattern *pattern, const struct url_path *path, struct router_match *match)
{
	*match = (struct router_match){.route = pattern->route};
	for (size_t i = 0; i < pattern->count; i++) {
		const struct pattern_segment *segment = &pattern->segments[i];
		if (segment->kind == SEGMENT_FIXED)
			continue;
		struct router_param *param = &match->params[match->param_count++];
		param->name = segment->text;
		if (segment->kind == SEGMENT_PARAM)
			param->value = path->segments[i];
		else if (i < path->count)
			param->value = str_skip(path->whole, (size_t)(path->segments[i].p - path->whole.p));
	}
}

static void add_method(struct buf *allow, struct str method)
{
	if (allow->n)
		buf_add_c(allow, ", ");
	buf_add_str(allow, method);
	if (str_is(method, "GET"))
		buf_add_c(allow, ", HEAD");
}

enum router_answer router_find(const struct router *router, struct str method, const struct url_path *path,
	struct router_match *ret, struct buf *allow)
{
	struct str wanted = str_is(method, "HEAD") ? STR("GET") : method;
	const struct pattern *first = NULL;
	for (size_t i = 0; i < router->count; i++) {
		const struct pattern *pattern = &router->patterns[i];
		if (!takes_path(pattern, path))
			continue;
		/* A less specific pattern must not answer in place of one that lacks the method. */
		if (first && compare_shape(first, pattern) != 0)
			break;
		first = first ? first : pattern;
		if (str_eq(pattern->method, wanted)) {
			fill(pattern, path, ret);
			return ROUTER_FOUND;
		}
		add_method(allow, pattern->method);
	}
	return first ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
}
