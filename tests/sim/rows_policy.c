/* What is closed, pinned and in quarantine, and what alarms are: the rows, and the versions that go with them. */
#include "tests/sim/rows.h"

static void policy_changed(struct rows *rows, struct str environment)
{
	for (size_t i = 0; i < ENVIRONMENTS; i++)
		rows->policy.versions[i] += environment.n == 0 || rows_environment(environment) == i;
}

bool rows_stop(struct rows *rows, struct str service, struct str environment)
{
	struct row_policy *policy = &rows->policy;
	if (policy->blocker_count == STOPS)
		return false;
	policy->blockers[policy->blocker_count++] = (struct freeze_blocker){.id = ++rows->last_blocker,
		.service = service,
		.environment = environment,
		.reason = STR("the end of the fair")};
	policy_changed(rows, environment);
	return true;
}

void rows_lift(struct rows *rows, size_t blocker)
{
	struct row_policy *policy = &rows->policy;
	policy_changed(rows, policy->blockers[blocker].environment);
	policy->blocker_count--;
	for (size_t i = blocker; i < policy->blocker_count; i++)
		policy->blockers[i] = policy->blockers[i + 1];
}

void rows_configure(struct rows *rows, size_t configuration)
{
	rows->policy.configuration = configuration;
	rows->policy.version++;
	policy_changed(rows, (struct str){0});
}

const struct row_alarm *rows_alarm(const struct rows *rows, struct str name)
{
	return &rows->alarms[str_is(name, "slow")];
}

void rows_change_alarm(struct rows *rows, size_t alarm, struct str state)
{
	struct row_alarm *row = &rows->alarms[alarm];
	if (str_eq(row->state, state))
		return;
	row->since = rows->now_us;
	row->state = state;
	row->turn++;
	if (str_is(state, "firing"))
		row->fired_at = rows->now_us;
}

void rows_quarantine_changed(struct rows *rows, struct str service)
{
	rows->service_versions[rows_service(service)]++;
}
