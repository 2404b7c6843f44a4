#include "worker/local.h"

#include "common/io/work.h"
#include "common/mem.h"
#include "worker/artifacts.h"
#include "worker/boxes.h"
#include "worker/checkout.h"
#include "worker/directory.h"
#include "worker/files.h"
#include "worker/job.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct local {
	struct local_options options;
	struct boxes *boxes;
	struct job *job;
	struct arena arena;
	int source_fd;
	struct err source_err;
	struct attempt_result result;
};

/* ---- source ---- */

static bool write_commit(struct local *local, struct err *err)
{
	auto_arena arena = {0};
	const char *directory = local->options.scratch_dir;
	const char *scratch = arena_printf(&arena, "%s/local-%d.git", directory, getpid()).p;
	const char *file = arena_printf(&arena, "%s/local-%d.stream", directory, getpid()).p;
	const struct job_spec *spec = local->options.spec;
	struct checkout wanted = {.commit = spec->commit,
		.tag = pair_get(&spec->env, STR("CI_COMMIT_TAG")),
		.fetch_depth = spec->fetch_depth,
		.disk_bytes = job_disk_bytes(spec)};
	bool ok = checkout_write(local->options.source, &wanted, scratch, file, err);
	if (ok && (local->source_fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
		ok = err_errno(err, "open %s", file);
	unlink(file);
	return ok;
}

static void make_source(void *arg)
{
	struct local *local = arg;
	struct err *err = &local->source_err;
	if (local->options.spec->commit.n) {
		write_commit(local, err);
		return;
	}
	local->source_fd = files_temporary(local->options.scratch_dir, err);
	if (local->source_fd >= 0 && directory_write(local->options.source, local->source_fd, err) &&
		lseek(local->source_fd, 0, SEEK_SET) < 0)
		err_errno(err, "rewind the source");
}

static void on_source(void *arg, bool is_cancelled)
{
	struct local *local = arg;
	if (is_cancelled)
		err_set(&local->source_err, ERR_BUSY, "cancelled");
	bool ok = local->source_err.kind == ERR_NONE;
	bool is_too_large = local->source_err.kind == ERR_TOO_LARGE;
	job_got(local->job, take_fd(&local->source_fd), is_too_large ? END_DISK_FULL : END_SOURCE_UNAVAILABLE,
		ok ? NULL : &local->source_err);
}

static void get_source(void *arg, struct job *job)
{
	struct local *local = arg;
	if (local->options.source)
		work_submit(local->options.loop, make_source, on_source, local);
	else
		job_got(job, -1, END_NONE, NULL);
}

static void get_inputs(void *arg, struct job *job)
{
	(void)arg;
	job_got(job, -1, END_NONE, NULL);
}

static void get_change(void *arg, struct job *job)
{
	(void)arg;
	job_got(job, -1, END_NONE, NULL);
}

/* ---- artifacts ---- */

static bool copy_out(const struct local *local, int from, const struct artifact *artifact, struct err *err)
{
	auto_arena arena = {0};
	struct str path = arena_printf(&arena, "%s/%.*s", local->options.artifacts, STR_ARG(artifact->report.path));
	struct str parent = path;
	while (parent.n && parent.p[parent.n - 1] != '/')
		parent.n--;
	if (!files_make_directory(arena_str(&arena, str_head(parent, parent.n - 1)).p, err))
		return false;
	auto_fd int to =
		open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t)artifact->report.mode);
	if (to < 0)
		return err_errno(err, "make %s", path.p);
	char piece[64 << 10];
	for (int64_t done = 0; done < artifact->report.size_bytes;) {
		int64_t left = artifact->report.size_bytes - done;
		ssize_t n = pread(from, piece, left < (int64_t)sizeof piece ? (size_t)left : sizeof piece,
			artifact->offset + done);
		if (n <= 0 || write(to, piece, (size_t)n) != n)
			return err_errno(err, "write %s", path.p);
		done += n;
	}
	return true;
}

struct keeping {
	struct local *local;
	struct err err;
};

static void on_kept(void *arg, bool is_cancelled)
{
	struct keeping *keeping = arg;
	(void)is_cancelled;
	job_kept(keeping->local->job, keeping->err.kind == ERR_NONE ? NULL : &keeping->err);
	free(keeping);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void keep(void *arg, struct job *job, int fd, const struct artifact_list *list)
{
	struct local *local = arg;
	struct keeping *keeping = mem_alloc(sizeof *keeping);
	(void)job;
	keeping->local = local;
	for (size_t i = 0; local->options.artifacts && i < list->count; i++)
		if (!copy_out(local, fd, &list->items[i], &keeping->err))
			break;
	/* The answer must come later, from the loop. */
	work_submit(local->options.loop, do_nothing, on_kept, keeping);
}

/* ---- what is told ---- */

static void on_not_applied(void *arg, bool is_cancelled)
{
	struct local *local = arg;
	struct err err = {0};
	(void)is_cancelled;
	err_set(&err, ERR_UNSUPPORTED, "a local run changes no configuration repository; only the server does");
	job_changed(local->job, NULL, &err);
}

static void apply_gitops(void *arg, struct job *job, size_t step)
{
	struct local *local = arg;
	(void)job;
	(void)step;
	work_submit(local->options.loop, do_nothing, on_not_applied, local);
}

static void cancel_transfer(void *arg, struct job *job)
{
	(void)arg; /* nothing here takes long */
	(void)job;
}

static void tell_started(void *arg, struct job *job, int64_t at_us)
{
	(void)arg;
	(void)job;
	(void)at_us;
}

static void tell_step(void *arg, struct job *job, const struct step_report *report)
{
	struct local *local = arg;
	(void)job;
	local->options.step(local->options.arg, report);
}

static void tell_log(void *arg, struct job *job, struct str bytes)
{
	struct local *local = arg;
	(void)job;
	local->options.log(local->options.arg, bytes);
}

static void tell_end(void *arg, struct job *job, const struct attempt_result *result)
{
	struct local *local = arg;
	(void)job;
	local->result = *result; /* its texts live in local->arena */
}

static void on_boxes_closed(void *arg)
{
	struct local *local = arg;
	local->options.ended(local->options.arg, &local->result);
	arena_done(&local->arena);
	free(local);
}

static void on_closed(void *arg, struct job *job)
{
	struct local *local = arg;
	(void)job;
	boxes_close(local->boxes, on_boxes_closed, local);
}

static void on_lost(void *arg, const struct err *err)
{
	(void)arg; /* the job was told */
	(void)err;
}

static const struct job_port port = {
	.get_source = get_source,
	.get_inputs = get_inputs,
	.get_change = get_change,
	.keep = keep,
	.gitops = apply_gitops,
	.cancel = cancel_transfer,
	.started = tell_started,
	.step = tell_step,
	.log = tell_log,
	.ended = tell_end,
	.closed = on_closed,
};

struct local *local_start(const struct local_options *options)
{
	struct local *local = mem_alloc(sizeof *local);
	local->options = *options;
	local->source_fd = -1;
	checkout_init();
	local->boxes = boxes_open(options->loop, options->sandbox, on_lost, local);
	struct job_options job = {
		.loop = options->loop,
		.boxes = local->boxes,
		.spec = options->spec,
		.arena = &local->arena,
		.port = &port,
		.port_arg = local,
		.scratch_dir = options->scratch_dir,
	};
	local->job = job_start(&job);
	return local;
}

void local_cancel(struct local *local)
{
	job_cancel(local->job, (struct str){0});
}
