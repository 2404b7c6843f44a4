#include "tests/sim/policies.h"

#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define PLACES                                                                                                         \
	"services: { web: {}, api: { repository: web } }\n"                                                            \
	"environments:\n"                                                                                              \
	"  qa: { targets: { qa-1: {} } }\n"

/* Histories begin on 2023-11-14 at 22:13:20 UTC; most of them last less than an hour. */
static const char *const texts[POLICIES] = {
	PLACES "  prod: { targets: { eu-canary: {}, eu-1: {}, us-1: {} } }\n",
	PLACES "  prod: { targets: { eu-canary: {}, eu-1: {}, us-1: {} } }\n"
	       "pins: { stay: { service: web, environment: prod, version: v3, reason: acceptance } }\n",
	PLACES
	"  prod: { targets: { eu-canary: {}, eu-1: {}, us-1: {} }, windows: [ { deny: \"Mon-Sun 22:16-22:24 UTC\" } ] }\n",
	PLACES
	"  prod: { targets: { eu-canary: {}, eu-1: { windows: [ { allow: \"Mon-Sun 22:22-23:59 UTC\" } ] }, us-1: {} } }\n",
	PLACES "  prod: { targets: { eu-canary: {}, eu-1: {}, us-1: {} } }\n"
	       "freezes: { fair: { environments: [qa, prod], services: [web], from: 2023-11-14T22:18:00Z,\n"
	       "  until: 2023-11-14T22:28:00Z, reason: the fair } }\n"
	       "pins: { other: { service: api, environment: prod, version: v5, reason: a customer } }\n",
};

static struct arena arena;
static const struct configuration *made[POLICIES];

const struct configuration *policies_get(size_t policy)
{
	struct lang_errors errors = {.arena = &arena};
	if (made[policy] || configuration_load(str_of(texts[policy]), "configuration", &arena, &made[policy], &errors))
		return made[policy];
	fprintf(stderr, "policy %zu: %.*s\n", policy, STR_ARG(lang_error_text(&errors.items[0], &arena)));
	exit(2);
}

/* Minutes of its day. */
static bool is_between(int64_t now_us, int64_t from, int64_t until)
{
	int64_t minute = now_us / 60000000 % (24 * 60);
	return minute >= from && minute < until;
}

static bool is_in_the_fair(int64_t now_us)
{
	int64_t now = now_us / 1000000;
	return now >= 1700000280 && now < 1700000880;
}

const char *policies_say(size_t policy, struct str service, struct str environment, const struct str_list *targets,
	struct str version, bool is_override, int64_t now_us)
{
	bool is_prod = str_is(environment, "prod"), is_web = str_is(service, "web");
	bool has_target = false;
	for (size_t i = 0; i < targets->count; i++)
		has_target |= str_is(targets->items[i], "eu-1");
	if (policy == 1 && is_web && is_prod && !str_is(version, "v3"))
		return "web is pinned to v3";
	if (policy == 4 && !is_web && is_prod && !str_is(version, "v5"))
		return "api is pinned to v5";
	if (is_override)
		return NULL;
	if (policy == 2 && is_prod && is_between(now_us, 22 * 60 + 16, 22 * 60 + 24))
		return "prod is closed at this hour";
	if (policy == 3 && has_target && !is_between(now_us, 22 * 60 + 22, 23 * 60 + 59))
		return "eu-1 is closed at this hour";
	if (policy == 4 && is_web && is_in_the_fair(now_us))
		return "it is the fair";
	return NULL;
}

void policies_done(void)
{
	arena_done(&arena);
}
