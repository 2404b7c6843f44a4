// links: penstock_worker
/* The bare cache of a repository that a worker keeps. */
#include "worker/checkout.h"

#include "tests/support/suite.h"

#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 40 };

static char folder[] = "/tmp/penstock-checkout.XXXXXX";
static char pack[PATH_MAX];
static pthread_barrier_t together;

struct adder {
	pthread_t thread;
	int failures;
	struct err err;
};

static void *add(void *arg)
{
	struct adder *adder = arg;
	for (int round = 0; round < ROUNDS; round++) {
		char repository[PATH_MAX];
		snprintf(repository, sizeof repository, "%s/%d.git", folder, round);
		pthread_barrier_wait(&together);
		adder->failures += !checkout_add_pack(repository, pack, &adder->err);
	}
	return NULL;
}

/* Two jobs of a repository that this worker sees for the first time. */
START_TEST(jobs_of_a_new_repository_come_together)
{
	struct adder adders[THREADS] = {0};
	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&adders[i].thread, NULL, add, &adders[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(adders[i].thread, NULL);
		ck_assert_msg(adders[i].failures == 0, "%d times: %s", adders[i].failures, adders[i].err.text);
	}
	pthread_barrier_destroy(&together);
}
END_TEST

static void set_up(void)
{
	static const unsigned char empty[] = "PACK\0\0\0\2\0\0\0\0";
	ck_assert(mkdtemp(folder) != NULL);
	snprintf(pack, sizeof pack, "%s/empty.pack", folder);
	FILE *file = fopen(pack, "w");
	ck_assert(file && fwrite(empty, 12, 1, file) == 1 && fclose(file) == 0);
	checkout_init();
}

static void tear_down(void)
{
	char command[PATH_MAX];
	snprintf(command, sizeof command, "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

int main(void)
{
	Suite *suite = suite_create("checkout");
	TCase *tests = tcase_create("cache");
	tcase_add_unchecked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, jobs_of_a_new_repository_come_together);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
