// links: penstock_alarms penstock_engine penstock_lang penstock_common
#include "common/buf.h"
#include "common/mem.h"
#include "server/alarms/guard.h"
#include "server/alarms/judge.h"
#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>

/* What monitors say, as they say it, and what it means. */

#define RESULT(type, result) "{\"status\":\"success\",\"data\":{\"resultType\":\"" type "\",\"result\":" result "}}"
#define SERIES(name, value)                                                                                            \
	"{\"metric\":{\"__name__\":\"x\",\"job\":\"" name "\"},\"value\":[1700000000.1,\"" value "\"]}"

static const struct {
	int status;
	const char *body;
	enum alarm_outcome outcome;
	double value;
	const char *text;
} answers[] = {
	{200, RESULT("vector", "[" SERIES("a", "0.7") "]"), ALARM_BREACH, 0.7, "0.7, above 0.5: job=a"},
	{200, RESULT("vector", "[" SERIES("a", "0.5") "]"), ALARM_FINE, 0.5,
		"0.5, not above 0.5: job=a"}, /* not beyond */
	{200, RESULT("vector", "[" SERIES("a", "0.1") "," SERIES("b", "9") "," SERIES("c", "0.2") "]"), ALARM_BREACH, 9,
		"9, above 0.5: job=b (1 of 3 series)"}, /* any */
	{200, RESULT("vector", "[" SERIES("a", "NaN") "," SERIES("b", "0.1") "]"), ALARM_FINE, 0.1,
		"0.1, not above 0.5: job=b"}, /* no traffic on one of two */
	{200, RESULT("vector", "[" SERIES("a", "NaN") "]"), ALARM_NO_DATA, 0, "the query finds no data"},
	{200, RESULT("vector", "[]"), ALARM_NO_DATA, 0, "the query finds no data"},
	{200, RESULT("vector", "[" SERIES("a", "+Inf") "]"), ALARM_BREACH, 0,
		"inf, above 0.5: job=a"}, /* no value to keep */
	{200, RESULT("scalar", "[1700000000,\"0.6\"]"), ALARM_BREACH, 0.6, "0.6, above 0.5"},
	{200, RESULT("matrix", "[]"), ALARM_ERROR, 0,
		"the query gives a matrix: it must give one number, or one for each series"},
	{200, RESULT("vector", "[" SERIES("a", "many") "]"), ALARM_ERROR, 0, NULL},
	{200, RESULT("vector", "[{}]"), ALARM_ERROR, 0, NULL},
	{400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:4: parse error\"}", ALARM_ERROR, 0,
		"Prometheus refuses the query: 1:4: parse error"},
	{503, RESULT("vector", "[" SERIES("a", "0.7") "]"), ALARM_ERROR, 0, NULL}, /* the status counts */
	{200, "<html>", ALARM_ERROR, 0, "200, and no answer of Prometheus: is the address right?"},
	{200, "", ALARM_ERROR, 0, NULL},
	{302, "", ALARM_ERROR, 0, "302, and no answer of Prometheus: is the address right?"},
};

START_TEST(prometheus_says)
{
	auto_arena arena = {0};
	struct alarm_threshold threshold = {.has_above = true, .above = 0.5};
	struct alarm_reading reading;
	alarm_judge_prometheus(&threshold, answers[_i].status, str_of(answers[_i].body), &reading, &arena);
	ck_assert_msg(reading.outcome == answers[_i].outcome, "%s: %s", answers[_i].body,
		alarm_outcome_names[reading.outcome]);
	ck_assert_double_eq(reading.value, answers[_i].value);
	ck_assert(reading.has_value == (answers[_i].value != 0));
	if (answers[_i].text)
		ck_assert_msg(str_is(reading.text, answers[_i].text), "\"%.*s\"", STR_ARG(reading.text));
}
END_TEST

static const struct {
	struct alarm_threshold threshold;
	double value;
	bool is_breach;
} thresholds[] = {
	{{.has_above = true, .above = 1}, 1.01, true},
	{{.has_above = true, .above = 1}, 1, false},
	{{.has_above = true, .above = -5}, -4, true},
	{{.has_below = true, .below = 1}, 0.99, true},
	{{.has_below = true, .below = 1}, 1, false},
	{{.has_below = true, .below = 0}, 0, false}, /* zero is a threshold, too */
	{{true, true, 10, 3}, 5, false},             /* between */
	{{true, true, 10, 3}, 2, true},
	{{true, true, 10, 3}, 11, true},
};

START_TEST(a_threshold_is_passed)
{
	ck_assert(
		alarm_threshold_breached(&thresholds[_i].threshold, thresholds[_i].value) == thresholds[_i].is_breach);
}
END_TEST

