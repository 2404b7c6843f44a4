#include "common/io/work.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "worker/files.h"
#include "worker/job_state.h"
#include "worker/output_file.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { IMPORT_FILES_MAX = 2000000, COLLECT_FILES_MAX = 20000 };
static const uint64_t import_bytes_max = UINT64_C(64) << 30;
static const uint64_t collect_bytes_max = UINT64_C(8) << 30;

/* Sparse files and many names of one file take no space in the job, but all of it here. */
static uint64_t collect_limit(const struct job *job)
{
	uint64_t disk = job_disk_bytes(job->options.spec);
	return disk < collect_bytes_max ? disk : collect_bytes_max;
}

static struct sandbox *sandbox_of(struct job *job)
{
	return boxes_sandbox(job->options.boxes);
}

/* What cannot even be asked for ends like what was asked for and failed. */
static void fail_operation(struct job *job, const struct err *err)
{
	job_fail(job, END_SANDBOX_UNAVAILABLE, "%s", err->text);
	job_advance(job);
}

void job_import(struct job *job, int fd, enum sandbox_area area)
{
	struct err err = {0};
	struct sandbox_files_options options = {
		.area = area, .stream = fd, .max_files = IMPORT_FILES_MAX, .max_bytes = import_bytes_max};
	if (sandbox_import(sandbox_of(job), box_job(job->box), &options, &job->operation, &err))
		return;
	struct sandbox_event event = {.kind = SANDBOX_FAILED, .err = err};
	if (job->phase == JOB_STEPS)
		job_steps_event(job, &event);
	else if (job->phase == JOB_REPORTS)
		job_reports_event(job, &event);
	else
		fail_operation(job, &err);
}

static bool collect(
	struct job *job, enum sandbox_area area, const char *const *patterns, uint64_t max_bytes, struct err *err)
{
	job->files_fd = files_temporary(job->options.scratch_dir, err);
	if (job->files_fd < 0)
		return false;
	struct sandbox_files_options options = {
		.area = area,
		.stream = job->files_fd,
		.patterns = patterns,
		.max_files = COLLECT_FILES_MAX,
		.max_bytes = max_bytes,
	};
	return sandbox_collect(sandbox_of(job), box_job(job->box), &options, &job->operation, err);
}

static void close_files(struct job *job)
{
	if (job->files_fd >= 0)
		close(job->files_fd);
	job->files_fd = -1;
}

/* ---- outputs ---- */

void job_collect_outputs(struct job *job)
{
	static const char *const patterns[] = {".ci-output", NULL};
	struct err err = {0};
	if (collect(job, SANDBOX_AREA_HOME, patterns, OUTPUT_FILE_MAX, &err))
		return;
	close_files(job);
	fail_operation(job, &err);
}

static bool begin_output(void *context, const struct stream_entry *entry, struct err *err)
{
	(void)context;
	if (entry->kind == STREAM_NOTE)
		return err_set(err, ERR_INVALID, "$CI_OUTPUT: %.*s", STR_ARG(entry->text));
	return true;
}

static bool add_output(void *context, struct str piece, struct err *err)
{
	return buf_add_str(context, piece) || err_set(err, ERR_TOO_LARGE, "$CI_OUTPUT is too large");
}

static bool end_output(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return true;
}

static bool read_outputs(struct job *job, struct err *err)
{
	static const struct stream_handler handler = {begin_output, add_output, end_output};
	auto_buf text = BUF_INIT(OUTPUT_FILE_MAX);
	struct stream_reader reader;
	char piece[16 << 10];
	int64_t at = 0;
	ssize_t n;
	bool ok = true;
	stream_reader_init(&reader, &handler, &text, 16, OUTPUT_FILE_MAX);
	while (ok && (n = pread(job->files_fd, piece, sizeof piece, at)) > 0) {
		ok = stream_reader_feed(&reader, (struct str){piece, (size_t)n}, err);
		at += n;
	}
	ok = ok && stream_reader_finish(&reader, err);
	stream_reader_done(&reader);
	return ok && output_file_read(buf_str(&text), &job->options.spec->outputs, &job->result.outputs,
			     job->options.arena, err);
}

static bool has_worked(const struct sandbox_event *event, struct err *err)
{
	if (event->kind == SANDBOX_FAILED)
		return err_set(err, event->err.kind, "%s", event->err.text);
	if (event->end.reason == SANDBOX_END_EXIT && event->end.exit_code == 0)
		return true;
	/* They are written into the worker's own folder: what has no room there is not the job. */
	bool has_room = event->end.reason != SANDBOX_END_DISK_FULL || !strstr(event->end.text, strerror(ENOSPC));
	err_set(err, ERR_SYSTEM, "the files could not be collected: %s", event->end.text);
	err->os = has_room ? 0 : ENOSPC;
	return false;
}

void job_take_outputs(struct job *job, const struct sandbox_event *event)
{
	struct err err = {0};
	FAILPOINT("outputs.collected");
	if (!has_worked(event, &err) || !read_outputs(job, &err))
		job_fail_here(job, END_ARTIFACT_FAILED, &err);
	close_files(job);
	job_advance(job);
}

/* ---- artifacts and reports ---- */

void job_collect_files(struct job *job)
{
	struct err err = {0};
	const char *const *patterns = artifacts_patterns(job->options.spec, job->options.arena);
	if (patterns && collect(job, SANDBOX_AREA_WORKSPACE, patterns, collect_limit(job), &err))
		return;
	close_files(job);
	if (patterns)
		fail_operation(job, &err);
	else
		job_advance(job);
}

static void read_files(void *arg)
{
	struct job *job = arg;
	artifacts_read(job->files_fd, job->options.spec, job->must_have_files, &job->files, &job->files_arena,
		&job->files_err);
}

static void on_files_read(void *arg, bool is_cancelled)
{
	struct job *job = arg;
	FAILPOINT("artifacts.collected");
	job->is_reading = false;
	if (is_cancelled)
		err_set(&job->files_err, ERR_BUSY, "the worker stops");
	if (job->files_err.kind != ERR_NONE)
		job_fail(job, END_ARTIFACT_FAILED, "%s", job->files_err.text);
	if (job->files_err.kind != ERR_NONE || job->is_killed || !job->files.count)
		close_files(job);
	if (job->files_err.kind != ERR_NONE)
		job->files.count = 0;
	/* Killed meanwhile: its end waited for this. */
	job_advance(job);
}

void job_read_files(struct job *job, const struct sandbox_event *event)
{
	struct err err = {0};
	if (!has_worked(event, &err)) {
		job_fail_here(job, END_ARTIFACT_FAILED, &err);
		close_files(job);
		job_advance(job);
		return;
	}
	job->is_reading = true;
	job->must_have_files = !job->has_failed;
	work_submit(job->options.loop, read_files, on_files_read, job);
}

void job_keep_files(struct job *job)
{
	struct arena *arena = job->options.arena;
	job->result.artifacts = arena_array(arena, struct artifact_report, job->files.count);
	job->result.artifact_count = job->files.count;
	for (size_t i = 0; i < job->files.count; i++) {
		struct artifact_report *report = &job->result.artifacts[i];
		*report = job->files.items[i].report;
		report->path = arena_str(arena, report->path);
		report->sha256 = arena_str(arena, report->sha256);
	}
	job->is_getting = true;
	job->options.port->keep(job->options.port_arg, job, job->files_fd, &job->files);
}
