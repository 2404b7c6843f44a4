#include "server/engine/freeze.h"

#include "common/clock.h"
#include "common/lang/window.h"
#include "common/mem.h"

const char *const freeze_kind_names[] = {"open", "blocker", "freeze", "window", NULL};

/* Looked ahead and back: what is further away is "never, as far as known". */
enum { STEPS_MAX = 2000 };
#define HORIZON_S (INT64_C(400) * 86400)

/* One window of a group; a group is closed by any deny that holds, and by its allows when none holds. */
struct pane {
	struct lang_window window;
	const struct zone *zone; /* NULL: not known here, and the window counts as closed */
	bool is_deny;
	struct str text;   /* as written */
	struct str reason; /* may be empty */
};

struct group {
	struct str of; /* "prod", "eu-canary", "the stage" */
	struct pane *panes;
	size_t count;
};

struct look {
	const struct freeze_question *question;
	struct arena *arena;
	struct group *groups;
	size_t group_count;
};

/* --- what is asked, in a form that is quick to ask again --- */

static void add_pane(struct look *look, struct group *group, struct str text, bool is_deny, struct str reason)
{
	struct pane pane = {.is_deny = is_deny, .text = text, .reason = reason};
	struct err ignored = {0};
	if (!lang_window_parse(text, &pane.window, &ignored))
		return; /* the document and the pipeline have been checked */
	if (!pane.window.is_any)
		pane.zone = look->question->zone(pane.window.time_zone);
	group->panes = arena_grow(look->arena, group->panes, sizeof *group->panes, group->count);
	group->panes[group->count++] = pane;
}

static void add_group(struct look *look, struct group group)
{
	if (group.count == 0)
		return;
	look->groups = arena_grow(look->arena, look->groups, sizeof *look->groups, look->group_count);
	look->groups[look->group_count++] = group;
}

static void add_windows(struct look *look, struct str of, const struct configuration_windows *windows)
{
	struct group group = {.of = of};
	for (size_t i = 0; i < windows->count; i++) {
		const struct configuration_window *window = &windows->items[i];
		bool is_deny = LANG_IS_SET(window->deny);
		add_pane(look, &group, is_deny ? window->deny.text : window->allow.text, is_deny, window->reason.text);
	}
	add_group(look, group);
}

static void gather(struct look *look)
{
	const struct freeze_question *question = look->question;
	const struct configuration_environment *environment =
		configuration_environment(question->configuration, question->environment);
	if (environment) {
		add_windows(look, environment->name.text, &environment->windows);
		const struct configuration_target *target =
			configuration_environment_target(environment, question->target);
		if (target)
			add_windows(look, target->name.text, &target->windows);
	}
	for (size_t i = 0; i < question->window_count; i++) {
		struct group group = {.of = STR("the stage")};
		add_pane(look, &group, question->windows[i], false, STR(""));
		add_group(look, group);
	}
}

/* --- one moment --- */

static bool holds(const struct pane *pane, int64_t at)
{
	return pane->window.is_any || (pane->zone && lang_window_holds(&pane->window, pane->zone, at));
}

/* A zone that this machine does not know closes: nobody can say that it is open. */
static bool is_unknown(const struct pane *pane)
{
	return !pane->window.is_any && !pane->zone;
}

/* The pane that closes the group: a deny, or the first allow where none holds. NULL: it is open. */
static const struct pane *closes(const struct group *group, int64_t at)
{
	const struct pane *first_allow = NULL;
	bool is_allowed = false;
	for (size_t i = 0; i < group->count; i++) {
		const struct pane *pane = &group->panes[i];
		if (pane->is_deny && (holds(pane, at) || is_unknown(pane)))
			return pane;
		if (pane->is_deny)
			continue;
		first_allow = first_allow ? first_allow : pane;
		is_allowed |= holds(pane, at);
	}
	return is_allowed ? NULL : first_allow;
}

static const struct group *closed_group(const struct look *look, int64_t at, const struct pane **ret_pane)
{
	for (size_t i = 0; i < look->group_count; i++) {
		const struct pane *pane = closes(&look->groups[i], at);
		if (!pane)
			continue;
		*ret_pane = pane;
		return &look->groups[i];
	}
	return NULL;
}

