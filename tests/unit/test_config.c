// links: penstock_common
#include "common/config.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum level { LOW, HIGH };

struct settings {
	struct str listen_address;
	int64_t listen_port;
	struct str database_url;
	struct str token;
	bool verbose;
	int64_t lease;
	int64_t cache;
	enum level level;
	struct str_list labels;
};

static const char *const levels[] = {"low", "high", NULL};

static const struct config_row rows[] = {
	CONFIG(struct settings, listen_address, CONFIG_TEXT, "127.0.0.1", "the address to listen on", .flags = 0),
	CONFIG(struct settings, listen_port, CONFIG_NUMBER, "7070", "the port", .max = 65535),
	CONFIG(struct settings, database_url, CONFIG_TEXT, NULL, "the database", .environment = "DATABASE_URL",
		.flags = CONFIG_REQUIRED),
	CONFIG(struct settings, token, CONFIG_TEXT, "", "the token", .flags = CONFIG_SECRET),
	CONFIG(struct settings, verbose, CONFIG_BOOL, "false", "says more", .flags = 0),
	CONFIG(struct settings, lease, CONFIG_DURATION, "60s", "the lease", .min = 1000, .max = 3600000),
	CONFIG(struct settings, cache, CONFIG_SIZE, "1GiB", "the cache", .flags = 0),
	CONFIG(struct settings, level, CONFIG_CHOICE, "low", "how much", .choices = levels),
	CONFIG(struct settings, labels, CONFIG_LIST, "", "the labels", .flags = 0),
	CONFIG_END,
};

static const struct config config = {
	.program = "penstock-test", .summary = "tries things", .prefix = "PENSTOCK_TEST_", .rows = rows};

static char path[64];

