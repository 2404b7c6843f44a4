/* What is left with a condemned version, and the ways back that people ask for. */
#include "tests/sim/rows.h"

#include "common/mem.h"

static bool is_condemned(const struct rows *rows, const struct row_deployment *deployment, struct str also)
{
	const struct plan_stage *plan = deployment->stage->plan;
	struct str version = deployment->deployment->version;
	return (also.n && str_eq(version, also)) ||
	       rows_is_quarantined(rows, plan->delivery->service, plan->environment, version);
}

static bool was_condemned(const struct rows *rows, const struct row_deployment *deployment, const void *also)
{
	return rows_tried(rows, deployment, NULL) && is_condemned(rows, deployment, *(const struct str *)also);
}

static bool has_ended_it(const struct rows *rows, const struct row_deployment *deployment, const void *also)
{
	if (rows_is_teardown(deployment))
		return rows_took_down(rows, deployment, NULL);
	return rows_runs(rows, deployment, NULL) && !is_condemned(rows, deployment, *(const struct str *)also);
}

bool rows_is_left_behind(const struct rows *rows, struct str service, struct str environment, struct str target,
	struct str also, struct row_deployment *ret)
{
	struct row_deployment last, good;
	if (!rows_last_deployment(rows, service, environment, target, was_condemned, &also, &last) ||
		(rows_last_deployment(rows, service, environment, target, has_ended_it, &also, &good) &&
			good.deployment->id > last.deployment->id))
		return false;
	*ret = last;
	return true;
}

/* --- rollback_ask.sql --- */

static bool is_coming(const struct rows *rows, struct str service, struct str environment)
{
	for (size_t i = 0; i < rows->trigger_count; i++) {
		const struct row_trigger *trigger = &rows->triggers[i];
		if (trigger->kind == TRIGGER_BACK && trigger->state == TRIGGER_PENDING &&
			str_eq(trigger->service, service) && str_eq(trigger->environment, environment))
			return true;
	}
	for (size_t i = 0; i < rows->run_count; i++) {
		const struct row_trigger *trigger = &rows->triggers[rows->runs[i]->trigger - 1];
		if (rows->runs[i]->is_rollback && !run_is_over(rows->runs[i]->graph.state) &&
			str_eq(trigger->service, service) && str_eq(trigger->environment, environment))
			return true;
	}
	return false;
}

/* An earlier way back ended before it had brought every target back. */
static void take_left(const struct rows *rows, struct str service, struct str environment, struct row_deployment *ret)
{
	static const char *const targets[] = {"qa-1", "eu-canary", "eu-1", "us-1"};
	bool is_found = false;
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		struct row_deployment one;
		if (!rows_is_left_behind(rows, service, environment, str_of(targets[i]), (struct str){0}, &one) ||
			(is_found && one.deployment->id < ret->deployment->id))
			continue;
		is_found = true;
		*ret = one;
	}
}

bool rows_ask_back(struct rows *rows, struct str service, struct str environment, struct str to)
{
	struct row_deployment last;
	if (!rows_last_deployment(rows, service, environment, (struct str){0}, rows_reached, NULL, &last))
		return false;
	if (rows_run(rows, last.run)->is_rollback && !is_coming(rows, service, environment))
		take_left(rows, service, environment, &last);
	if (rows_is_teardown(&last))
		return false;
	struct str version = last.deployment->version;
	if (!rows_is_quarantined(rows, service, environment, version)) {
		rows->quarantines =
			arena_grow(rows->arena, rows->quarantines, sizeof *rows->quarantines, rows->quarantine_count);
		rows->quarantines[rows->quarantine_count++] = (struct row_quarantine){service, environment, version,
			STR("bob says so"), false, {0}, (int64_t)rows->trigger_count + 1, rows->now_us};
	}
	rows_quarantine_changed(rows, service);
	rows->triggers = arena_grow(rows->arena, rows->triggers, sizeof *rows->triggers, rows->trigger_count);
	rows->triggers[rows->trigger_count++] = (struct row_trigger){.kind = TRIGGER_BACK,
		.commit = rows_run(rows, last.run)->graph.commit,
		.service = service,
		.environment = environment,
		.version = version,
		.back_to = to};
	return true;
}
