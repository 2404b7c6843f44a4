/* New runs, stages that are planned again, and lanes. Implements those parts of run_store.h. */
#include "common/json.h"
#include "server/store/run_store.h"

#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* The canonical form of a set of labels: sorted, once each, joined by commas. */
static struct str label_text(const struct str_list *labels, struct arena *arena)
{
	struct str *sorted = arena_array(arena, struct str, labels->count);
	struct str text = STR("");
	if (labels->count)
		memcpy(sorted, labels->items, labels->count * sizeof *sorted);
	qsort(sorted, labels->count, sizeof *sorted, compare_texts);
	for (size_t i = 0; i < labels->count; i++)
		if (i == 0 || !str_eq(sorted[i], sorted[i - 1]))
			text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), text.n ? "," : "", STR_ARG(sorted[i]));
	return text;
}

struct columns {
	struct str *names, *kinds, *environments, *services, *alarms; /* of stages */
	struct str *keys, *labels, *full, *allow, *commits;           /* of jobs */
	int64_t *stages, *keep_ms, *waves;
	int64_t *wave_stages, *wave_numbers;
	size_t stage_count, job_count, wave_count;
};

static void add_job(struct columns *columns, size_t stage, const struct plan_job *job, struct arena *arena)
{
	size_t n = columns->job_count++;
	columns->keys[n] = job->key;
	columns->stages[n] = (int64_t)stage;
	columns->keep_ms[n] = job->artifacts.keep_ms;
	columns->waves[n] = job->wave;
	columns->commits[n] = str_or_empty(job->commit);
	columns->labels[n] = label_text(&job->labels, arena);
	columns->full[n] = str_is(job->profile, "full") ? STR("t") : STR("f");
	columns->allow[n] = job->allow_failure ? STR("t") : STR("f");
}

static void add_delivery(
	struct columns *columns, size_t stage, const struct plan_delivery *delivery, struct arena *arena)
{
	columns->services[stage] = columns->alarms[stage] = STR("");
	if (!delivery)
		return;
	columns->services[stage] = str_or_empty(delivery->service);
	columns->alarms[stage] = label_text(&delivery->alarms, arena);
	for (size_t i = 0; i < delivery->wave_count; i++) {
		columns->wave_stages[columns->wave_count] = (int64_t)stage;
		columns->wave_numbers[columns->wave_count++] = (int64_t)i + 1;
	}
}

static size_t wave_count_of(const struct plan_stage *stage)
{
	return stage->delivery ? stage->delivery->wave_count : 0;
}

static void columns_init(struct columns *columns, size_t stages, size_t jobs, size_t waves, struct arena *arena)
{
	columns->services = arena_array(arena, struct str, stages);
	columns->alarms = arena_array(arena, struct str, stages);
	columns->names = arena_array(arena, struct str, stages);
	columns->kinds = arena_array(arena, struct str, stages);
	columns->environments = arena_array(arena, struct str, stages);
	columns->commits = arena_array(arena, struct str, jobs);
	columns->waves = arena_array(arena, int64_t, jobs);
	columns->keys = arena_array(arena, struct str, jobs);
	columns->labels = arena_array(arena, struct str, jobs);
	columns->full = arena_array(arena, struct str, jobs);
	columns->allow = arena_array(arena, struct str, jobs);
	columns->stages = arena_array(arena, int64_t, jobs);
	columns->keep_ms = arena_array(arena, int64_t, jobs);
	columns->wave_stages = arena_array(arena, int64_t, waves);
	columns->wave_numbers = arena_array(arena, int64_t, waves);
}

static void add_stage(struct columns *columns, const struct plan_stage *stage, struct arena *arena)
{
	size_t n = columns->stage_count;
	columns->names[n] = stage->name;
	columns->kinds[n] = str_of(plan_stage_kind_names[stage->kind]);
	columns->environments[n] = str_or_empty(stage->environment);
	add_delivery(columns, n, stage->delivery, arena);
	for (size_t j = 0; j < stage->job_count; j++)
		add_job(columns, n, &stage->jobs[j], arena);
	columns->stage_count++;
}

static void fill_columns(struct columns *columns, const struct plan *plan, struct arena *arena)
{
	size_t jobs = 0, waves = 0;
	for (size_t i = 0; i < plan->stage_count; i++) {
		jobs += plan->stages[i].job_count;
		waves += wave_count_of(&plan->stages[i]);
	}
	columns_init(columns, plan->stage_count, jobs, waves, arena);
	for (size_t i = 0; i < plan->stage_count; i++)
		add_stage(columns, &plan->stages[i], arena);
}

static struct str store_plan(struct db_batch *batch, const struct plan *plan, struct arena *arena)
{
	struct plan_text text = plan_text(plan, arena);
	db_add(batch, QUERY_PLAN_INTERN, DB_TEXT(text.hash), DB_TEXT(text.json));
	return text.hash;
}

