#ifndef SERVER_ENGINE_FREEZE_H
#define SERVER_ENGINE_FREEZE_H

/*
 * Whether something may be deployed now: stops of the line, freezes and windows of the configuration, and the windows
 * of the stage itself. A function of its arguments. It says nothing of pins, quarantine and alarms, and nothing of who
 * may pass: a rollback does not ask, an override is the caller's.
 *
 * A window is what clocks of its zone show: an hour that comes twice when they go back is in it twice, one that they
 * pass over does not come. All times are microseconds since 1970.
 */

#include "common/lang/configuration.h"
#include "common/zone.h"

struct freeze_blocker {
	int64_t id;
	struct str service;     /* empty: all */
	struct str environment; /* empty: all */
	struct str reason;
	struct str placed_by; /* an account */
	int64_t placed_at;
};

struct freeze_blockers {
	struct freeze_blocker *items; /* those that stand, oldest first */
	size_t count;
};

/* Of environments: whatever opens or closes one bumps its version. */
struct freeze_version {
	struct str environment;
	int64_t version;
};

struct freeze_versions {
	struct freeze_version *items;
	size_t count;
};

struct freeze_question {
	const struct configuration *configuration;
	const struct freeze_blockers *blockers; /* NULL: none */
	/* The zone of this name, NULL when the machine does not have it: zone_cache() serves. */
	const struct zone *(*zone)(struct str name);
	struct str service;
	struct str environment;
	struct str target;         /* empty: what holds for the whole environment */
	const struct str *windows; /* of the stage, as the planner has settled them from file, floor and grant: all must
				      be open. "any" is open. */
	size_t window_count;
	int64_t at;
};

enum freeze_kind { FREEZE_NONE, FREEZE_BLOCKER, FREEZE_CALENDAR, FREEZE_WINDOW };
extern const char *const freeze_kind_names[]; /* "open", "blocker", "freeze", "window" */

struct freeze_answer {
	enum freeze_kind kind; /* FREEZE_NONE: open */
	struct str reason;     /* a sentence with who, why and when; empty when open */
	int64_t since;         /* of that reason; 0: longer than anybody knows */
	int64_t until;   /* open: when the next closed time begins; frozen: when it opens by itself. 0: never, as far as
			    known: somebody must lift a stop, or change the configuration */
	int64_t blocker; /* FREEZE_BLOCKER: its id */
	struct str name; /* FREEZE_CALENDAR: of the freeze */
};

/* Texts live in the arena, or as long as the question's. */
void freeze_look(const struct freeze_question *question, struct arena *arena, struct freeze_answer *ret);
/* What a run waits for: what ends it, why, and since when. Empty when open; the same as long as the answer is. */
struct str freeze_wait(const struct freeze_answer *answer, struct arena *arena);

#endif
