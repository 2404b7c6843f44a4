/* The part of a pass that removes blobs, and files that nobody knows. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "server/retention/pass.h"
#include "server/settings.h"

#include <stdio.h>
#include <string.h>

static int64_t keep_us(const struct pass *pass)
{
	return pass->retention->server->settings->keep_unused * US_PER_MS;
}

static const struct blob_store *store_of(const struct pass *pass)
{
	return pass->retention->server->blobs;
}

static void add_name(struct str_list *list, struct arena *arena, struct str name)
{
	list->items = arena_grow(arena, list->items, sizeof *list->items, list->count);
	list->items[list->count++] = arena_str(arena, name);
}

static struct db_param names_of(const struct str_list *list)
{
	static const struct str none; /* an empty list, where NULL would be null */
	return (struct db_param){
		.kind = DB_PARAM_TEXTS, .items = list->count ? list->items : &none, .count = list->count};
}

/* --- blobs that nothing names --- */

enum { DOOM_BLOBS, DOOM_SEEN, DOOM_TOUCHED_AT, DOOM_LAST };

struct doomed_row {
	struct str_list blobs;
	int64_t seen, touched_at;
	struct str last;
};

static const struct field doomed_fields[] = {
	FIELD(struct doomed_row, blobs, FIELD_STRS, 0),
	FIELD(struct doomed_row, seen, FIELD_I64, 0),
	FIELD(struct doomed_row, touched_at, FIELD_TIME, 0),
	FIELD(struct doomed_row, last, FIELD_STR, 0),
	FIELD_END,
};

enum flow_next pass_doom(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	if (!pass_goes_on(pass))
		return FLOW_DONE;
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_DOOM, DB_I64(keep_us(pass) / US_PER_MS), DB_I64(PASS_BLOBS),
		DB_TIME(pass->after_us), DB_TEXT(str_of(pass->after_blob)));
	return db_await(flow, batch);
}

static void unlink_doomed(void *arg)
{
	struct pass *pass = arg;
	int64_t written_before_us = clock_wall_us() - keep_us(pass);
	for (size_t i = 0; i < pass->doomed.count && pass->err.kind == ERR_NONE; i++) {
		struct str name = pass->doomed.items[i];
		bool is_gone;
		if (blob_sweep_remove(store_of(pass), name, written_before_us, &is_gone, &pass->err))
			add_name(is_gone ? &pass->gone : &pass->spared, &pass->batch, name);
	}
}

enum flow_next pass_unlink(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	struct doomed_row row = {0};
	arena_done(&pass->batch);
	pass->doomed = pass->gone = pass->spared = (struct str_list){0};
	if (!db_read_row(db_reply_of(flow), 0, 0, doomed_fields, &row, &pass->batch, &flow->err))
		return FLOW_FAIL;
	pass->seen = (size_t)row.seen;
	pass->after_us = row.touched_at;
	snprintf(pass->after_blob, sizeof pass->after_blob, "%.*s", STR_ARG(row.last));
	for (size_t i = 0; i < row.blobs.count; i++)
		if (blob_name_is_valid(row.blobs.items[i]))
			add_name(&pass->doomed, &pass->batch, row.blobs.items[i]);
	if (pass->doomed.count)
		FAILPOINT("blob.doomed");
	return pass_on_pool(pass, unlink_doomed);
}

enum flow_next pass_settle(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	if (pass->gone.count)
		FAILPOINT("blob.unlinked");
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_BLOBS, names_of(&pass->gone), names_of(&pass->spared));
	return db_await(flow, batch);
}

enum flow_next pass_settled(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	struct retention_stats *stats = &pass->retention->stats;
	stats->blobs += (uint64_t)db_i64(db_reply_of(flow), 0, 0, 0);
	stats->blob_bytes += (uint64_t)db_i64(db_reply_of(flow), 0, 0, 1);
	if (pass->seen == PASS_BLOBS)
		flow_jump(flow, pass_doom);
	return FLOW_CONTINUE;
}