size_t run_store_create(struct db_batch *batch, size_t first_statement, const struct run_new *run, struct arena *arena)
{
	static const struct pair_list no_inputs;
	struct columns columns = {0};
	struct str hash = {0}, group = {0}, reason = run->reason;
	size_t statement = first_statement;
	bool is_refused = run->plan && run->plan->refusals.count;
	if (is_refused)
		reason = run->plan->refusals.items[0];
	if (run->plan) {
		hash = store_plan(batch, run->plan, arena);
		statement++;
	}
	if (run->plan && !is_refused) {
		fill_columns(&columns, run->plan, arena);
		group = run->plan->concurrency.group;
		db_add(batch, QUERY_LABEL_SETS_INTERN, DB_TEXTS(columns.labels, columns.job_count));
		statement++;
	}
	struct str state = run->plan && !is_refused ? STR("pending") : STR("failed");
	struct str inputs = json_of_pairs(run->inputs ? run->inputs : &no_inputs, arena);
	struct str errors = run->errors ? json_text(run->errors, arena) : STR("[]");
	db_add(batch, QUERY_RUN_CREATE, DB_I64(run->repository), DB_TEXT(run->pipeline), DB_TEXT(state),
		DB_ID_OR_NULL(run->trigger), DB_ID_OR_NULL(run->rerun_of), DB_TEXT_OR_NULL(hash), DB_TEXT(run->event),
		DB_TEXT(run->ref), DB_TEXT(run->branch), DB_TEXT(run->tag), DB_TEXT(run->commit), DB_TEXT(run->before),
		DB_TEXT(run->title), DB_TEXT(run->author), DB_TEXTS(run->authors.items, run->authors.count),
		DB_TEXT(run->actor), DB_ID_OR_NULL(run->account), DB_TEXT(inputs), DB_TEXT(errors), DB_TEXT(reason),
		DB_TEXT(group), DB_BOOL(run->plan && run->plan->concurrency.cancel),
		DB_TEXTS(columns.names, columns.stage_count), DB_TEXTS(columns.kinds, columns.stage_count),
		DB_TEXTS(columns.environments, columns.stage_count), DB_TEXTS(columns.keys, columns.job_count),
		DB_I64S(columns.stages, columns.job_count), DB_TEXTS(columns.labels, columns.job_count),
		DB_TEXTS(columns.full, columns.job_count), DB_TEXTS(columns.allow, columns.job_count),
		DB_ID_OR_NULL(run->pull_request), DB_TEXT(str_or_empty(run->head_commit)),
		DB_TEXT(str_or_empty(run->base_commit)), DB_BOOL(run->is_fork),
		DB_I64S(columns.keep_ms, columns.job_count), DB_TEXTS(columns.services, columns.stage_count),
		DB_TEXTS(columns.alarms, columns.stage_count), DB_I64S(columns.waves, columns.job_count),
		DB_TEXTS(columns.commits, columns.job_count), DB_I64S(columns.wave_stages, columns.wave_count),
		DB_I64S(columns.wave_numbers, columns.wave_count),
		DB_TEXT(run->is_rollback ? STR("rollback") : STR("normal")), DB_I64(run->configuration));
	return statement;
}

static const struct field created_fields[] = {
	FIELD(struct run_created, id, FIELD_I64, 0),
	FIELD(struct run_created, number, FIELD_I64, 0),
	FIELD(struct run_created, jobs, FIELD_I64, 0),
	FIELD(struct run_created, lane, FIELD_I64, 0),
	FIELD_END,
};

bool run_store_read_created(const struct db_reply *reply, size_t statement, struct run_created *ret, struct err *err)
{
	auto_arena arena = {0};
	if (db_row_count(reply, statement) == 0)
		return err_set(err, ERR_NOT_FOUND, "the repository is gone");
	return db_read_row(reply, statement, 0, created_fields, ret, &arena, err);
}

/* --- again --- */

static void replace_jobs(struct db_batch *batch, const struct run_replan *replan, struct arena *arena)
{
	const struct plan_stage *plan = &replan->plan->stages[replan->index];
	struct columns columns = {0};
	columns_init(&columns, 1, plan->job_count, wave_count_of(plan), arena);
	add_stage(&columns, plan, arena);
	db_add(batch, QUERY_LABEL_SETS_INTERN, DB_TEXTS(columns.labels, columns.job_count));
	db_add(batch, QUERY_STAGE_REPLAN, DB_I64(replan->stage), DB_TEXT(columns.services[0]),
		DB_TEXT(columns.alarms[0]), DB_TEXT(str_or_empty(replan->replanned)),
		DB_I64((int64_t)columns.wave_count));
	db_add(batch, QUERY_STAGE_JOBS_REPLAN, DB_I64(replan->run), DB_I64(replan->stage),
		DB_TEXTS(columns.keys, columns.job_count), DB_TEXTS(columns.labels, columns.job_count),
		DB_TEXTS(columns.full, columns.job_count), DB_TEXTS(columns.allow, columns.job_count),
		DB_I64S(columns.keep_ms, columns.job_count), DB_I64S(columns.waves, columns.job_count),
		DB_TEXTS(columns.commits, columns.job_count));
	db_add(batch, QUERY_STAGE_WAVES_DROP, DB_I64(replan->stage), DB_I64((int64_t)columns.wave_count));
}