static void write_file(const char *text)
{
	snprintf(path, sizeof path, "/tmp/penstock-config-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

static bool load(const char *text, const char *const *environment, const char *const *flags, struct settings *settings,
	struct arena *arena, struct err *err)
{
	const char *argv[16] = {"penstock-test", "--config", path};
	enum config_wish wish;
	for (int i = 0; flags && flags[i]; i++)
		argv[3 + i] = flags[i];
	write_file(text);
	bool ok = config_load(&config, &(struct config_sources){argv, environment}, settings, arena, &wish, err);
	remove_file();
	return ok;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(later_sources_win)
{
	auto_arena arena = {0};
	struct settings settings = {0};
	struct err err = {0};
	ck_assert_msg(
		load("# a comment\n\n  listen_port = 1\r\nlisten_address=::1\nlease = 2m\ntoken = a # b\n",
			WORDS("PENSTOCK_TEST_LISTEN_PORT=2", "DATABASE_URL=postgres:///x?a=b", "PENSTOCK_TEST_LEASE=3m",
				"PENSTOCK_TEST_UNKNOWN=1", "PENSTOCK_TEST_LISTEN_PORTS=9"),
			WORDS("--lease", "4m", "--verbose", "--cache=2MiB", "--level=high", "--labels", "a, b,,c"),
			&settings, &arena, &err),
		"%s", err.text);
	ck_assert(str_is(settings.listen_address, "::1"));             /* file over default */
	ck_assert_int_eq(settings.listen_port, 2);                     /* environment over file */
	ck_assert_int_eq(settings.lease, 4 * 60 * 1000);               /* flag over environment */
	ck_assert(str_is(settings.database_url, "postgres:///x?a=b")); /* a name of its own */
	ck_assert(str_is(settings.token, "a # b"));                    /* "#" starts a comment only at a line's start */
	ck_assert(settings.verbose);
	ck_assert_int_eq(settings.cache, 2 << 20);
	ck_assert_int_eq(settings.level, HIGH);
	ck_assert_uint_eq(settings.labels.count, 3);
	ck_assert(str_is(settings.labels.items[1], "b"));
}
END_TEST

START_TEST(defaults_stand_where_nothing_is_said)
{
	auto_arena arena = {0};
	struct settings settings = {0};
	struct err err = {0};
	ck_assert_msg(load("verbose = yes", WORDS("DATABASE_URL=x"), WORDS("--no-verbose"), &settings, &arena, &err),
		"%s", err.text);
	ck_assert_int_eq(settings.listen_port, 7070);
	ck_assert_int_eq(settings.lease, 60000);
	ck_assert_int_eq(settings.level, LOW);
	ck_assert_uint_eq(settings.labels.count, 0);
	ck_assert(!settings.verbose);
}
END_TEST

static const struct {
	const char *file;
	const char *environment;
	const char *flag;
	const char *message; /* "%" stands for the file's path */
} wrongs[] = {
	{"listen_port = 1\nlisten_prot = 2\n", NULL, NULL,
		"%:2: unknown key \"listen_prot\"; did you mean \"listen_port\"?"},
	{"frobnicate = 2\n", NULL, NULL, "%:1: unknown key \"frobnicate\""},
	{"listen_port\n", NULL, NULL, "%:1: expected \"key = value\""},
	{"lease = 1m\n\nlease = 1m\n", NULL, NULL, "%:3: \"lease\" is set in line 1 already"},
	{"listen_port = many\n", NULL, NULL, "%:1: listen_port: \"many\": must be a number"},
	{"listen_port = 65536\n", NULL, NULL, "%:1: listen_port: \"65536\": must be from 0 to 65535"},
	{"", "PENSTOCK_TEST_LEASE=2h", NULL, "PENSTOCK_TEST_LEASE: \"2h\": must be from 1s to 1h"},
	{"", "PENSTOCK_TEST_VERBOSE=1", NULL, "PENSTOCK_TEST_VERBOSE: \"1\": must be true or false"},
	{"", NULL, "--level=middle", "--level: \"middle\": must be one of low, high"},
	{"", NULL, "--lisen-port=1", "--lisen-port=1: unknown flag; did you mean \"listen-port\"?"},
	{"", NULL, "--no-lease", "--no-lease: unknown flag"},
	{"", NULL, "--lease", "--lease needs a value"},
	{"", NULL, "serve", "\"serve\": expected a flag"},
	{"", NULL, "--token=s3cret",
		"--token: every account of this machine could read it here; use PENSTOCK_TEST_TOKEN"},
	{"", NULL, NULL, "database_url (the database) is not set: use DATABASE_URL, --database-url, or a line"},
};

START_TEST(mistakes_are_placed)
{
	auto_arena arena = {0};
	struct settings settings = {0};
	struct err err = {0};
	char expected[512] = {0};
	ck_assert(!load(wrongs[_i].file, wrongs[_i].environment ? WORDS(wrongs[_i].environment) : NULL,
		wrongs[_i].flag ? WORDS(wrongs[_i].flag) : NULL, &settings, &arena, &err));
	const char *percent = strchr(wrongs[_i].message, '%');
	snprintf(expected, sizeof expected, "%s%s", percent ? path : "", wrongs[_i].message + (percent ? 1 : 0));
	ck_assert_msg(strncmp(err.text, expected, strlen(expected)) == 0, "%s", err.text);
	ck_assert_int_eq(err.kind, ERR_INVALID);
	ck_assert_ptr_null(strstr(err.text, "s3cret"));
}
END_TEST

START_TEST(missing_file_is_said)
{
	auto_arena arena = {0};
	struct settings settings = {0};
	struct err err = {0};
	enum config_wish wish;
	struct config_sources sources = {WORDS("p", "--config=/nonexistent/x.conf"), NULL};
	ck_assert(!config_load(&config, &sources, &settings, &arena, &wish, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.conf"));
}
END_TEST

START_TEST(help_needs_nothing_and_lists_all)
{
	auto_arena arena = {0};
	auto_buf text = BUF_INIT(65536);
	struct settings settings = {0};
	enum config_wish wish = CONFIG_RUN;
	struct config_sources sources = {WORDS("p", "--unknown", "--help"), NULL};
	ck_assert(config_load(&config, &sources, &settings, &arena, &wish, NULL));
	ck_assert_int_eq(wish, CONFIG_SHOW_HELP);
	config_write_help(&config, &text);
	ck_assert_ptr_nonnull(strstr(buf_c(&text), "  --listen-port NUMBER\n      the port (default 7070)\n"));
	ck_assert_ptr_nonnull(strstr(buf_c(&text), "how much: low, high"));
	ck_assert_ptr_null(strstr(buf_c(&text), "--token"));
	buf_clear(&text);
	config_write_markdown(&config, &text);
	ck_assert_ptr_nonnull(strstr(buf_c(&text), "| `database_url` | `DATABASE_URL` | required | the database |"));
	ck_assert_ptr_nonnull(
		strstr(buf_c(&text), "| `token` | `PENSTOCK_TEST_TOKEN` |  | the token (not as a flag) |"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *cases = tcase_create("config");
	tcase_add_test(cases, later_sources_win);
	tcase_add_test(cases, defaults_stand_where_nothing_is_said);
	tcase_add_loop_test(cases, mistakes_are_placed, 0, COUNT_OF(wrongs));
	tcase_add_test(cases, missing_file_is_said);
	tcase_add_test(cases, help_needs_nothing_and_lists_all);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