static int64_t seconds_of(const struct lang_text *time, int64_t otherwise)
{
	int64_t us;
	return LANG_IS_SET(*time) && clock_parse(time->text, &us) ? us / US_PER_SECOND : otherwise;
}

static bool names(const struct look *look, const struct configuration_freeze *freeze)
{
	return configuration_fits(&freeze->environments, look->question->environment) &&
	       configuration_fits(&freeze->services, look->question->service);
}

/* Of several the one that lasts longest. */
static const struct configuration_freeze *frozen_by(const struct look *look, int64_t at)
{
	const struct configuration *all = look->question->configuration;
	const struct configuration_freeze *longest = NULL;
	for (size_t i = 0; i < all->freezes.count; i++) {
		const struct configuration_freeze *freeze = &all->freezes.items[i];
		int64_t until = seconds_of(&freeze->until, INT64_MAX);
		if (!names(look, freeze) || seconds_of(&freeze->from, INT64_MIN) > at || until <= at)
			continue;
		if (!longest || until > seconds_of(&longest->until, INT64_MAX))
			longest = freeze;
	}
	return longest;
}

static const struct freeze_blocker *blocked_by(const struct look *look)
{
	const struct freeze_question *question = look->question;
	for (size_t i = 0; question->blockers && i < question->blockers->count; i++) {
		const struct freeze_blocker *blocker = &question->blockers->items[i];
		if ((blocker->service.n == 0 || str_eq(blocker->service, question->service)) &&
			(blocker->environment.n == 0 || str_eq(blocker->environment, question->environment)))
			return blocker;
	}
	return NULL;
}

static bool is_frozen(const struct look *look, int64_t at)
{
	const struct pane *ignored;
	return frozen_by(look, at) || closed_group(look, at, &ignored);
}

/* --- when that becomes different --- */

static void take_earlier(int64_t at, int64_t candidate, int64_t *next)
{
	if (candidate > at && candidate < *next)
		*next = candidate;
}

/* The first moment behind `at` at which anything may become different; INT64_MAX: there is none. */
static int64_t next_edge(const struct look *look, int64_t at)
{
	const struct configuration *all = look->question->configuration;
	int64_t next = INT64_MAX, edge;
	const struct configuration_freeze *freeze = frozen_by(look, at);
	if (freeze)
		return seconds_of(&freeze->until, INT64_MAX); /* nothing opens before */
	for (size_t i = 0; all->freezes.items && i < all->freezes.count; i++)
		if (names(look, &all->freezes.items[i]))
			take_earlier(at, seconds_of(&all->freezes.items[i].from, INT64_MIN), &next);
	for (size_t i = 0; i < look->group_count; i++)
		for (size_t j = 0; j < look->groups[i].count; j++) {
			const struct pane *pane = &look->groups[i].panes[j];
			if (pane->zone && lang_window_edge_after(&pane->window, pane->zone, at, &edge))
				take_earlier(at, edge, &next);
		}
	return next;
}

static int64_t next_turn(const struct look *look, int64_t now)
{
	bool was_frozen = is_frozen(look, now);
	int64_t at = now;
	for (int i = 0; i < STEPS_MAX && at - now < HORIZON_S; i++) {
		at = next_edge(look, at);
		if (at == INT64_MAX)
			return 0;
		if (is_frozen(look, at) != was_frozen)
			return at * US_PER_SECOND;
	}
	return 0;
}

/* Since when the group is closed without a break. */
static int64_t closed_since(const struct group *group, int64_t now)
{
	int64_t since = now;
	for (int i = 0; i < STEPS_MAX && now - since < HORIZON_S; i++) {
		int64_t latest = INT64_MIN, edge;
		for (size_t j = 0; j < group->count; j++) {
			const struct pane *pane = &group->panes[j];
			if (pane->zone && lang_window_edge_before(&pane->window, pane->zone, since, &edge) &&
				edge > latest)
				latest = edge;
		}
		if (latest == INT64_MIN)
			return 0;
		if (!closes(group, latest - 1))
			return latest * US_PER_SECOND;
		since = latest - 1;
	}
	return 0;
}

/* --- answers --- */