static const struct {
	int64_t wanted; /* 0: any of 200 to 299 */
	const char *contains;
	int status;
	const char *body;
	bool is_fine;
	const char *text;
} probes[] = {
	{0, "", 200, "", true, "status 200 in 0.250 s"},
	{0, "", 204, "", true, "status 204 in 0.250 s"},
	{0, "", 302, "", false, "status 302"}, /* redirects are not followed */
	{0, "", 503, "\n3 of 5 failed\nmore\n", false, "status 503: 3 of 5 failed"},
	{0, "", 502, "<html>", false, "status 502"}, /* a page is nothing to read here */
	{302, "", 302, "", true, "status 302 in 0.250 s"},
	{204, "", 200, "late", false, "status 200, not 204: late"},
	{0, "ready", 200, "all ready", true, "status 200 in 0.250 s"},
	{0, "ready", 200, "starting", false, "status 200, but the answer lacks \"ready\""},
};

START_TEST(a_probe_says)
{
	auto_arena arena = {0};
	struct alarm_spec spec = {
		.kind = ALARM_HTTP, .status = probes[_i].wanted, .contains = str_of(probes[_i].contains)};
	struct alarm_reading reading;
	alarm_judge_http(&spec, probes[_i].status, str_of(probes[_i].body), 0.25, &reading, &arena);
	ck_assert_int_eq(reading.outcome, probes[_i].is_fine ? ALARM_FINE : ALARM_BREACH);
	ck_assert_double_eq(reading.value, 0.25);
	ck_assert_msg(str_is(reading.text, probes[_i].text), "%.*s", STR_ARG(reading.text));
}
END_TEST

static const struct {
	const char *firing, *body;
	enum alarm_outcome outcome;
	const char *text;
} messages[] = {
	{"body.status == 'firing'", "{\"status\": \"firing\"}", ALARM_BREACH, "was told: firing"},
	{"body.status == 'firing'", "{\"status\": \"ok\", \"message\": \"all\\nwell\"}", ALARM_FINE, "all well"},
	{"body.load > 0.9", "{\"load\": 1.5}", ALARM_BREACH, NULL},
	{"has(body.alert) && body.alert.level >= 3", "{}", ALARM_FINE, NULL},
	{"body.status == 'firing'", "{}", ALARM_ERROR, NULL},                /* nothing there */
	{"body.status", "{\"status\": \"firing\"}", ALARM_ERROR, NULL},      /* neither true nor false */
	{"body.status == 1", "{\"status\": \"firing\"}", ALARM_ERROR, NULL}, /* another kind */
	{"secrets.x == 1", "{}", ALARM_ERROR, NULL},
};

START_TEST(a_message_says)
{
	auto_arena arena = {0};
	struct alarm_spec spec = {.kind = ALARM_WEBHOOK, .firing = str_of(messages[_i].firing)};
	struct alarm_reading reading;
	json_t *body = json_loads(messages[_i].body, 0, NULL);
	alarm_judge_message(&spec, body, &reading, &arena);
	json_decref(body);
	ck_assert_msg(reading.outcome == messages[_i].outcome, "%s: %.*s", messages[_i].firing, STR_ARG(reading.text));
	if (messages[_i].text)
		ck_assert_msg(str_is(reading.text, messages[_i].text), "%.*s", STR_ARG(reading.text));
}
END_TEST

START_TEST(words_are_one_short_line)
{
	auto_arena arena = {0};
	char text[1000];
	memset(text, 'x', sizeof text);
	text[1] = '\n';
	text[2] = (char)0xff; /* no UTF-8 */
	struct str words = alarm_words((struct str){text, sizeof text}, &arena);
	ck_assert(str_starts(words, STR("x \xef\xbf\xbdx")) && str_is_utf8(words) && str_ends(words, STR("x...")));
	ck_assert(words.n < 320);
}
END_TEST

static const struct {
	const char *address;
	bool is_allowed;
} addresses[] = {
	{"127.0.0.1", true},
	{"10.1.2.3", true}, /* the configuration is the admin's, and so are private networks */
	{"192.168.1.1", true},
	{"93.184.216.34", true},
	{"169.254.169.254", false}, /* a cloud's credentials */
	{"169.253.1.1", true},
	{"100.100.100.200", false}, /* another cloud's */
	{"0.0.0.0", false},
	{"224.0.0.1", false},
	{"255.255.255.255", false},
	{"::1", true},
	{"fd12::1", true},
	{"2606:2800:220:1::1", true},
	{"::", false},
	{"fe80::1", false},
	{"ff02::1", false},
	{"fd00:ec2::254", false},
	{"::ffff:169.254.169.254", false}, /* the same by another name */
	{"::ffff:127.0.0.1", true},
};

START_TEST(an_address_is_allowed)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *text = addresses[_i].address;
	bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
	ck_assert(is_v4 || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
	const struct sockaddr *address = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
	ck_assert_msg(alarm_allows_address(NULL, address) == addresses[_i].is_allowed, "%s", text);
}
END_TEST

/* --- from the configuration --- */

