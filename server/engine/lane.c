#include "server/engine/lane.h"

#include "server/engine/plan.h"

static struct lane_entry *holder_of(struct lane *lane)
{
	for (size_t i = 0; i < lane->count; i++)
		if (lane->entries[i].state == LANE_GRANTED || lane->entries[i].state == LANE_REVOKED)
			return &lane->entries[i];
	return NULL;
}

static bool may_enter(const struct lane *lane, const struct lane_entry *entry)
{
	return entry->state == LANE_WAITING && !(lane->is_reserved && entry->priority < PLAN_PRIORITY_ROLLBACK);
}

static const struct lane_entry *waiting_of(const struct lane *lane, int64_t run)
{
	for (size_t i = 0; i < lane->count; i++)
		if (lane->entries[i].run == run && lane->entries[i].state == LANE_WAITING)
			return &lane->entries[i];
	return NULL;
}

/* One who waits beside it, and is newer or may be. */
static bool is_behind(const struct lane *lane, const struct lane_entry *entry, bool is_known)
{
	for (size_t i = 0; i < lane->relation_count; i++) {
		const struct lane_relation *relation = &lane->relations[i];
		const struct lane_entry *newer = NULL;
		if (relation->older == entry->run && relation->is_known == is_known)
			newer = waiting_of(lane, relation->newer);
		if (newer && newer->priority == entry->priority)
			return true;
	}
	return false;
}

static struct lane_entry *next_of(struct lane *lane)
{
	struct lane_entry *best = NULL;
	for (size_t i = 0; i < lane->count; i++) {
		struct lane_entry *entry = &lane->entries[i];
		if (!may_enter(lane, entry) || is_behind(lane, entry, true))
			continue;
		bool is_better = !best || entry->priority > best->priority ||
				 (lane->is_newest && entry->priority == best->priority && entry->run > best->run);
		best = is_better ? entry : best;
	}
	/* Their visits have them compared, and look here again. */
	return best && !is_behind(lane, best, false) ? best : NULL;
}

/* A request that cancels ends every older one: those that wait at once, the holder as soon as it can. */
static void supersede_older(struct lane *lane)
{
	for (size_t i = lane->count; i > 0; i--) {
		const struct lane_entry *newer = &lane->entries[i - 1];
		if (!newer->cancels || newer->state != LANE_WAITING)
			continue;
		for (size_t j = 0; j + 1 < i; j++) {
			struct lane_entry *older = &lane->entries[j];
			if (older->state != LANE_WAITING && older->state != LANE_GRANTED)
				continue;
			older->state = older->state == LANE_WAITING ? LANE_SUPERSEDED : LANE_REVOKED;
			older->superseded_by = newer->run;
		}
		return;
	}
}

static bool has_relation(
	const struct lane *lane, const struct lane_entry *newer, const struct lane_entry *older, bool is_known)
{
	for (size_t i = 0; i < lane->relation_count; i++) {
		const struct lane_relation *relation = &lane->relations[i];
		if (relation->newer == newer->run && relation->older == older->run && relation->is_known == is_known)
			return true;
	}
	return false;
}

/* As far as anybody has looked. */
static bool is_newer(const struct lane *lane, const struct lane_entry *entry, const struct lane_entry *other)
{
	bool is_later = entry->run > other->run && !has_relation(lane, other, entry, true) &&
			!has_relation(lane, other, entry, false);
	return is_later || has_relation(lane, entry, other, true);
}

static void grant(struct lane *lane, struct lane_entry *entry)
{
	entry->state = LANE_GRANTED;
	entry->epoch = ++lane->epoch;
	if (!lane->is_newest)
		return;
	/* A newer run, whoever asked first: both may have been held by the same freeze. One that nobody has compared
	 * with it finds out itself. */
	for (size_t i = 0; i < lane->count; i++) {
		struct lane_entry *older = &lane->entries[i];
		if (older->state != LANE_WAITING || older->priority > entry->priority || !is_newer(lane, entry, older))
			continue;
		older->state = LANE_SUPERSEDED;
		older->superseded_by = entry->run;
	}
}

/* A hotfix or a rollback that waits makes a lesser holder stop at its next safe point. */
static void hand_over(struct lane *lane)
{
	struct lane_entry *holder = holder_of(lane);
	for (size_t i = 0; holder && i < lane->count; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		if (holder->state != LANE_GRANTED || entry->state != LANE_WAITING ||
			entry->priority < PLAN_PRIORITY_HOTFIX || entry->priority <= holder->priority)
			continue;
		holder->state = LANE_REVOKED;
		holder->superseded_by = entry->run;
	}
}

bool lane_apply(struct lane *lane)
{
	supersede_older(lane);
	hand_over(lane);
	if (!holder_of(lane)) {
		struct lane_entry *next = next_of(lane);
		if (next)
			grant(lane, next);
	}
	bool has_changed = false;
	for (size_t i = 0; i < lane->count; i++)
		has_changed |= lane->entries[i].state != lane->entries[i].was;
	return has_changed;
}
