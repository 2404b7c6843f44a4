#include "common/failpoint.h"

#ifdef PENSTOCK_FAILPOINTS

#include "common/str.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Made by the linker around the section; absent where nothing has a failpoint. */
extern const char *const __start_penstock_failpoints[] __attribute__((weak));
extern const char *const __stop_penstock_failpoints[] __attribute__((weak));

static struct {
	const char *name; /* NULL: none is armed */
	long long nth, sleep_ms;
	atomic_llong reached;
} armed;

static const char *find(struct str name)
{
	for (const char *const *at = __start_penstock_failpoints; at < __stop_penstock_failpoints; at++)
		if (*at && str_is(name, *at)) /* compilers may pad between them */
			return *at;
	return NULL;
}

static bool read_action(struct str action, struct err *err)
{
	int64_t ms;
	if (str_is(action, "kill"))
		return true;
	if (!str_starts(action, STR("sleep ")) || !str_to_i64(str_skip(action, 6), &ms) || ms < 1)
		return err_set(err, ERR_INVALID, "PENSTOCK_FAILPOINT: \"%.*s\" is neither \"kill\" nor \"sleep MS\"",
			STR_ARG(action));
	armed.sleep_ms = ms;
	return true;
}

bool failpoint_arm(const char *text, struct err *err)
{
	struct str rest = str_of(text ? text : ""), place, name;
	int64_t nth = 1;
	if (rest.n == 0)
		return true;
	if (!str_cut(&rest, '=', &place) || !str_cut(&place, ':', &name))
		return err_set(err, ERR_INVALID, "PENSTOCK_FAILPOINT is empty");
	if (place.n && (!str_to_i64(place, &nth) || nth < 1))
		return err_set(err, ERR_INVALID, "PENSTOCK_FAILPOINT: \"%.*s\" is no number", STR_ARG(place));
	if (rest.n && !read_action(rest, err))
		return false;
	if (!find(name))
		return err_set(err, ERR_INVALID,
			"PENSTOCK_FAILPOINT: there is no \"%.*s\" here; --failpoints lists them", STR_ARG(name));
	armed.nth = nth;
	armed.name = find(name);
	return true;
}

bool failpoint_list(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "--failpoints") != 0)
		return false;
	for (const char *const *at = __start_penstock_failpoints; at < __stop_penstock_failpoints; at++)
		if (*at)
			puts(*at);
	return true;
}

void failpoint_reached(const char *name)
{
	if (!armed.name || strcmp(armed.name, name) != 0 || atomic_fetch_add(&armed.reached, 1) + 1 != armed.nth)
		return;
	fprintf(stderr, "failpoint %s\n", name);
	if (!armed.sleep_ms)
		kill(getpid(), SIGKILL);
	struct timespec time = {armed.sleep_ms / 1000, armed.sleep_ms % 1000 * 1000000};
	nanosleep(&time, NULL);
}

#endif
