#include "server/engine/lane.h"

#include "server/engine/plan.h"

static struct lane_entry *holder_of(struct lane *lane)
{
	for (size_t i = 0; i < lane->count; i++)
		if (lane->entries[i].state == LANE_GRANTED || lane->entries[i].state == LANE_REVOKED)
			return &lane->entries[i];
	return NULL;
}

static struct lane_entry *next_of(struct lane *lane)
{
	struct lane_entry *best = NULL;
	for (size_t i = 0; i < lane->count; i++) {
		struct lane_entry *entry = &lane->entries[i];
		if (entry->state != LANE_WAITING || (lane->is_reserved && entry->priority < PLAN_PRIORITY_ROLLBACK))
			continue;
		bool is_better = !best || entry->priority > best->priority ||
				 (lane->is_newest && entry->priority == best->priority && entry->run > best->run);
		best = is_better ? entry : best;
	}
	return best;
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

static void grant(struct lane *lane, struct lane_entry *entry)
{
	entry->state = LANE_GRANTED;
	entry->epoch = ++lane->epoch;
	if (!lane->is_newest)
		return;
	/* A newer run, whoever asked first: both may have been held by the same freeze. */
	for (size_t i = 0; i < lane->count; i++) {
		struct lane_entry *older = &lane->entries[i];
		if (older->state != LANE_WAITING || older->run >= entry->run || older->priority > entry->priority)
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
