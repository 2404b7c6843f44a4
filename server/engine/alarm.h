#ifndef SERVER_ENGINE_ALARM_H
#define SERVER_ENGINE_ALARM_H

/*
 * What one alarm is, from what its monitor says: ok, firing, or unknown. The three never run into each other: a monitor
 * that is broken, silent or without data makes an alarm unknown after a grace, and neither ok nor firing; only a breach
 * that has lasted makes it fire, and only a fine sample makes it ok. Pure: time is an argument, always the database's,
 * and one that goes back never makes anything fire or look older than it is.
 */

#include "common/str.h"

#include <stdint.h>

#define ALARM_STATES(X)                                                                                                \
	X(ALARM_UNKNOWN, "unknown")                                                                                    \
	X(ALARM_OK, "ok")                                                                                              \
	X(ALARM_FIRING, "firing")

#define ALARM_OUTCOMES(X)                                                                                              \
	X(ALARM_FINE, "fine")                                                                                          \
	X(ALARM_BREACH, "breach")                                                                                      \
	X(ALARM_NO_DATA, "no_data")                                                                                    \
	X(ALARM_ERROR, "error")

#define X(value, name) value,
enum alarm_state { ALARM_STATES(X) ALARM_STATE_COUNT };
enum alarm_outcome { ALARM_OUTCOMES(X) ALARM_OUTCOME_COUNT };
#undef X
extern const char *const alarm_state_names[], *const alarm_outcome_names[];

enum {
	ALARM_MISSES_MAX = 2, /* samples in a row that told nothing: unknown with the last of them */
	ALARM_SILENT_MAX = 3, /* intervals without any sample: unknown */
};
/* Added to that silence: those who take samples look once a second, and are late when much goes on. */
#define ALARM_LATE_US INT64_C(2000000)

struct alarm_rules {
	int64_t for_us;      /* a breach has lasted so long before it fires; 0: it fires at once */
	int64_t interval_us; /* from one sample to the next; 0: its monitor speaks when it likes, and silence says
				nothing */
	bool is_told;        /* by its monitor, when something changes: what it said last goes on */
};

struct alarm_sample {
	int64_t at_us; /* when it was begun, so that it tells nothing of the time before */
	enum alarm_outcome outcome;
	struct str text; /* for people: the value and where, or what is wrong with the monitor */
};

/* All times in microseconds since 1970; 0: never. */
struct alarm {
	enum alarm_state state;
	int64_t since_us;         /* it has this state */
	int64_t pending_since_us; /* the breach that goes on was seen first; 0: there is none */
	int64_t fired_at_us;      /* the episode began: kept while it is unknown in between, gone when it is ok */
	int64_t sampled_at_us;    /* the last sample of any kind */
	int32_t misses;           /* samples since the last one that told something */
};

/* Takes a sample. Whether the state is another one now. */
bool alarm_take(struct alarm *alarm, const struct alarm_rules *rules, const struct alarm_sample *sample);
/* What time alone changes: a breach that was told of and has lasted, a monitor that fell silent. */
bool alarm_look(struct alarm *alarm, const struct alarm_rules *rules, int64_t now_us);
/* When alarm_look() may change it next; 0: never. */
int64_t alarm_look_at(const struct alarm *alarm, const struct alarm_rules *rules);
/* Another definition under the same name: nothing is known of it. */
bool alarm_reset(struct alarm *alarm, int64_t now_us);

#endif
