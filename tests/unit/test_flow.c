// links: penstock_io
#include "common/io/flow.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What a flow did, letter by letter: each step adds its own, the end adds '.' or '!'. */
static char trace[64];
static int ends, releases;
static struct err end_err;

struct trip {
	struct flow flow;
	int rounds;
};

static void add(char c)
{
	size_t n = strlen(trace);
	ck_assert_uint_lt(n, sizeof trace - 1);
	trace[n] = c;
}

static void on_end(struct flow *flow)
{
	ends++;
	end_err = flow->err;
	add(flow->err.kind == ERR_NONE ? '.' : '!');
	flow_free(flow);
}

static enum flow_next go(struct flow *flow)
{
	(void)flow;
	add('g');
	return FLOW_CONTINUE;
}

static enum flow_next wait(struct flow *flow)
{
	(void)flow;
	add('w');
	return FLOW_WAIT;
}

/* An operation that completes inside the step that starts it. */
static enum flow_next wait_nothing(struct flow *flow)
{
	add('n');
	flow_resume(flow);
	return FLOW_WAIT;
}

static enum flow_next fail_inside(struct flow *flow)
{
	struct err err;
	err_set(&err, ERR_BUSY, "no room");
	add('i');
	flow_fail(flow, &err);
	return FLOW_WAIT;
}

static enum flow_next done(struct flow *flow)
{
	(void)flow;
	add('d');
	return FLOW_DONE;
}

static enum flow_next give_up(struct flow *flow)
{
	add('f');
	err_set(&flow->err, ERR_NOT_FOUND, "no such run");
	return FLOW_FAIL;
}

/* A failure that the step gets over leaves no trace at the end. */
static enum flow_next forgive(struct flow *flow)
{
	add('o');
	err_set(&flow->err, ERR_INVALID, "not that important");
	return FLOW_CONTINUE;
}

static enum flow_next loop(struct flow *flow)
{
	struct trip *trip = (struct trip *)flow;
	add('l');
	if (++trip->rounds < 3)
		flow_jump(flow, loop);
	return FLOW_CONTINUE;
}

static enum flow_next restart_once(struct flow *flow)
{
	struct trip *trip = (struct trip *)flow;
	ck_assert_uint_eq(flow->arena.used_bytes, 0);
	arena_alloc(&flow->arena, 16);
	add('r');
	if (trip->rounds++ == 0)
		flow_restart(flow);
	return FLOW_CONTINUE;
}

static const struct {
	flow_step *steps[6];
	int resumes; /* from outside, once it waits */
	const char *trace;
	enum err_kind kind;
} flows[] = {
	{{go, go, NULL}, 0, "gg.", ERR_NONE},                          /* running off the end is done */
	{{NULL}, 0, ".", ERR_NONE},                                    /* no step at all */
	{{go, done, go, NULL}, 0, "gd.", ERR_NONE},                    /* done skips the rest */
	{{go, give_up, go, NULL}, 0, "gf!", ERR_NOT_FOUND},            /* so does a failure */
	{{wait, go, NULL}, 1, "wg.", ERR_NONE},                        /* the step behind runs after the callback */
	{{wait, wait, NULL}, 2, "ww.", ERR_NONE},                      /* a wait as the last step */
	{{wait_nothing, wait_nothing, go, NULL}, 0, "nng.", ERR_NONE}, /* completed before FLOW_WAIT was returned */
	{{fail_inside, go, NULL}, 0, "i!", ERR_BUSY},                  /* failed before FLOW_WAIT was returned */
	{{forgive, go, NULL}, 0, "og.", ERR_NONE},                     /* an err that was got over is not the flow's */
	{{go, loop, go, NULL}, 0, "glllg.", ERR_NONE},                 /* jumps to itself twice */
	{{restart_once, go, NULL}, 0, "rrg.", ERR_NONE},               /* from the top, with an empty arena */
};

START_TEST(steps_run_in_order)
{
	struct flow *flow = flow_new(sizeof(struct trip), flows[_i].steps, on_end);
	flow_start(flow);
	for (int i = 0; i < flows[_i].resumes; i++) {
		ck_assert_int_eq(ends, 0);
		flow_resume(flow);
	}
	ck_assert_pstr_eq(trace, flows[_i].trace);
	ck_assert_int_eq(ends, 1);
	ck_assert_int_eq(end_err.kind, flows[_i].kind);
}
END_TEST

static void release(void *held)
{
	releases++;
	free(held);
}

START_TEST(held_replies_are_released_once)
{
	static flow_step *const steps[] = {wait, wait, NULL};
	struct flow *flow = flow_new(sizeof *flow, steps, on_end);
	flow_start(flow);
	flow_hold(flow, mem_alloc(1), release);
	flow_resume(flow);
	ck_assert_int_eq(releases, 0); /* the step behind may read it */
	flow_hold(flow, mem_alloc(1), release);
	ck_assert_int_eq(releases, 1);
	flow_resume(flow);
	ck_assert_int_eq(releases, 2);
	ck_assert_pstr_eq(trace, "ww.");
}
END_TEST

START_TEST(failing_from_a_callback_ends)
{
	static flow_step *const steps[] = {wait, go, NULL};
	struct flow *flow = flow_new(sizeof *flow, steps, on_end);
	flow_start(flow);
	struct err err;
	err_set(&err, ERR_TIMEOUT, "too slow");
	flow_fail(flow, &err);
	ck_assert_pstr_eq(trace, "w!");
	ck_assert_pstr_eq(end_err.text, "too slow");
}
END_TEST

START_TEST(restarting_from_a_callback_runs_from_the_top)
{
	static flow_step *const steps[] = {go, wait, go, NULL};
	struct flow *flow = flow_new(sizeof *flow, steps, on_end);
	flow_start(flow);
	flow_restart(flow);
	flow_resume(flow);
	ck_assert_pstr_eq(trace, "gwgwg.");
}
END_TEST

static flow_step *const foreign_steps[] = {go, NULL};

START_TEST(a_jump_out_of_the_table_is_a_bug)
{
	flow_jump(flow_new(sizeof(struct flow), foreign_steps, on_end), give_up);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flow");
	TCase *cases = tcase_create("flow");
	tcase_add_loop_test(cases, steps_run_in_order, 0, COUNT_OF(flows));
	tcase_add_test(cases, held_replies_are_released_once);
	tcase_add_test(cases, failing_from_a_callback_ends);
	tcase_add_test(cases, restarting_from_a_callback_runs_from_the_top);
	tcase_add_test_raise_signal(cases, a_jump_out_of_the_table_is_a_bug, 6);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