void run_store_replan(struct db_batch *batch, const struct run_replan *replan, struct arena *arena)
{
	struct str hash = replan->plan ? store_plan(batch, replan->plan, arena) : STR("");
	db_add(batch, QUERY_RUN_REPLAN, DB_I64(replan->run), DB_I64(replan->version), DB_I64(replan->configuration),
		DB_TEXT(hash));
	if (replan->plan)
		replace_jobs(batch, replan, arena);
	if (replan->refused.n)
		db_add(batch, QUERY_STAGE_REFUSE, DB_I64(replan->stage), DB_TEXT(replan->refused));
}

/* --- lanes --- */

static const struct field lane_fields[] = {
	FIELD(struct lane, id, FIELD_I64, 0),
	FIELD(struct lane, version, FIELD_I64, 0),
	FIELD(struct lane, epoch, FIELD_I64, 0),
	FIELD(struct lane, is_newest, FIELD_BOOL, 0),
	FIELD(struct lane, is_reserved, FIELD_BOOL, 0),
	FIELD_END,
};

static const struct field lane_entry_fields[] = {
	FIELD(struct lane_entry, id, FIELD_I64, 0),
	FIELD(struct lane_entry, run, FIELD_I64, 0),
	FIELD(struct lane_entry, priority, FIELD_I32, 0),
	FIELD(struct lane_entry, cancels, FIELD_BOOL, 0),
	FIELD_ENUM(struct lane_entry, state, lane_request_state_names, 0),
	FIELD(struct lane_entry, epoch, FIELD_I64, 0),
	FIELD_END,
};

static const struct field lane_relation_fields[] = {
	FIELD(struct lane_relation, newer, FIELD_I64, 0),
	FIELD(struct lane_relation, older, FIELD_I64, 0),
	FIELD(struct lane_relation, is_known, FIELD_BOOL, 0),
	FIELD_END,
};

void lane_store_load(struct db_batch *batch, int64_t lane)
{
	db_add(batch, QUERY_LANE_LOAD, DB_I64(lane));
	db_add(batch, QUERY_LANE_ENTRIES, DB_I64(lane));
	db_add(batch, QUERY_LANE_RELATIONS, DB_I64(lane));
}

bool lane_store_read(const struct db_reply *reply, struct lane *ret, struct arena *arena, struct err *err)
{
	struct lane lane = {0};
	void *entries, *relations;
	if (db_row_count(reply, 0) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such lane");
	if (!db_read_row(reply, 0, 0, lane_fields, &lane, arena, err) ||
		!db_read_rows(reply, 1, lane_entry_fields, sizeof *lane.entries, &entries, &lane.count, arena, err) ||
		!db_read_rows(reply, 2, lane_relation_fields, sizeof *lane.relations, &relations, &lane.relation_count,
			arena, err))
		return false;
	lane.entries = entries;
	lane.relations = relations;
	for (size_t i = 0; i < lane.count; i++)
		lane.entries[i].was = lane.entries[i].state;
	*ret = lane;
	return true;
}

void lane_store_save(struct db_batch *batch, const struct lane *lane, struct arena *arena)
{
	size_t n = 0;
	int64_t *ids = arena_array(arena, int64_t, lane->count), *epochs = arena_array(arena, int64_t, lane->count),
		*newer = arena_array(arena, int64_t, lane->count);
	struct str *was = arena_array(arena, struct str, lane->count),
		   *states = arena_array(arena, struct str, lane->count);
	for (size_t i = 0; i < lane->count; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		if (entry->state == entry->was)
			continue;
		ids[n] = entry->id;
		was[n] = str_of(lane_request_state_names[entry->was]);
		states[n] = str_of(lane_request_state_names[entry->state]);
		epochs[n] = entry->epoch;
		newer[n++] = entry->superseded_by;
	}
	db_add(batch, QUERY_LANE_SAVE, DB_I64(lane->id), DB_I64(lane->version), DB_I64(lane->epoch));
	db_add(batch, QUERY_LANE_ENTRIES_SAVE, DB_I64S(ids, n), DB_TEXTS(was, n), DB_TEXTS(states, n),
		DB_I64S(epochs, n), DB_I64S(newer, n));
}
