#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

/* The end of a Check program's main(). */

#include <check.h>
#include <stdlib.h>

/* Runs the tests, each in a process of its own, as loud as CK_VERBOSITY says, and frees the suite. Returns the status.
 */
static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
