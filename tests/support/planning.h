#ifndef TESTS_SUPPORT_PLANNING_H
#define TESTS_SUPPORT_PLANNING_H

/*
 * For tests that go the whole way from the text of a pipeline file to its plan. Each test has an arena, a list of
 * errors and a plan of its own: test_set_up() and test_tear_down() are the fixture.
 */

#include "common/lang/errors.h"
#include "server/engine/planner.h"

extern struct arena arena;
extern struct lang_errors errors;
extern struct plan plan;

void test_set_up(void);
void test_tear_down(void);

struct str test_read_shipped(struct str name);                       /* a file of pipelines/ */
const struct pipeline *test_parse(struct str text);                  /* a fault fails the test */
void test_make(struct str text, const struct plan_context *context); /* into plan; a fault fails the test */

struct plan_context test_push_to(const char *branch);
struct plan_context test_pull_request(void);
/* "sandbox/ann" of tier sandbox and "prod" of tier prod. */
bool test_find_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err);

const struct plan_job *test_job(const char *key); /* fails the test when there is none */
struct str test_joined(const struct str_list *list);
struct str test_keys(void); /* of all jobs, in the plan's order */

#define assert_str(got, expected)                                                                                      \
	do {                                                                                                           \
		struct str got_ = (got);                                                                               \
		ck_assert_msg(str_is(got_, (expected)), "%.*s", STR_ARG(got_));                                        \
	} while (0)

#endif
