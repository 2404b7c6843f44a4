#include "server/engine/alarm.h"

#define X(value, name) name,
const char *const alarm_state_names[] = {ALARM_STATES(X) NULL};
const char *const alarm_outcome_names[] = {ALARM_OUTCOMES(X) NULL};
#undef X

static bool move(struct alarm *alarm, enum alarm_state state, int64_t at_us)
{
	bool has_begun = state == ALARM_FIRING && alarm->fired_at_us == 0;
	if (has_begun)
		alarm->fired_at_us = at_us;
	else if (state == ALARM_OK)
		alarm->fired_at_us = 0;
	/* What a broken monitor saw begin is measured again when it sees again. */
	if (state != ALARM_FIRING)
		alarm->pending_since_us = 0;
	if (alarm->state == state)
		return false;
	alarm->state = state;
	alarm->since_us = at_us;
	return true;
}

static int64_t silence_us(const struct alarm_rules *rules)
{
	return ALARM_SILENT_MAX * rules->interval_us + ALARM_LATE_US;
}

static bool was_silent(const struct alarm *alarm, const struct alarm_rules *rules, int64_t at_us)
{
	return rules->interval_us > 0 && alarm->sampled_at_us != 0 && at_us - alarm->sampled_at_us >= silence_us(rules);
}

/* A clock that was set back, or samples that are missing: nobody knows how long the breach lasted. */
static bool has_hole(const struct alarm *alarm, const struct alarm_rules *rules, int64_t at_us)
{
	return at_us < alarm->sampled_at_us || was_silent(alarm, rules, at_us);
}

static bool take_breach(struct alarm *alarm, const struct alarm_rules *rules, int64_t at_us)
{
	bool is_firing = alarm->state == ALARM_FIRING;
	alarm->misses = 0;
	if (alarm->pending_since_us == 0 || has_hole(alarm, rules, at_us))
		alarm->pending_since_us = at_us;
	bool has_lasted = at_us - alarm->pending_since_us >= rules->for_us;
	return (is_firing || has_lasted) && move(alarm, ALARM_FIRING, at_us);
}

static bool take_fine(struct alarm *alarm, int64_t at_us)
{
	alarm->misses = 0;
	alarm->pending_since_us = 0;
	return move(alarm, ALARM_OK, at_us);
}

static bool take_nothing(struct alarm *alarm, int64_t at_us)
{
	if (alarm->misses < ALARM_MISSES_MAX)
		alarm->misses++;
	return alarm->misses >= ALARM_MISSES_MAX && move(alarm, ALARM_UNKNOWN, at_us);
}

bool alarm_take(struct alarm *alarm, const struct alarm_rules *rules, const struct alarm_sample *sample)
{
	bool has_changed = false;
	if (alarm->since_us == 0)
		alarm->since_us = sample->at_us;
	switch (sample->outcome) {
	case ALARM_FINE:
		has_changed = take_fine(alarm, sample->at_us);
		break;
	case ALARM_BREACH:
		has_changed = take_breach(alarm, rules, sample->at_us);
		break;
	case ALARM_NO_DATA:
	case ALARM_ERROR:
		has_changed = take_nothing(alarm, sample->at_us);
		break;
	case ALARM_OUTCOME_COUNT:
		break;
	}
	alarm->sampled_at_us = sample->at_us;
	return has_changed;
}

/* Only of an alarm that is told of: where samples are taken, the next one shows whether the breach goes on. */
static bool has_pending_end(const struct alarm *alarm, const struct alarm_rules *rules)
{
	return rules->is_told && alarm->pending_since_us != 0 && alarm->state != ALARM_FIRING;
}

bool alarm_look(struct alarm *alarm, const struct alarm_rules *rules, int64_t now_us)
{
	if (was_silent(alarm, rules, now_us))
		return alarm->state != ALARM_UNKNOWN && move(alarm, ALARM_UNKNOWN, now_us);
	if (has_pending_end(alarm, rules) && now_us - alarm->pending_since_us >= rules->for_us)
		return move(alarm, ALARM_FIRING, now_us);
	return false;
}

int64_t alarm_look_at(const struct alarm *alarm, const struct alarm_rules *rules)
{
	int64_t look_at = 0;
	if (rules->interval_us > 0 && alarm->sampled_at_us != 0 && alarm->state != ALARM_UNKNOWN)
		look_at = alarm->sampled_at_us + silence_us(rules);
	int64_t fires_at = alarm->pending_since_us + rules->for_us;
	if (has_pending_end(alarm, rules) && (look_at == 0 || fires_at < look_at))
		look_at = fires_at;
	return look_at;
}

bool alarm_reset(struct alarm *alarm, int64_t now_us)
{
	bool was_known = alarm->state != ALARM_UNKNOWN;
	*alarm = (struct alarm){.state = ALARM_UNKNOWN, .since_us = now_us};
	return was_known;
}
