#include "server/ingest/schedules.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/work.h"
#include "common/lang/due.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/pipeline_files.h"

#include <stdlib.h>

enum { READS_MAX = 8, FIRES_MAX = 32 };

/* False: it never comes due again, and `err` says why. */
static bool next_due(struct str line, struct str zone_name, int64_t after_us, int64_t *ret_us, struct err *err)
{
	auto_arena arena = {0};
	struct lang_cron cron;
	struct zone zone;
	int64_t due;
	if (!lang_cron_parse(line, &cron, err) || !zone_load(zone_name, &zone, &arena, err))
		return false;
	if (!lang_cron_next(&cron, &zone, after_us / US_PER_SECOND, &due))
		return err_set(err, ERR_INVALID, "it does not come due within ten years");
	*ret_us = due * US_PER_SECOND;
	return true;
}

/* --- reading them --- */

struct read_flow {
	struct flow flow;
	struct ingest *ingest;
	int64_t repository, now_us;
	struct str commit;
	char *mirror_path;
	/* the lines found, column by column */
	struct str *pipelines, *crons, *zones, *problems;
	int64_t *dues;
	size_t count;
	struct str_list broken; /* pipelines whose file cannot be read */
	struct err err;
};

static struct read_flow *read_of(struct flow *flow)
{
	return (struct read_flow *)flow;
}

static void add_line(struct read_flow *self, struct str pipeline, const struct pipeline_schedule *schedule)
{
	struct arena *arena = &self->flow.arena;
	struct err err = {0};
	struct str zone = LANG_IS_SET(schedule->time_zone) ? schedule->time_zone.text : STR("UTC");
	int64_t due = 0;
	self->pipelines = arena_grow(arena, self->pipelines, sizeof *self->pipelines, self->count);
	self->crons = arena_grow(arena, self->crons, sizeof *self->crons, self->count);
	self->zones = arena_grow(arena, self->zones, sizeof *self->zones, self->count);
	self->problems = arena_grow(arena, self->problems, sizeof *self->problems, self->count);
	self->dues = arena_grow(arena, self->dues, sizeof *self->dues, self->count);
	next_due(schedule->cron.text, zone, self->now_us, &due, &err);
	self->pipelines[self->count] = pipeline;
	self->crons[self->count] = schedule->cron.text;
	self->zones[self->count] = zone;
	self->problems[self->count] = arena_str(arena, str_of(err.text));
	self->dues[self->count++] = due;
}

static void read_file(struct read_flow *self, const struct pipeline_files *files, const struct git_file *file)
{
	struct arena *arena = &self->flow.arena;
	struct lang_errors errors = {.arena = arena};
	const struct pipeline *pipeline;
	struct str name = lang_name_of_file(file->path.p);
	if (!pipeline_files_load(files, file, arena, &pipeline, &errors)) {
		self->broken.items =
			arena_grow(arena, self->broken.items, sizeof *self->broken.items, self->broken.count);
		self->broken.items[self->broken.count++] = name;
		return;
	}
	for (size_t i = 0; i < pipeline->on.schedule.count; i++)
		add_line(self, name, &pipeline->on.schedule.items[i]);
}

static void read_on_pool(void *arg)
{
	struct read_flow *self = arg;
	struct git_mirror *mirror;
	struct pipeline_files files = {0};
	if (!git_mirror_open(self->mirror_path, &mirror, &self->err))
		return;
	if (pipeline_files_read(mirror, self->commit, &files, &self->flow.arena, &self->err))
		for (size_t i = 0; i < files.count; i++)
			read_file(self, &files, &files.items[i]);
	git_mirror_close(mirror);
}

static void was_read(void *arg, bool is_cancelled)
{
	struct read_flow *self = arg;
	if (is_cancelled)
		err_set(&self->err, ERR_BUSY, "the server is stopping");
	if (self->err.kind != ERR_NONE)
		flow_fail(&self->flow, &self->err);
	else
		flow_resume(&self->flow);
}

static enum flow_next read_files(struct flow *flow)
{
	struct read_flow *self = read_of(flow);
	struct server *server = self->ingest->server;
	if (self->commit.n == 0)
		return FLOW_CONTINUE; /* no branch, no schedules */
	self->mirror_path = mirrors_path(server->mirrors, self->repository);
	work_submit(server->loop, read_on_pool, was_read, self);
	return FLOW_WAIT;
}

static enum flow_next save(struct flow *flow)
{
	struct read_flow *self = read_of(flow);
	struct str none = {0}; /* an empty list, not null */
	struct db_batch *batch = db_batch_new(self->ingest->server->db);
	db_add(batch, QUERY_SCHEDULES_SAVE, DB_I64(self->repository), DB_TEXT(self->commit),
		DB_TEXTS(self->count ? self->pipelines : &none, self->count),
		DB_TEXTS(self->count ? self->crons : &none, self->count),
		DB_TEXTS(self->count ? self->zones : &none, self->count), DB_TIMES(self->dues, self->count),
		DB_TEXTS(self->count ? self->problems : &none, self->count),
		DB_TEXTS(self->broken.count ? self->broken.items : &none, self->broken.count));
	return db_await(flow, batch);
}

