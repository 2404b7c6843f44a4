/* What a job with a way out must not reach. */
// links: penstock_dispatch penstock_common
#include "server/dispatch/own_addresses.h"
#include "common/buf.h"
#include "tests/support/suite.h"

#include <check.h>

static const struct {
	const char *hosts, *addresses;
} rows[] = {
	{"", ""}, {"10.0.0.7", "10.0.0.7"}, {"10.0.0.7,10.0.0.8", "10.0.0.7 10.0.0.8"},
	{"10.0.0.7, 10.0.0.7,", "10.0.0.7"},                /* once; blanks and a comma too many do no harm */
	{"/run/postgresql,@penstock,10.0.0.7", "10.0.0.7"}, /* sockets have no address */
	{"0.0.0.0,::", ""},                                 /* every address is nobody's */
	{"127.0.0.1,127.8.8.8,::1", ""},                    /* loopback is each machine's own */
	{"2001:DB8::1", "2001:db8::1"},                     /* one spelling */
	{"..,10.0.0.9", "10.0.0.9"},                        /* nobody knows the first, and nobody is asked */
};

START_TEST(hosts_become_addresses)
{
	auto_arena arena = {0};
	auto_buf text = BUF_INIT(4096);
	struct str_list list = {0};
	own_addresses_add_hosts(&list, str_of(rows[_i].hosts), &arena);
	for (size_t i = 0; i < list.count; i++)
		buf_addf(&text, "%s%.*s", i ? " " : "", STR_ARG(list.items[i]));
	ck_assert_str_eq(buf_c(&text), rows[_i].addresses);
}
END_TEST

/* Each becomes a route of every job: a list without end would keep jobs from starting. */
START_TEST(the_list_has_a_ceiling)
{
	auto_arena arena = {0};
	struct str_list list = {0};
	for (int i = 0; i < 2 * OWN_ADDRESSES_MAX; i++)
		own_addresses_add_hosts(&list, arena_printf(&arena, "10.0.%d.%d", i / 256, i % 256), &arena);
	ck_assert_uint_eq(list.count, OWN_ADDRESSES_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("own_addresses");
	TCase *tcase = tcase_create("own_addresses");
	tcase_add_loop_test(tcase, hosts_become_addresses, 0, sizeof rows / sizeof *rows);
	tcase_add_test(tcase, the_list_has_a_ceiling);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
