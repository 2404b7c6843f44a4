/* Workers: slow, lost, late, saying things twice. */
#include "tests/sim/sim.h"

#include "common/mem.h"

static struct held_attempt *held_at(struct sim *sim, size_t at)
{
	while (sim->held_count < sim->rows.attempt_count) {
		sim->held = arena_grow(&sim->arena, sim->held, sizeof *sim->held, sim->held_count);
		sim->held[sim->held_count++] = (struct held_attempt){.is_known = true};
	}
	return &sim->held[at];
}

/* The job of an attempt as the rows have it. */
static const struct graph_job *job_of(const struct sim *sim, const struct row_attempt *attempt)
{
	return graph_job_by_id(&rows_run(&sim->rows, attempt->run)->graph, attempt->job);
}

static void name_attempt(const struct sim *sim, const struct row_attempt *attempt, const char *what)
{
	if (sim->is_told)
		sim_say(sim, "  worker %zu: web#%lld %.*s, attempt %d: %s", attempt->worker, (long long)attempt->run,
			STR_ARG(job_of(sim, attempt)->key), attempt->number, what);
}

static bool claim(struct sim *sim, const struct sim_event *event)
{
	bool has_claimed = false;
	for (uint32_t i = 0; i <= event->b % 3; i++) {
		const struct row_attempt *made =
			rows_claim(&sim->rows, event->a % WORKERS, sim->mirror ? ROWS_OLDEST : event->c + i);
		MIRROR(sim, claim, sim, event->a % WORKERS, made);
		if (!made)
			break;
		check_told(sim, made);
		has_claimed = true;
		held_at(sim, sim->rows.attempt_count - 1)->is_known = event->c % 20 != 0;
		name_attempt(sim, made, event->c % 20 ? "leased" : "leased, but it never hears of it");
	}
	return has_claimed;
}

/* The n-th attempt that fits. */
static size_t pick(struct sim *sim, uint32_t n, bool (*fits)(const struct row_attempt *, const struct held_attempt *))
{
	size_t count = 0;
	for (size_t i = 0; i < sim->rows.attempt_count; i++)
		count += fits(&sim->rows.attempts[i], held_at(sim, i));
	for (size_t i = 0, left = count ? n % count : 0; count && i < sim->rows.attempt_count; i++)
		if (fits(&sim->rows.attempts[i], held_at(sim, i)) && left-- == 0)
			return i;
	return SIZE_MAX;
}

static bool may_start(const struct row_attempt *attempt, const struct held_attempt *held)
{
	return held->is_known && attempt->state == ATTEMPT_LEASED;
}

/* Whoever holds one does not know that its lease has run out. */
static bool may_report(const struct row_attempt *attempt, const struct held_attempt *held)
{
	return held->is_known && !held->is_reported && !attempt->was_passed_over;
}

static bool may_repeat(const struct row_attempt *attempt, const struct held_attempt *held)
{
	return held->is_reported || attempt->state == ATTEMPT_ENDED;
}

static bool is_unheard(const struct row_attempt *attempt, const struct held_attempt *held)
{
	return attempt->state == ATTEMPT_LEASED && !held->is_known;
}

static struct attempt_end outcome(struct sim *sim, const struct row_attempt *attempt, uint32_t luck)
{
	static const enum end_reason bad[] = {END_EXIT, END_EXIT, END_EXIT, END_TIMEOUT, END_CANCELLED, END_SIGNAL,
		END_SOURCE_UNAVAILABLE, END_OUT_OF_MEMORY};
	const struct graph_job *job = job_of(sim, attempt);
	struct attempt_end end = {.reason = END_EXIT};
	if (job->cancel_reason.p && luck % 8)
		end.reason = END_CANCELLED;
	else if (!sim->is_calm && luck % 10 == 9) {
		end.reason = bad[luck / 10 % COUNT_OF(bad)];
		end.exit_code = end.reason == END_EXIT;
	}
	bool puts_out = end.reason == END_EXIT && end.exit_code == 0 && (sim->is_calm || luck % 40);
	struct str commit = rows_run(&sim->rows, attempt->run)->graph.commit;
	if (puts_out && str_list_has(&job->plan->outputs, STR("v")))
		pair_set(&end.outputs, &sim->arena, STR("v"), arena_printf(&sim->arena, "v%.*s", STR_ARG(commit)));
	if (puts_out && str_list_has(&job->plan->outputs, STR("address")))
		pair_set(&end.outputs, &sim->arena, STR("address"),
			arena_printf(&sim->arena, "%lld.%d", (long long)attempt->job, attempt->number));
	return end;
}

