// links: penstock_common
/* Arenas: arrays that grow in place, whoever made them. */
#include "common/arena.h"

#include "tests/support/suite.h"

#include <check.h>

/* Written to the end of its room beside a neighbour, whose bytes must stay. */
START_TEST(an_array_of_any_length_grows)
{
	struct arena arena = {0};
	size_t count = (size_t)_i;
	int64_t *numbers = arena_array(&arena, int64_t, count);
	int64_t *neighbour = arena_new(&arena, int64_t);
	*neighbour = -1;
	for (size_t i = 0; i < count; i++)
		numbers[i] = (int64_t)i;
	for (; count < 70; count++) {
		numbers = arena_grow(&arena, numbers, sizeof *numbers, count);
		numbers[count] = (int64_t)count;
	}
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(numbers[i], (int64_t)i);
	ck_assert_int_eq(*neighbour, -1);
	arena_done(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *cases = tcase_create("arena");
	tcase_add_loop_test(cases, an_array_of_any_length_grows, 0, 35);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
