#include "tests/sim/history.h"

#include "common/err.h"
#include "common/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define X(name, weight, what) {#name, weight, what},
static const struct {
	const char *name;
	uint32_t weight;
	const char *what;
} kinds[] = {SIM_EVENTS(X)};
#undef X

/* splitmix64 */
static uint32_t next_of(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/* What a history is made of. */
struct mix {
	uint32_t weights[SIM_EVENT_KINDS], total;
	uint32_t pushes[3], push_count; /* 0: whatever there is */
};

/* Without these nothing moves. */
static bool is_needed(enum sim_event_kind kind)
{
	return kind == SIM_WORK || kind == SIM_CLAIM || kind == SIM_REPORT || kind == SIM_PUSH || kind == SIM_APPROVE ||
	       kind == SIM_TICK || kind == SIM_WAIT;
}

/*
 * Every other two are of few things that come the more often, and of up to three pipelines: what needs three unlikely
 * things to meet is rare as long as everything happens.
 */
static struct mix mix_of(uint64_t seed, uint64_t *state)
{
	struct mix mix = {0};
	bool is_narrow = seed / 2 % 2;
	for (size_t i = 0; i < SIM_EVENT_KINDS; i++) {
		mix.weights[i] = kinds[i].weight;
		if (is_narrow && !is_needed((enum sim_event_kind)i)) {
			uint32_t luck = next_of(state) % 4;
			mix.weights[i] *= luck < 2 ? 0 : luck == 2 ? 1 : 4;
		}
	}
	if (is_narrow && next_of(state) % 2) { /* much happens between two steps of a coordinator */
		mix.weights[SIM_WORK] /= 6;
		mix.weights[SIM_STEP] = 3 * kinds[SIM_STEP].weight;
	}
	for (size_t i = 0; i < SIM_EVENT_KINDS; i++)
		mix.total += mix.weights[i];
	mix.push_count = is_narrow ? 1 + next_of(state) % COUNT_OF(mix.pushes) : 0;
	for (size_t i = 0; i < mix.push_count; i++)
		mix.pushes[i] = next_of(state);
	return mix;
}

static enum sim_event_kind choose(const struct mix *mix, uint64_t *state)
{
	uint32_t at = 0, wanted = next_of(state) % mix->total;
	while (wanted >= mix->weights[at])
		wanted -= mix->weights[at++];
	return (enum sim_event_kind)at;
}

void history_make(struct history *history, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d);
	const struct mix mix = mix_of(seed, &state);
	/* Every other one begins with a release that went well: something to go back to. */
	history->count = 60 + next_of(&state) % (EVENTS_MAX - 59);
	for (size_t i = 0; i < history->count; i++) {
		struct sim_event *event = &history->events[i];
		event->kind = i < 2 ? SIM_PUSH : i == 2 && seed % 2 ? SIM_GOOD_TIME : choose(&mix, &state);
		event->a = next_of(&state);
		event->b = next_of(&state);
		event->c = next_of(&state);
		if (event->kind == SIM_PUSH && mix.push_count)
			event->a = mix.pushes[event->a % mix.push_count];
	}
}

/* --- running --- */

static sigjmp_buf broken;

static void give_up(int number)
{
	(void)number;
	siglongjmp(broken, 1);
}

/* BUG() and the arena's aborts end here; what was allocated is lost. */
static void run(struct sim *sim, const struct history *history)
{
	sim_begin(sim);
	for (size_t i = 0; i < history->count && !sim->fault[0]; i++) {
		const struct sim_event *event = &history->events[i];
		sim_say(sim, "%3zu %s: %s (%u %u %u)", i + 1, kinds[event->kind].name, kinds[event->kind].what,
			event->a, event->b, event->c);
		sim_apply(sim, event);
	}
	if (!sim->fault[0]) {
		sim_say(sim, "    all is calm from here");
		if (sim->calm_down)
			sim->calm_down(sim);
		else
			sim_calm_down(sim);
	}
	sim_end(sim);
}

bool history_run(struct sim *sim, const struct history *history)
{
	static bool is_set;
	if (!is_set) {
		struct sigaction action = {.sa_handler = give_up, .sa_flags = SA_NODEFER};
		sigaction(SIGABRT, &action, NULL);
		is_set = true;
	}
	if (sigsetjmp(broken, 1) == 0)
		run(sim, history);
	else
		sim_fail(sim, "the engine calls it a bug: see above");
	return !sim->fault[0];
}

/* --- the shortest that fails --- */

static char wanted[sizeof((struct sim *)0)->fault];

/* Another fault that turns up on the way is another story. Numbers may differ. */
static bool fails_so(struct sim *sim, const struct history *history)
{
	if (history_run(sim, history))
		return false;
	const char *a = wanted, *b = sim->fault;
	while (*a && *b) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		a += *a != '\0';
		b += *b != '\0';
	}
	return *a == *b;
}

static bool fails_without(struct sim *sim, struct history *history, size_t from, size_t count)
{
	struct history shorter = {.count = history->count - count};
	memcpy(shorter.events, history->events, from * sizeof *shorter.events);
	memcpy(shorter.events + from, history->events + from + count, (shorter.count - from) * sizeof *shorter.events);
	if (!fails_so(sim, &shorter))
		return false;
	*history = shorter;
	return true;
}

static bool fails_with(struct sim *sim, struct history *history, size_t at, struct sim_event event)
{
	struct sim_event old = history->events[at];
	history->events[at] = event;
	if (fails_so(sim, history))
		return true;
	history->events[at] = old;
	return false;
}

static void simplify(struct sim *sim, struct history *history)
{
	for (size_t i = 0; i < history->count; i++) {
		for (uint32_t small = 0; small < 3; small++) {
			struct sim_event event = history->events[i];
			uint32_t *const numbers[] = {&event.a, &event.b, &event.c};
			if (*numbers[small] == 0)
				continue;
			uint32_t old = *numbers[small];
			*numbers[small] = 0;
			if (fails_with(sim, history, i, event))
				continue;
			*numbers[small] = old % 16;
			if (old >= 16)
				fails_with(sim, history, i, event);
		}
	}
}

void history_shrink(struct sim *sim, struct history *history)
{
	int standard_error = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY);
	fflush(stderr);
	dup2(nothing, STDERR_FILENO);
	if (!history_run(sim, history) && sim->at < history->count)
		history->count = sim->at;
	memcpy(wanted, sim->fault, sizeof wanted);
	bool has_shrunk = true;
	while (has_shrunk) {
		has_shrunk = false;
		for (size_t chunk = history->count / 2 + 1; chunk > 0; chunk /= 2)
			for (size_t from = 0; from + chunk <= history->count;) {
				bool is_shorter = fails_without(sim, history, from, chunk);
				has_shrunk |= is_shorter;
				from += is_shorter ? 0 : chunk;
			}
	}
	simplify(sim, history);
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(nothing);
}

void history_tell(struct sim *sim, const struct history *history)
{
	sim->is_told = true;
	history_run(sim, history);
	sim->is_told = false;
	printf("=> %s\n", sim->fault[0] ? sim->fault : "every invariant holds");
}
