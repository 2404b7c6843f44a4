// links: penstock_sandbox_client
/*
 * How fast sandboxes are: jobs of one `true` step, open to closed, in a few slots at once, with and without a checkout
 * of 25 files; and how long importing one of 1,000 files takes. Usage: bench_sandbox [JOBS [SLOTS]]. Prints a table.
 */

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/client.h"
#include "worker/sandbox/stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CHECKOUT_FILES = 25, CHECKOUT_FILE_BYTES = 1000 };

static const char *const program[] = {"/bin/true", NULL};
static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

static void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sandbox: %s\n", err->text);
	exit(1);
}

struct bench {
	struct sandbox *sandbox;
	unsigned slots;
	int null;
	const char *checkout; /* path of a stream, or NULL: jobs without files */
};

struct bench_job {
	uint64_t job, step;
};

static void run_step(const struct bench *bench, struct bench_job *job)
{
	struct err err = {0};
	struct sandbox_step_options run = {
		.arguments = program, .environment = environment, .out = bench->null, .err = bench->null};
	must(sandbox_run(bench->sandbox, job->job, &run, &job->step, &err), &err);
}

static void import(const struct bench *bench, const struct bench_job *job)
{
	struct err err = {0};
	uint64_t step;
	auto_fd int checkout = open(bench->checkout, O_RDONLY | O_CLOEXEC);
	struct sandbox_files_options files = {.stream = checkout, .max_files = 100000, .max_bytes = 1 << 30};
	must(sandbox_import(bench->sandbox, job->job, &files, &step, &err), &err);
}

static struct bench_job start_job(const struct bench *bench, unsigned slot)
{
	struct err err = {0};
	struct bench_job job = {0};
	struct sandbox_job_options options = {.slot = slot, .limits = {.memory_bytes = UINT64_C(512) << 20}};
	must(sandbox_open(bench->sandbox, &options, &job.job, &err), &err);
	if (bench->checkout)
		import(bench, &job);
	else
		run_step(bench, &job);
	return job;
}

static struct bench_job *find_job(struct bench_job *jobs, uint64_t job)
{
	while (jobs->job != job)
		jobs++;
	return jobs;
}

/* Each job is closed when its step has ended, and its slot used again when it is closed. */
static void run_jobs(const struct bench *bench, unsigned jobs)
{
	auto_free struct bench_job *running = mem_alloc((bench->slots + 1) * sizeof *running);
	unsigned started = 0, closed = 0;
	for (; started < bench->slots && started < jobs; started++)
		running[started] = start_job(bench, started);
	while (closed < jobs) {
		struct sandbox_event event;
		struct err err = {0};
		must(sandbox_wait(bench->sandbox, 30000, &event, &err), &err);
		struct bench_job *job = find_job(running, event.job);
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
			if (job->step)
				must(sandbox_close(bench->sandbox, event.job, &err), &err);
			else
				run_step(bench, job);
			break;
		case SANDBOX_CLOSED:
			closed++;
			if (started++ < jobs)
				*job = start_job(bench, (unsigned)(job - running));
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

/* Of everything that the launcher and its children have done, which is known when all of them have ended. */
static double processor_ms(void)
{
	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void print_jobs(const char *state, unsigned jobs, unsigned slots, int null, const char *checkout)
{
	struct err err = {0};
	struct bench bench = {.slots = slots, .null = null, .checkout = checkout};
	struct sandbox_options options = {.launcher = BIN_DIR "/penstock-sandbox", .state_dir = state, .slots = slots};
	double used_ms[2], seconds = 0;
	/* What the slots themselves cost is the difference between few jobs and many. */
	for (int i = 0; i < 2; i++) {
		double before_ms = processor_ms();
		must(sandbox_start(&options, &bench.sandbox, &err), &err);
		run_jobs(&bench, slots * 2);
		int64_t begin = clock_mono_us();
		if (i)
			run_jobs(&bench, jobs);
		seconds = (double)(clock_mono_us() - begin) / 1e6;
		sandbox_stop(bench.sandbox);
		used_ms[i] = processor_ms() - before_ms;
	}
	printf("open, %srun true, close %*s %8.0f /s, %.2f ms of processor time each  (%u jobs, %u slots)\n",
		checkout ? "import 25 files, " : "", checkout ? 0 : 17, "", jobs / seconds,
		(used_ms[1] - used_ms[0]) / jobs, jobs, slots);
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
	auto_fd int checkout = make_checkout(CHECKOUT_FILES, CHECKOUT_FILE_BYTES);
	char checkout_path[64];
	snprintf(checkout_path, sizeof checkout_path, "/proc/self/fd/%d", checkout);
	struct sandbox *sandbox;
	struct sandbox_options options = {.launcher = BIN_DIR "/penstock-sandbox", .state_dir = state, .slots = slots};
	int64_t begin = clock_mono_us();
	must(sandbox_start(&options, &sandbox, &err), &err);
	int64_t start_us = clock_mono_us() - begin;
	int64_t import_us, close_us;
	import_checkout(sandbox, 1000, &import_us, &close_us);
	printf("profile                       %s\n",
		sandbox_facts(sandbox)->profile == SANDBOX_PROFILE_FULL ? "full" : "user");
	sandbox_stop(sandbox);
	printf("launcher start                %8.1f ms\n", (double)start_us / 1e3);
	printf("import of 1000 files, 4 MB    %8.1f ms\n", (double)import_us / 1e3);
	printf("close of that job             %8.1f ms\n", (double)close_us / 1e3);
	print_jobs(state, jobs, slots, null, NULL);
	print_jobs(state, jobs, slots, null, checkout_path);
	char lock[64];
	snprintf(lock, sizeof lock, "%s/lock", state);
	unlink(lock);
	rmdir(state);
	return 0;
}
