// links: penstock_engine
/*
 * How long planning takes: one pipeline of many jobs with matrices, needs, conditions and variables, each part on its
 * own. Usage: bench_planning [--json] [JOBS]. Prints a table, or one JSON object. Times are of the processor: planning
 * is one thread that waits for nothing, so that is what it takes on an idle core, whatever else the machine does.
 */

#include "common/buf.h"
#include "common/clock.h"
#include "common/lang/lang.h"
#include "common/mem.h"
#include "server/engine/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, JOBS_A_MATRIX = 10, JOBS_A_STAGE = 100 };

/* The design's budget for what a trigger waits for: the plan of 1,000 jobs. */
#define BUDGET_MS 50.0

enum part { PART_LOAD, PART_MAKE, PART_WRITE, PART_READ, PART_COUNT };

static const char *const part_names[] = {"load the file", "make the plan", "write and hash it", "read it"};
static const char *const part_keys[] = {"load_ms", "make_ms", "write_ms", "read_ms"};

static _Noreturn void fail(const char *text)
{
	fprintf(stderr, "bench_planning: %s\n", text);
	exit(1);
}

static void write_job(struct buf *out, size_t number)
{
	buf_addf(out,
		"      j%zu:\n"
		"        matrix: {shard: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}\n"
		"        if: event.branch == repo.default_branch && changed(\"src/**\", \"!docs/**\")\n"
		"        env: {WHERE: '${{ repo.name }}-${{ matrix.shard }}', LEVEL: '${{ inputs.level }}'}\n"
		"        outputs: [digest]\n"
		"        artifacts: {paths: ['out/*.tar.gz']}\n",
		number);
	if (number % (JOBS_A_STAGE / JOBS_A_MATRIX)) /* each needs the one before it in its stage */
		buf_addf(out, "        needs: [j%zu]\n", number - 1);
	buf_addf(out,
		"        steps:\n          - run: ./ci/build --part %zu\n          - run: ./ci/test\n"
		"            if: always()\n",
		number);
}

static void write_pipeline(struct buf *out, size_t jobs)
{
	buf_add_c(out, "name: many\non: push\nenv: {A: a, B: '${{ event.commit }}'}\n"
		       "inputs: {level: {type: choice, options: [low, high], default: low}}\nstages:\n");
	for (size_t i = 0; i < jobs / JOBS_A_MATRIX; i++) {
		if (i % (JOBS_A_STAGE / JOBS_A_MATRIX) == 0)
			buf_addf(out, "  - name: s%zu\n    jobs:\n", i);
		write_job(out, i);
	}
}

static struct plan_context context_of(struct str_list paths)
{
	return (struct plan_context){
		.event = PLAN_EVENT_PUSH,
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = STR("0123456789abcdef0123456789abcdef01234567"),
		.message = STR("Change what many jobs look at"),
		.author_name = STR("Ann"),
		.author_email = STR("ann@example.org"),
		.actor = STR("ann"),
		.repository = STR("team/web"),
		.default_branch = STR("main"),
		.has_paths = true,
		.paths = paths,
		.file = ".penstock/many.yaml",
	};
}

static int64_t cpu_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static double lap_ms(int64_t *from_us)
{
	int64_t now = cpu_us();
	double ms = (double)(now - *from_us) / 1000;
	*from_us = now;
	return ms;
}

struct round {
	double ms[PART_COUNT];
	size_t jobs, stored_bytes, arena_bytes;
};

static struct round run_round(struct str text, const struct plan_context *context)
{
	auto_arena arena = {0};
	struct lang_errors errors = {.arena = &arena};
	const struct pipeline *pipeline;
	struct plan plan, again;
	struct round round = {0};
	struct err err = {0};
	int64_t at = cpu_us();
	if (!lang_load(text, context->file, NULL, &arena, &pipeline, &errors))
		fail(lang_error_text(&errors.items[0], &arena).p);
	round.ms[PART_LOAD] = lap_ms(&at);
	size_t before = arena.used_bytes;
	if (!plan_make(pipeline, context, &arena, &plan, &errors))
		fail(lang_error_text(&errors.items[0], &arena).p);
	round.ms[PART_MAKE] = lap_ms(&at);
	round.arena_bytes = arena.used_bytes - before;
	struct plan_text stored = plan_text(&plan, &arena);
	round.ms[PART_WRITE] = lap_ms(&at);
	json_t *json = json_loadb(stored.json.p, stored.json.n, 0, NULL);
	if (!plan_read(json, &again, &arena, &err))
		fail(err.text);
	round.ms[PART_READ] = lap_ms(&at);
	round.stored_bytes = stored.json.n;
	for (size_t i = 0; i < plan.stage_count; i++)
		round.jobs += plan.stages[i].job_count;
	json_decref(json);
	plan_done(&plan);
	return round;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const struct round *rounds, enum part part)
{
	double sorted[ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++)
		sorted[i] = rounds[i].ms[part];
	qsort(sorted, ROUNDS, sizeof sorted[0], compare);
	return sorted[ROUNDS / 2];
}

static void report(const struct round *rounds, bool is_json)
{
	double planning = median(rounds, PART_MAKE) + median(rounds, PART_WRITE);
	if (is_json)
		printf("{\"jobs\": %zu, \"planning_ms\": %.3f, \"budget_ms\": %.0f, \"stored_bytes\": %zu, \"memory_bytes\": %zu",
			rounds->jobs, planning, BUDGET_MS, rounds->stored_bytes, rounds->arena_bytes);
	else
		printf("%-28s %10s   %zu jobs, median of %d\n", "part", "cpu ms", rounds->jobs, ROUNDS);
	for (enum part part = 0; part < PART_COUNT; part++)
		printf(is_json ? ", \"%s\": %.3f" : "%-28s %10.3f\n", is_json ? part_keys[part] : part_names[part],
			median(rounds, part));
	if (is_json)
		puts("}");
	else
		printf("%-28s %10.3f   budget for 1,000 jobs: %.0f\n%-28s %10zu\n%-28s %10zu\n", "make, write and hash",
			planning, BUDGET_MS, "stored plan, bytes", rounds->stored_bytes, "memory of the plan, bytes",
			rounds->arena_bytes);
}

int main(int argc, char **argv)
{
	bool is_json = argc > 1 && str_is(str_of(argv[1]), "--json");
	int64_t jobs = 1000;
	int first = is_json ? 2 : 1;
	if (argc > first + 1 || (argc > first && (!str_to_i64(str_of(argv[first]), &jobs) || jobs < JOBS_A_MATRIX))) {
		fprintf(stderr, "usage: bench_planning [--json] [JOBS], at least %d\n", JOBS_A_MATRIX);
		return 2;
	}
	auto_buf text = BUF_INIT(64 << 20);
	struct str paths[200];
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		paths[i] = i + 1 == COUNT_OF(paths) ? STR("src/deep/down/main.c") : STR("docs/pages/some/page.md");
	const struct plan_context context = context_of((struct str_list){paths, COUNT_OF(paths)});
	struct round rounds[ROUNDS];
	write_pipeline(&text, (size_t)jobs);
	for (size_t i = 0; i < ROUNDS; i++)
		rounds[i] = run_round(buf_str(&text), &context);
	report(rounds, is_json);
	return 0;
}
