/* Histories over the model and a real PostgreSQL side by side. docs/simulation.md says what is compared. */
#include "common/str.h"
#include "tests/sim/history.h"
#include "tests/sim/plans.h"
#include "tests/sim/policies.h"
#include "tests/sim/store/shadow.h"
#include "tests/support/pg.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HISTORIES = 200, JOBS = 2, EVENTS = 110 };

static const char usage[] = "usage: simulate_store [HISTORIES [FIRST]] | seed SEED [TIMES]\n";
static struct sim sim;

/* As history_run(), with a look by fsck at the end; a history of the other program, cut short. */
static bool run(uint64_t seed)
{
	static struct history history;
	history_make(&history, seed);
	if (history.count > EVENTS)
		history.count = EVENTS;
	store_end();
	store_begin(&sim);
	sim.calm_down = seed / JOBS % 2 ? shells_calm_down : NULL;
	bool is_good = history_run(&sim, &history);
	if (is_good) {
		store_fsck(&sim);
		is_good = !sim.fault[0];
	}
	return is_good;
}

static int run_job(uint64_t first, uint64_t count, uint64_t step)
{
	char *url = test_pg_database();
	store_open(url);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t seed = first + i * step;
		if (run(seed))
			continue;
		printf("history %llu, event %u: %s\nreplay: simulate_store seed %llu\n", (unsigned long long)seed,
			sim.at, sim.fault, (unsigned long long)seed);
		/* A BUG() was left from the middle of the loop: whoever waits for what is under way waits for ever. */
		fflush(stdout);
		_exit(1);
	}
	store_tell();
	store_end();
	store_close();
	test_pg_drop(url);
	return 0;
}

/* More than once: how two shells bring it to its end differs. */
static int replay(uint64_t seed, uint64_t times)
{
	sim.is_told = times == 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	return run_job(seed, times, 0);
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

static int run_all(uint64_t count, uint64_t first)
{
	int failed = 0;
	pid_t pids[JOBS];
	for (uint64_t i = 0; i < JOBS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			int status = run_job(first + i, count / JOBS + (i < count % JOBS), JOBS);
			fflush(stdout);
			_exit(status);
		}
	}
	for (size_t i = 0; i < JOBS; i++) {
		int status;
		pid_t ended = wait(&status);
		failed += status != 0;
		for (size_t j = 0; j < JOBS; j++) {
			pids[j] = pids[j] == ended ? 0 : pids[j];
			if (status && pids[j]) /* one is enough */
				kill(pids[j], SIGTERM);
		}
	}
	if (!failed)
		printf("%llu histories: the database does as the model, and fsck finds nothing\n",
			(unsigned long long)count);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	test_pg_open();
	for (size_t i = 0; i < PIPELINES; i++)
		for (size_t j = 0; j < CONFIGURATIONS; j++)
			plans_get(i, j);
	int status = argc > 2 && strcmp(argv[1], "seed") == 0
			     ? replay(number(argv[2]), argc > 3 ? number(argv[3]) : 1)
			     : run_all(argc > 1 ? number(argv[1]) : HISTORIES, argc > 2 ? number(argv[2]) : 1);
	plans_done();
	policies_done();
	return status;
}
