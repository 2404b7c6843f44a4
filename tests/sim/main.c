/* The simulator: histories by number, over all processors. docs/simulation.md says how to run and replay it. */
#include "common/err.h"
#include "common/mem.h"
#include "common/str.h"
#include "tests/sim/history.h"
#include "tests/sim/plans.h"
#include "tests/sim/policies.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, HISTORIES = 100000, HISTORY_S = 20 };

static const char usage[] =
	"usage: simulate [--histories N] [--first SEED] [--jobs N] [--as-is] | --seed SEED [--whole]\n"
	"  --histories N  so many (100000), from --first (1), in --jobs processes (one a processor)\n"
	"  --as-is        one that fails is only named\n"
	"  --seed SEED    replays one, at its shortest, or --whole\n";

static struct sim sim; /* large, and only parts of it are ever cleared */

struct job {
	uint64_t first, count, step;
	bool is_as_is; /* a history that fails is only named */
};

static int replay(uint64_t seed, bool is_whole)
{
	static struct history history;
	history_make(&history, seed);
	bool is_good = history_run(&sim, &history);
	if (!is_good && !is_whole)
		history_shrink(&sim, &history);
	setvbuf(stdout, NULL, _IOLBF, 0);
	history_tell(&sim, &history);
	return is_good ? 0 : 1;
}

static int run_job(const struct job *job, int to)
{
	static struct sim_tally tally;
	static struct history history;
	sim.tally = &tally;
	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t seed = job->first + i * job->step;
		history_make(&history, seed);
		/* One that goes round in circles ends the process: whoever waits for it names the seed. */
		tally.histories = seed;
		alarm(HISTORY_S);
		if (history_run(&sim, &history))
			continue;
		alarm(0);
		sim.tally = NULL;
		printf("history %llu: %s\n", (unsigned long long)seed, sim.fault);
		fflush(stdout);
		if (job->is_as_is)
			return 1;
		printf("The shortest that fails (replay: simulate --seed %llu):\n", (unsigned long long)seed);
		history_shrink(&sim, &history);
		history_tell(&sim, &history);
		fflush(stdout);
		return 1;
	}
	tally.histories = job->count;
	return write(to, &tally, sizeof tally) == (ssize_t)sizeof tally ? 0 : 1;
}

static void add(struct sim_tally *to, const struct sim_tally *from)
{
	uint64_t *sums = (uint64_t *)to;
	const uint64_t *numbers = (const uint64_t *)from;
	for (size_t i = 0; i < sizeof *to / sizeof *sums; i++)
		sums[i] += numbers[i];
}

/* Histories are worth something only when they come everywhere. */
static int judge(const struct sim_tally *tally)
{
	int missing = 0;
	for (int i = RUN_SUCCEEDED; i < RUN_STATE_COUNT; i++)
		missing += tally->ends[i] == 0;
	for (int i = DEPLOYMENT_LIVE; i <= DEPLOYMENT_ROLLED_BACK; i++)
		missing += tally->deployments[i] == 0;
	for (int i = WAVE_SUCCEEDED; i < WAVE_STATE_COUNT; i++)
		missing += tally->waves[i] == 0;
	for (int i = GATE_GRANTED; i < GATE_STATE_COUNT; i++)
		missing += tally->gates[i] == 0;
	missing += tally->conflicts == 0 || tally->refusals == 0 || tally->rollbacks == 0 || tally->teardowns == 0 ||
		   tally->called_off == 0 || tally->retries == 0 || tally->replans == 0;
	if (missing)
		printf("%d states were never reached: the histories have become too tame\n", missing);
	return missing ? 1 : 0;
}

static void print(const struct sim_tally *tally)
{
	printf("%llu histories, %llu events, %llu commits, %llu lane commits, %llu stale, %llu refused, %llu planned again; every "
	       "invariant holds\n",
		(unsigned long long)tally->histories, (unsigned long long)tally->events,
		(unsigned long long)tally->commits, (unsigned long long)tally->lane_commits,
		(unsigned long long)tally->conflicts, (unsigned long long)tally->refusals,
		(unsigned long long)tally->replans);
	printf("runs:");
	for (int i = RUN_SUCCEEDED; i < RUN_STATE_COUNT; i++)
		printf(" %llu %s", (unsigned long long)tally->ends[i], run_state_names[i]);
	printf(", %llu rollbacks, %llu teardowns; deployments:", (unsigned long long)tally->rollbacks,
		(unsigned long long)tally->teardowns);
	for (int i = DEPLOYMENT_LIVE; i <= DEPLOYMENT_ROLLED_BACK; i++)
		printf(" %llu %s", (unsigned long long)tally->deployments[i], deployment_state_names[i]);
	printf("\n");
}

static pid_t start(const struct job *job, int *ret_from)
{
	int ends[2];
	if (pipe(ends) != 0)
		BUG("pipe");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		int status = run_job(job, ends[1]);
		fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	*ret_from = ends[0];
	return pid;
}

static int run_all(uint64_t first, uint64_t count, uint64_t jobs, bool is_as_is)
{
	struct sim_tally sum = {0};
	pid_t pids[JOBS_MAX];
	int from[JOBS_MAX], failed = 0;
	for (uint64_t i = 0; i < jobs; i++) {
		struct job job = {first + i, count / jobs + (i < count % jobs), jobs, is_as_is};
		pids[i] = start(&job, &from[i]);
	}
	for (uint64_t i = 0; i < jobs; i++) {
		struct sim_tally tally;
		int status;
		bool is_whole = read(from[i], &tally, sizeof tally) == (ssize_t)sizeof tally;
		waitpid(pids[i], &status, 0);
		close(from[i]);
		if (is_whole && status == 0)
			add(&sum, &tally);
		else
			failed++;
		if (WIFSIGNALED(status))
			printf("a process died of signal %d (14: a history of %d s)\n", WTERMSIG(status), HISTORY_S);
	}
	if (failed)
		return 1;
	print(&sum);
	return count >= 1000 ? judge(&sum) : 0;
}

static uint64_t number(const char *text)
{
	int64_t value;
	if (!str_to_i64(str_of(text), &value) || value < 0) {
		fputs(usage, stderr);
		exit(2);
	}
	return (uint64_t)value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"histories", 1, NULL, 'n'}, {"first", 1, NULL, 'f'},
		{"jobs", 1, NULL, 'j'}, {"seed", 1, NULL, 's'}, {"whole", 0, NULL, 'w'}, {"as-is", 0, NULL, 'a'}, {0}};
	uint64_t count = HISTORIES, first = 1, seed = 0, jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	bool is_whole = false, is_as_is = false;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'n':
			count = number(optarg);
			break;
		case 'f':
			first = number(optarg);
			break;
		case 'j':
			jobs = number(optarg);
			break;
		case 's':
			seed = number(optarg);
			break;
		case 'w':
			is_whole = true;
			break;
		case 'a':
			is_as_is = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	/* Chunks of arenas stay in the heap: a history is a thousandth of a second. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	for (size_t i = 0; i < PIPELINES; i++)
		for (size_t j = 0; j < CONFIGURATIONS; j++)
			plans_get(i, j);
	for (size_t i = 0; i < POLICIES; i++)
		policies_get(i);
	jobs = jobs == 0 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
	int status = seed ? replay(seed, is_whole) : run_all(first, count, jobs, is_as_is);
	plans_done();
	policies_done();
	return status;
}