static void send(struct sim *sim, size_t at, uint32_t to)
{
	const struct row_attempt *attempt = &sim->rows.attempts[at];
	bool is_accepted = rows_result(&sim->rows, at, &held_at(sim, at)->end);
	MIRROR(sim, result, sim, at, &held_at(sim, at)->end, is_accepted);
	if (is_accepted)
		coordinator_wake(&sim->coordinators[to % COORDINATORS], WAKE_RUN, attempt->run);
	else
		name_attempt(sim, attempt, "that was over already");
}

static bool report(struct sim *sim, const struct sim_event *event)
{
	size_t at = pick(sim, event->a, may_report);
	if (at == SIZE_MAX)
		return false;
	struct held_attempt *held = held_at(sim, at);
	held->end = outcome(sim, &sim->rows.attempts[at], event->b);
	held->is_reported = true;
	if (sim->is_told)
		name_attempt(sim, &sim->rows.attempts[at],
			held->end.reason != END_EXIT ? end_reason_names[held->end.reason]
			: held->end.exit_code        ? "exited with 1"
						     : "ended well");
	send(sim, at, event->c);
	return true;
}

static bool repeat(struct sim *sim, const struct sim_event *event)
{
	size_t at = pick(sim, event->a, may_repeat);
	if (at == SIZE_MAX)
		return false;
	struct held_attempt *held = held_at(sim, at);
	held->end = outcome(sim, &sim->rows.attempts[at], event->b);
	name_attempt(sim, &sim->rows.attempts[at], "told again");
	send(sim, at, event->c);
	return true;
}

static bool silence(struct sim *sim, const struct sim_event *event)
{
	bool has_lost = false;
	for (size_t i = 0; i < sim->rows.attempt_count; i++) {
		struct held_attempt *held = held_at(sim, i);
		if (sim->rows.attempts[i].worker != event->a % WORKERS || !held->is_known || held->is_reported)
			continue;
		held->is_known = false;
		has_lost = true;
		name_attempt(sim, &sim->rows.attempts[i], "silent from now on");
	}
	return has_lost;
}

static void renew(struct sim *sim, uint32_t luck)
{
	for (size_t i = 0; i < sim->rows.attempt_count; i++) {
		const struct held_attempt *held = held_at(sim, i);
		bool is_slow = (luck + i * 7) % 24 == 0;
		if (held->is_known && !held->is_reported && !is_slow && rows_renew(&sim->rows, i))
			MIRROR(sim, renew, sim, i);
	}
}

bool worker_event(struct sim *sim, const struct sim_event *event)
{
	size_t at;
	switch ((int)event->kind) {
	case SIM_CLAIM:
		return claim(sim, event);
	case SIM_START:
		at = pick(sim, event->a, may_start);
		if (at == SIZE_MAX || !rows_start(&sim->rows, at))
			return false;
		MIRROR(sim, start, sim, at);
		return true;
	case SIM_REPORT:
		return report(sim, event);
	case SIM_REPEAT:
		return repeat(sim, event);
	case SIM_RENEW:
		renew(sim, event->a);
		return true;
	case SIM_PASS_OVER:
		at = pick(sim, event->a, is_unheard);
		if (at == SIZE_MAX || !rows_pass_over(&sim->rows, at))
			return false;
		MIRROR(sim, pass_over, sim, at);
		return true;
	case SIM_SILENCE:
		return silence(sim, event);
	}
	return false;
}

void workers_finish(struct sim *sim)
{
	struct sim_event event = {.kind = SIM_CLAIM, .c = 1};
	renew(sim, 1);
	while (claim(sim, &event))
		;
	event = (struct sim_event){.kind = SIM_REPORT, .b = 1};
	while (report(sim, &event))
		;
}
