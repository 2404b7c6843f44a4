#include "server/api/open_state.h"

#include "common/clock.h"
#include "common/fields.h"
#include "common/zone_cache.h"

struct state_row {
	struct str kind, reason;
	int64_t since, until;
};

static const struct field state_fields[] = {
	FIELD(struct state_row, kind, FIELD_STR, 0),
	FIELD(struct state_row, reason, FIELD_STR, 0),
	FIELD(struct state_row, since, FIELD_TIME, 0),
	FIELD(struct state_row, until, FIELD_TIME, 0),
	FIELD_END,
};

json_t *open_state(const struct configuration_snapshot *now, const struct configuration_environment *environment,
	struct str service, struct str target, struct arena *arena)
{
	const struct freeze_question question = {
		.configuration = now->configuration,
		.blockers = &now->blockers,
		.zone = zone_cache,
		.service = service,
		.environment = environment->name.text,
		.target = target,
		.windows = &environment->floor.window.text,
		.window_count = LANG_IS_SET(environment->floor.window),
		.at = clock_wall_us(),
	};
	struct freeze_answer answer;
	freeze_look(&question, arena, &answer);
	const struct state_row row = {
		str_of(freeze_kind_names[answer.kind]), answer.reason, answer.since, answer.until};
	return fields_write(state_fields, &row);
}