static struct freeze_answer say_blocker(const struct look *look, const struct freeze_blocker *blocker)
{
	struct str service = blocker->service.n ? blocker->service : STR("every service");
	struct str environment = blocker->environment.n ? blocker->environment : STR("every environment");
	return (struct freeze_answer){
		.kind = FREEZE_BLOCKER,
		.reason = arena_printf(look->arena, "the line is stopped for %.*s in %.*s%s%.*s: %.*s",
			STR_ARG(service), STR_ARG(environment), blocker->placed_by.n ? " by " : "",
			STR_ARG(blocker->placed_by), STR_ARG(blocker->reason)),
		.since = blocker->placed_at,
		.blocker = blocker->id,
	};
}

static struct freeze_answer say_freeze(const struct look *look, const struct configuration_freeze *freeze, int64_t now)
{
	int64_t since = seconds_of(&freeze->from, 0);
	return (struct freeze_answer){
		.kind = FREEZE_CALENDAR,
		.reason = arena_printf(look->arena, "%.*s is frozen (%.*s): %.*s", STR_ARG(look->question->environment),
			STR_ARG(freeze->name.text), STR_ARG(freeze->reason.text)),
		.since = since * US_PER_SECOND,
		.until = next_turn(look, now),
		.name = freeze->name.text,
	};
}

static struct freeze_answer say_window(
	const struct look *look, const struct group *group, const struct pane *pane, int64_t now)
{
	struct freeze_answer answer = {
		.kind = FREEZE_WINDOW, .since = closed_since(group, now), .until = next_turn(look, now)};
	const char *before = pane->reason.n ? ": " : "";
	if (is_unknown(pane))
		answer.reason = arena_printf(look->arena,
			"the window \"%.*s\" of %.*s counts as closed: this machine does not know its time zone; "
			"install tzdata",
			STR_ARG(pane->text), STR_ARG(group->of));
	else if (pane->is_deny)
		answer.reason = arena_printf(look->arena, "%.*s is closed %.*s%s%.*s", STR_ARG(group->of),
			STR_ARG(pane->window.is_any ? STR("at any time") : pane->text), before, STR_ARG(pane->reason));
	else
		answer.reason = arena_printf(look->arena, "%.*s is open only %.*s%s%s%.*s", STR_ARG(group->of),
			STR_ARG(pane->text), group->count > 1 ? " (or when another of its windows allows)" : "", before,
			STR_ARG(pane->reason));
	return answer;
}

void freeze_look(const struct freeze_question *question, struct arena *arena, struct freeze_answer *ret)
{
	struct look look = {.question = question, .arena = arena};
	int64_t now = question->at / US_PER_SECOND;
	const struct pane *pane = NULL;
	gather(&look);
	const struct freeze_blocker *blocker = blocked_by(&look);
	const struct configuration_freeze *freeze = frozen_by(&look, now);
	const struct group *group = closed_group(&look, now, &pane);
	if (blocker)
		*ret = say_blocker(&look, blocker);
	else if (freeze)
		*ret = say_freeze(&look, freeze, now);
	else if (group)
		*ret = say_window(&look, group, pane, now);
	else
		*ret = (struct freeze_answer){.kind = FREEZE_NONE, .until = next_turn(&look, now)};
}

/* "2026-11-23 08:00 UTC": minutes are what windows are written in. */
static struct str time_text(int64_t at_us, struct arena *arena)
{
	char text[CLOCK_TEXT_BYTES];
	clock_format(at_us, text);
	return arena_printf(arena, "%.10s %.5s UTC", text, text + 11);
}

struct str freeze_wait(const struct freeze_answer *answer, struct arena *arena)
{
	struct str ends = STR("a change of the configuration"), since = {NULL, 0};
	if (answer->kind == FREEZE_NONE)
		return since;
	if (answer->kind == FREEZE_BLOCKER)
		ends = arena_printf(arena, "somebody to lift stop %lld", (long long)answer->blocker);
	else if (answer->until)
		ends = time_text(answer->until, arena);
	if (answer->since)
		since = arena_printf(arena, " (since %.*s)", STR_ARG(time_text(answer->since, arena)));
	return arena_printf(arena, "%.*s: %.*s%.*s", STR_ARG(ends), STR_ARG(answer->reason), STR_ARG(since));
}