static const char document[] =
	"alarms:\n"
	"  errors: { prometheus: { url: \"http://p/\", query: q }, above: 0, for: 2m, description: d }\n"
	"  alerts: { alertmanager: { labels: { alertname: X, service: web } } }\n"
	"  beats: { webhook: { firing: body.is_bad }, interval: 1m, dry_run: true }\n"
	"  health: { http: { url: \"http://h/\", status: 204, timeout: 300ms }, interval: 3s, min_points: 7 }\n";

static void read_specs(const char *text, struct alarm_spec specs[4], struct arena *arena)
{
	const struct configuration *configuration;
	struct lang_errors errors = {.arena = arena};
	ck_assert(configuration_load(str_of(text), "test", arena, &configuration, &errors));
	ck_assert_uint_eq(configuration->alarms.count, 4);
	for (size_t i = 0; i < 4; i++)
		alarm_spec_of(&configuration->alarms.items[i], &specs[i], arena);
}

START_TEST(the_configuration_says)
{
	auto_arena arena = {0};
	struct alarm_spec specs[4], again[4];
	read_specs(document, specs, &arena);
	const struct alarm_spec *errors = &specs[0], *alerts = &specs[1], *beats = &specs[2], *health = &specs[3];
	ck_assert(errors->kind == ALARM_PROMETHEUS && errors->threshold.has_above && !errors->threshold.has_below);
	ck_assert(errors->rules.for_us == 120000000 && errors->rules.interval_us == 15000000 && !errors->rules.is_told);
	ck_assert(errors->timeout_ms == 5000 && errors->min_points == 1 && !errors->is_dry_run);
	ck_assert(alerts->kind == ALARM_ALERTMANAGER && alerts->rules.interval_us == 0 && alerts->rules.is_told);
	ck_assert(str_is(pair_get(&alerts->labels, STR("service")), "web") && alerts->min_points == 0);
	ck_assert(beats->kind == ALARM_WEBHOOK && beats->rules.interval_us == 60000000 && beats->is_dry_run);
	ck_assert(health->kind == ALARM_HTTP && health->status == 204 && health->timeout_ms == 300 &&
		  health->min_points == 7);
	/* How often it is looked at and what people read of it do not make it another one; what it asks does. */
	auto_buf text = BUF_INIT(4096);
	buf_add_c(&text, document);
	*strstr(text.p, "2m") = '9';
	strstr(text.p, "tion: d")[6] = 'e';
	strstr(text.p, "alertname: X")[11] = 'Y';
	read_specs(buf_c(&text), again, &arena);
	ck_assert(str_eq(errors->definition, again[0].definition) && !str_eq(alerts->definition, again[1].definition));
	ck_assert(str_eq(beats->definition, again[2].definition) && !str_eq(beats->definition, health->definition));
}
END_TEST

START_TEST(the_configuration_says_a_script)
{
	static const char *const texts[] = {
		"alarms: { a: { script: { run: ./check, repository: web } } }",
		"alarms: { a: { script: { run: ./check, repository: web, ref: v1, network: egress, timeout: 9s, labels: [x, y], "
		"env: { A: b } }, interval: 5m } }",
	};
	auto_arena arena = {0};
	struct alarm_spec specs[2];
	for (size_t i = 0; i < 2; i++) {
		const struct configuration *configuration;
		struct lang_errors errors = {.arena = &arena};
		ck_assert(configuration_load(str_of(texts[i]), "test", &arena, &configuration, &errors));
		alarm_spec_of(&configuration->alarms.items[0], &specs[i], &arena);
		ck_assert(specs[i].kind == ALARM_SCRIPT && str_is(specs[i].run, "./check") &&
			  str_is(specs[i].repository, "web"));
	}
	ck_assert(specs[0].rules.interval_us == 60000000 && specs[0].timeout_ms == 60000 &&
		  str_is(specs[0].network, "none"));
	ck_assert(specs[1].rules.interval_us == 300000000 && specs[1].timeout_ms == 9000 &&
		  str_is(specs[1].network, "egress"));
	ck_assert(specs[1].worker_labels.count == 2 && str_is(specs[1].worker_labels.items[1], "y"));
	ck_assert(str_is(pair_get(&specs[1].env, STR("A")), "b") && str_is(specs[1].ref, "v1"));
	ck_assert(!str_eq(specs[0].definition, specs[1].definition));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alarm judge");
	TCase *cases = tcase_create("alarm judge");
	tcase_add_loop_test(cases, prometheus_says, 0, COUNT_OF(answers));
	tcase_add_loop_test(cases, a_threshold_is_passed, 0, COUNT_OF(thresholds));
	tcase_add_loop_test(cases, a_probe_says, 0, COUNT_OF(probes));
	tcase_add_loop_test(cases, a_message_says, 0, COUNT_OF(messages));
	tcase_add_test(cases, words_are_one_short_line);
	tcase_add_loop_test(cases, an_address_is_allowed, 0, COUNT_OF(addresses));
	tcase_add_test(cases, the_configuration_says);
	tcase_add_test(cases, the_configuration_says_a_script);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