/* --- files that no row names --- */

static void list_folder(void *arg)
{
	struct pass *pass = arg;
	blob_sweep_list(store_of(pass), pass->folder, &pass->files, &pass->batch, &pass->err);
}

enum flow_next pass_list(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	if (!pass_goes_on(pass))
		return FLOW_DONE;
	arena_done(&pass->batch);
	pass->files = (struct blob_files){0};
	return pass_on_pool(pass, list_folder);
}

enum flow_next pass_adopt(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	const struct blob_files *files = &pass->files;
	struct str_list names = {0};
	int64_t *sizes = arena_array(&pass->batch, int64_t, files->count),
		*written = arena_array(&pass->batch, int64_t, files->count);
	for (size_t i = 0; i < files->count; i++) {
		sizes[names.count] = files->items[i].size_bytes;
		written[names.count] = files->items[i].written_us;
		add_name(&names, &pass->batch, files->items[i].name);
	}
	if (++pass->folder < BLOB_FOLDERS)
		flow_jump(flow, pass_list);
	if (names.count == 0)
		return FLOW_CONTINUE;
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_ORPHANS, names_of(&names), DB_I64S(sizes, names.count),
		DB_TIMES(written, names.count));
	return db_await(flow, batch);
}

/* --- uploads that were cut --- */

static void list_uploads(void *arg)
{
	struct pass *pass = arg;
	blob_sweep_uploads(store_of(pass), &pass->files, &pass->batch, &pass->err);
}

enum flow_next pass_list_uploads(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	if (!pass_goes_on(pass))
		return FLOW_DONE;
	arena_done(&pass->batch);
	pass->files = (struct blob_files){0};
	return pass_on_pool(pass, list_uploads);
}

/* "JOB-ATTEMPT-SHA256"; what else is there was made by a coordinator for itself. */
static bool read_upload(struct str name, int64_t *ret_job, int64_t *ret_attempt)
{
	struct str job, attempt;
	return str_cut(&name, '-', &job) && str_cut(&name, '-', &attempt) && str_to_i64(job, ret_job) &&
	       str_to_i64(attempt, ret_attempt);
}

enum flow_next pass_ask_uploads(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	int64_t *jobs = arena_array(&pass->batch, int64_t, pass->files.count),
		*attempts = arena_array(&pass->batch, int64_t, pass->files.count);
	size_t count = 0;
	for (size_t i = 0; i < pass->files.count; i++)
		count += read_upload(pass->files.items[i].name, &jobs[count], &attempts[count]);
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_UPLOADS, DB_I64S(jobs, count), DB_I64S(attempts, count));
	return db_await(flow, batch);
}

static bool is_over(const struct db_reply *reply, int64_t job, int64_t attempt)
{
	for (size_t row = 0; row < db_row_count(reply, 0); row++)
		if (db_i64(reply, 0, row, 0) == job && db_i64(reply, 0, row, 1) == attempt)
			return true;
	return false;
}

static void unlink_uploads(void *arg)
{
	struct pass *pass = arg;
	for (size_t i = 0; i < pass->gone.count && pass->err.kind == ERR_NONE; i++)
		blob_sweep_remove_upload(store_of(pass), pass->gone.items[i], &pass->err);
}

enum flow_next pass_remove_uploads(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	int64_t written_before_us = clock_wall_us() - keep_us(pass);
	pass->gone = (struct str_list){0};
	for (size_t i = 0; i < pass->files.count; i++) {
		const struct blob_file *file = &pass->files.items[i];
		int64_t job, attempt;
		bool is_upload = read_upload(file->name, &job, &attempt);
		if (file->written_us < written_before_us && (!is_upload || is_over(db_reply_of(flow), job, attempt)))
			add_name(&pass->gone, &pass->batch, file->name);
	}
	pass->retention->stats.others += pass->gone.count;
	return pass_on_pool(pass, unlink_uploads);
}