static flow_step *const read_steps[] = {read_files, save, NULL};

static void read_ended(struct flow *flow)
{
	struct read_flow *self = read_of(flow);
	struct ingest *ingest = self->ingest;
	if (flow->err.kind != ERR_NONE)
		log_warn("schedules.read", F("repository", self->repository), F("err", &flow->err));
	else {
		FAILPOINT("schedule.read");
		log_info("schedules.read", F("repository", self->repository), F("schedules", (int64_t)self->count));
	}
	free(self->mirror_path);
	flow_free(flow);
	ingest_ended(ingest);
}

/* --- firing --- */

struct due_schedule {
	int64_t id, due_at, now;
	struct str cron, time_zone;
};

static const struct field due_fields[] = {
	FIELD(struct due_schedule, id, FIELD_I64, 0),
	FIELD(struct due_schedule, cron, FIELD_STR, 0),
	FIELD(struct due_schedule, time_zone, FIELD_STR, 0),
	FIELD(struct due_schedule, due_at, FIELD_TIME, 0),
	FIELD(struct due_schedule, now, FIELD_TIME, 0),
	FIELD_END,
};

static void fired(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	const struct err *err = db_error(reply);
	/* A conflict: another coordinator fired it. */
	if (err && err->kind != ERR_CONFLICT)
		log_warn("schedules.fire", F("err", err));
	else if (!err)
		FAILPOINT("schedule.fired");
	db_reply_free(reply);
	ingest_tick(ingest);
	ingest_ended(ingest);
}

/* What is due now, and when again. */
static int64_t latest_of(const struct due_schedule *schedule)
{
	auto_arena arena = {0};
	struct lang_cron cron;
	struct zone zone;
	if (!lang_cron_parse(schedule->cron, &cron, NULL) || !zone_load(schedule->time_zone, &zone, &arena, NULL))
		return schedule->due_at;
	return lang_cron_latest(&cron, &zone, schedule->due_at / US_PER_SECOND, schedule->now / US_PER_SECOND) *
	       US_PER_SECOND;
}

static void fire(struct ingest *ingest, const struct due_schedule *schedule)
{
	struct err err = {0};
	int64_t latest = latest_of(schedule), next = 0;
	next_due(schedule->cron, schedule->time_zone, latest, &next, &err);
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_SCHEDULE_FIRE, DB_I64(schedule->id), DB_TIME(schedule->due_at), DB_TIME(latest),
		DB_TIME(next), DB_TEXT(str_of(err.text)));
	log_info("schedules.due", F("schedule", schedule->id), F("late_ms", (schedule->now - latest) / US_PER_MS));
	ingest->active++;
	db_submit(batch, fired, ingest);
}

/* --- looking --- */

enum { STATEMENT_STALE, STATEMENT_DUE };
enum { STALE_ID, STALE_COMMIT, STALE_NOW };

static void start_read(struct ingest *ingest, const struct db_reply *reply, size_t row)
{
	struct read_flow *self = flow_new(sizeof *self, read_steps, read_ended);
	self->ingest = ingest;
	self->repository = db_i64(reply, STATEMENT_STALE, row, STALE_ID);
	self->commit = arena_str(&self->flow.arena, db_text(reply, STATEMENT_STALE, row, STALE_COMMIT));
	self->now_us = db_time(reply, STATEMENT_STALE, row, STALE_NOW);
	ingest->active++;
	flow_start(&self->flow);
}

static void start_found(struct ingest *ingest, const struct db_reply *reply)
{
	auto_arena arena = {0};
	struct err err = {0};
	void *rows;
	size_t count;
	for (size_t i = 0; i < db_row_count(reply, STATEMENT_STALE); i++)
		start_read(ingest, reply, i);
	if (!db_read_rows(reply, STATEMENT_DUE, due_fields, sizeof(struct due_schedule), &rows, &count, &arena, &err)) {
		log_error("schedules.due", F("err", &err));
		return;
	}
	const struct due_schedule *schedules = rows;
	for (size_t i = 0; i < count; i++) {
		FAILPOINT("schedule.claimed");
		fire(ingest, &schedules[i]);
	}
}

static void looked(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	ingest->is_looking_at_schedules = false;
	if (!db_error(reply) && !ingest->closed)
		start_found(ingest, reply);
	db_reply_free(reply);
	ingest_ended(ingest);
}

void schedules_tick(struct ingest *ingest)
{
	if (ingest->closed || ingest->is_looking_at_schedules)
		return;
	ingest->is_looking_at_schedules = true;
	ingest->active++;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_SCHEDULES_STALE, DB_I64(READS_MAX));
	db_add(batch, QUERY_SCHEDULES_CLAIM, DB_I64(FIRES_MAX));
	db_submit(batch, looked, ingest);
}
