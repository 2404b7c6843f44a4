/* What is deployed for a while, and taken down. */
#include "tests/sim/rows.h"

#include "common/mem.h"

#define MINUTE_US INT64_C(60000000)

static struct row_expiry *expiry_of(const struct rows *rows, const struct graph_stage *stage)
{
	return (struct row_expiry *)&rows
		->expiries[rows_service(stage->plan->delivery->service)][rows_environment(stage->plan->environment)];
}

int64_t rows_expires_at(const struct rows *rows, const struct graph_stage *stage)
{
	return expiry_of(rows, stage)->run ? expiry_of(rows, stage)->expires_at : 0;
}

void rows_stage_moved(struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage)
{
	const struct plan_delivery *delivery = stage->plan->delivery;
	if (!delivery || stage->state == stage->was)
		return;
	struct row_expiry *expiry = expiry_of(rows, stage);
	bool is_down = delivery->priority == PLAN_PRIORITY_TEARDOWN;
	if (is_down && stage->state == STAGE_SUCCEEDED)
		*expiry = (struct row_expiry){0};
	if (is_down || stage->state != STAGE_RUNNING || delivery->priority == PLAN_PRIORITY_ROLLBACK)
		return;
	*expiry = (struct row_expiry){0};
	if (delivery->expires_ms)
		*expiry = (struct row_expiry){.run = graph->id,
			.expires_at = rows->now_us + delivery->expires_ms * 1000,
			.next_at = rows->now_us + delivery->expires_ms * 1000};
}

static bool is_in_use(const struct rows *rows, struct str service, struct str environment)
{
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *asked = &rows->requests[i];
		struct str key = rows->lanes[asked->lane - 1].key;
		bool is_open =
			asked->state == LANE_WAITING || asked->state == LANE_GRANTED || asked->state == LANE_REVOKED;
		if (is_open && !rows->lanes[asked->lane - 1].is_group && key.n == service.n + 1 + environment.n &&
			str_starts(key, service) && str_eq(str_skip(key, service.n + 1), environment))
			return true;
	}
	return false;
}

size_t rows_expire_deployments(struct rows *rows)
{
	static const struct str services[] = {{"web", 3}, {"api", 3}}, environments[] = {{"qa", 2}, {"prod", 4}};
	size_t count = 0;
	for (size_t s = 0; s < SERVICES; s++)
		for (size_t e = 0; e < ENVIRONMENTS; e++) {
			struct row_expiry *expiry = &rows->expiries[s][e];
			if (expiry->run == 0 || expiry->next_at > rows->now_us ||
				is_in_use(rows, services[s], environments[e]))
				continue;
			int64_t pause = MINUTE_US;
			for (int i = 0; i < expiry->tries && i < 6; i++)
				pause *= 4;
			expiry->next_at = rows->now_us + (pause < 360 * MINUTE_US ? pause : 360 * MINUTE_US);
			expiry->tries++;
			rows->triggers =
				arena_grow(rows->arena, rows->triggers, sizeof *rows->triggers, rows->trigger_count);
			rows->triggers[rows->trigger_count++] = (struct row_trigger){.kind = TRIGGER_DOWN,
				.commit = rows_run(rows, expiry->run)->graph.commit,
				.service = services[s],
				.environment = environments[e]};
			count++;
		}
	return count;
}

struct deployed {
	int64_t run; /* the latest; 0: nothing is there */
	bool is_whole, expires;
};

static bool is_any(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	return rows_runs(rows, deployment, unused);
}

/* What runs on a target, and whether its pipeline says how it is taken down, and when. */
static void add_target(const struct rows *rows, struct str service, struct str environment, const char *target,
	struct deployed *deployed)
{
	struct row_deployment last;
	bool has_teardown = false;
	if (!rows_last_deployment(rows, service, environment, str_of(target), is_any, NULL, &last) ||
		rows_is_teardown(&last))
		return;
	const struct plan *plan = rows_run(rows, last.run)->graph.plan;
	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct plan_stage *stage = &plan->stages[i];
		if (!stage->delivery || !str_eq(stage->environment, environment))
			continue;
		has_teardown |= stage->delivery->teardown_count > 0;
		deployed->expires |= stage->delivery->expires_ms > 0;
	}
	deployed->is_whole = has_teardown && (deployed->run == 0 || deployed->is_whole);
	deployed->run = last.run > deployed->run ? last.run : deployed->run;
}

bool rows_set_expiry(struct rows *rows, struct str service, struct str environment, int64_t in_ms, bool is_operator)
{
	static const char *const targets[] = {"qa-1", "eu-canary", "eu-1", "us-1"};
	struct row_expiry *expiry = &rows->expiries[rows_service(service)][rows_environment(environment)];
	struct deployed deployed = {.expires = expiry->run != 0};
	for (size_t i = 0; i < COUNT_OF(targets); i++)
		add_target(rows, service, environment, targets[i], &deployed);
	if (deployed.run == 0)
		return false;
	if (in_ms != ROWS_NEVER && !(deployed.is_whole && (deployed.expires || is_operator)))
		return true;
	rows->policy.versions[rows_environment(environment)]++;
	if (in_ms == ROWS_NEVER)
		*expiry = (struct row_expiry){0};
	else
		*expiry = (struct row_expiry){.run = expiry->run ? expiry->run : deployed.run,
			.expires_at = rows->now_us + in_ms * 1000,
			.next_at = rows->now_us + in_ms * 1000};
	return true;
}

/* --- deployments of that kind --- */

bool rows_is_teardown(const struct row_deployment *deployment)
{
	return deployment->stage->plan->delivery->priority == PLAN_PRIORITY_TEARDOWN;
}

bool rows_tried(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	return !rows_is_teardown(deployment) && rows_reached(rows, deployment, unused);
}

bool rows_took_down(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	(void)rows, (void)unused;
	return rows_is_teardown(deployment) && deployment->deployment->state == DEPLOYMENT_LIVE;
}
