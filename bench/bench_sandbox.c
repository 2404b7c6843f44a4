// links: penstock_sandbox_client
/*
 * How fast sandboxes are: jobs of one `true` step, open to closed, in a few slots at once; and how long importing a
 * checkout of 1,000 files takes. Usage: bench_sandbox [JOBS [SLOTS]]. Prints a table.
 */

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/client.h"
#include "worker/sandbox/stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const program[] = {"/bin/true", NULL};
static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

static void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sandbox: %s\n", err->text);
	exit(1);
}

static uint64_t start_job(struct sandbox *sandbox, unsigned slot, int null)
{
	struct err err = {0};
	uint64_t job, step;
	struct sandbox_job_options options = {.slot = slot, .limits = {.memory_bytes = UINT64_C(512) << 20}};
	must(sandbox_open(sandbox, &options, &job, &err), &err);
	struct sandbox_step_options run = {.arguments = program, .environment = environment, .out = null, .err = null};
	must(sandbox_run(sandbox, job, &run, &step, &err), &err);
	return job;
}

/* Each job is closed when its step has ended, and its slot used again when it is closed. */
static void run_jobs(struct sandbox *sandbox, unsigned jobs, unsigned slots, int null)
{
	auto_free uint64_t *slot_jobs = mem_alloc((slots + 1) * sizeof *slot_jobs);
	unsigned started = 0, closed = 0, slot;
	for (; started < slots && started < jobs; started++)
		slot_jobs[started] = start_job(sandbox, started, null);
	while (closed < jobs) {
		struct sandbox_event event;
		struct err err = {0};
		must(sandbox_wait(sandbox, 30000, &event, &err), &err);
		switch (event.kind) {
		case SANDBOX_OPENED:
			break;
		case SANDBOX_ENDED:
			if (event.end.reason != SANDBOX_END_EXIT || event.end.exit_code != 0) {
				fprintf(stderr, "step ended: %s %d %s\n",
					sandbox_end_name((enum sandbox_end_reason)event.end.reason),
					event.end.exit_code, event.end.text);
				exit(1);
			}
			must(sandbox_close(sandbox, event.job, &err), &err);
			break;
		case SANDBOX_CLOSED:
			closed++;
			for (slot = 0; slot_jobs[slot] != event.job; slot++)
				;
			if (started < jobs) {
				slot_jobs[slot] = start_job(sandbox, slot, null);
				started++;
			}
			break;
		case SANDBOX_FAILED:
			must(false, &event.err);
		}
	}
}

static int make_checkout(unsigned files, size_t bytes)
{
	struct err err = {0};
	int fd = memfd_create("checkout", MFD_CLOEXEC);
	auto_free char *content = mem_alloc(bytes);
	struct stream_writer writer;
	stream_writer_init(&writer, fd);
	for (unsigned i = 0; i < files; i++) {
		char path[64];
		int n = snprintf(path, sizeof path, "src/module%u/file%u.c", i / 25, i);
		must(stream_write_file(&writer, (struct str){path, (size_t)n}, 0644, bytes, &err), &err);
		must(stream_write_data(&writer, (struct str){content, bytes}, &err), &err);
	}
	must(stream_write_end(&writer, &err), &err);
	stream_writer_done(&writer);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void wait_for(struct sandbox *sandbox, enum sandbox_event_kind kind)
{
	struct sandbox_event event;
	struct err err = {0};
	do {
		must(sandbox_wait(sandbox, 30000, &event, &err), &err);
		must(event.kind != SANDBOX_FAILED, &event.err);
		must(event.kind != SANDBOX_ENDED || event.end.exit_code == 0,
			&(struct err){.kind = ERR_SYSTEM, .text = "import failed"});
	} while (event.kind != kind);
}

static void import_checkout(struct sandbox *sandbox, unsigned files, int64_t *ret_import_us, int64_t *ret_close_us)
{
	struct err err = {0};
	uint64_t job, step;
	auto_fd int checkout = make_checkout(files, 4096);
	struct sandbox_job_options options = {.limits = {.memory_bytes = UINT64_C(512) << 20}};
	must(sandbox_open(sandbox, &options, &job, &err), &err);
	wait_for(sandbox, SANDBOX_OPENED);
	int64_t begin = clock_mono_us();
	struct sandbox_files_options import = {.stream = checkout, .max_files = 100000, .max_bytes = 1 << 30};
	must(sandbox_import(sandbox, job, &import, &step, &err), &err);
	wait_for(sandbox, SANDBOX_ENDED);
	*ret_import_us = clock_mono_us() - begin;
	begin = clock_mono_us();
	must(sandbox_close(sandbox, job, &err), &err);
	wait_for(sandbox, SANDBOX_CLOSED);
	*ret_close_us = clock_mono_us() - begin;
}

int main(int argc, char **argv)
{
	unsigned jobs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
	unsigned slots = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4;
	struct err err = {0};
	char state[] = "/tmp/penstock-bench-XXXXXX";
	if (!mkdtemp(state))
		return 1;
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sandbox *sandbox;
	struct sandbox_options options = {.launcher = BIN_DIR "/penstock-sandbox", .state_dir = state, .slots = slots};
	int64_t begin = clock_mono_us();
	must(sandbox_start(&options, &sandbox, &err), &err);
	int64_t start_us = clock_mono_us() - begin;
	run_jobs(sandbox, slots * 2, slots, null);
	begin = clock_mono_us();
	run_jobs(sandbox, jobs, slots, null);
	double seconds = (double)(clock_mono_us() - begin) / 1e6;
	int64_t import_us, close_us;
	import_checkout(sandbox, 1000, &import_us, &close_us);
	printf("profile                       %s\n",
		sandbox_facts(sandbox)->profile == SANDBOX_PROFILE_FULL ? "full" : "user");
	printf("launcher start                %8.1f ms\n", (double)start_us / 1e3);
	printf("open, run true, close         %8.0f /s  (%u jobs, %u slots)\n", jobs / seconds, jobs, slots);
	printf("import of 1000 files, 4 MB    %8.1f ms\n", (double)import_us / 1e3);
	printf("close of that job             %8.1f ms\n", (double)close_us / 1e3);
	sandbox_stop(sandbox);
	char lock[64];
	snprintf(lock, sizeof lock, "%s/lock", state);
	unlink(lock);
	rmdir(state);
	return 0;
}
