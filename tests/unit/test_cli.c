// links: penstock_cli
/* The pure parts of the command line: reading it, and a run as text. */
#include "cli/args.h"
#include "cli/print.h"
#include "cli/run_view.h"
#include "tests/support/suite.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 12 };

/* --- reading a command line --- */

/* "penstock" and the words of `line`, cut at blanks. */
static int split(char *line, char **argv)
{
	int argc = 0;
	argv[argc++] = (char *)(uintptr_t) "penstock";
	for (char *word = strtok_r(line, " ", &line); word && argc < WORDS_MAX; word = strtok_r(NULL, " ", &line))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static const struct {
	const char *line, *command, *arguments; /* arguments joined by commas */
	const char *flag, *value;
} good[] = {
	{"runs", "runs", "", NULL, NULL}, {"repo add web /srv/web.git", "repo add", "web,/srv/web.git", NULL, NULL},
	{"show web#1 --json", "show", "web#1", "json", ""},
	{"show --json web#1", "show", "web#1", "json", ""}, /* flags may stand anywhere */
	{"runs --limit 3", "runs", "", "limit", "3"}, {"runs --limit=3", "runs", "", "limit", "3"},
	{"runs --limit 3 --limit 4", "runs", "", "limit", "4"}, /* the last one counts */
	{"runs --branch=", "runs", "", "branch", ""},           /* an empty value is one */
	{"run web ci --input a=b=c", "run", "web,ci", "input",
		"a=b=c"},                                         /* the first = ends the name of the flag only */
	{"approve --comment -x", "approve", "", "comment", "-x"}, /* a value may look like a flag */
	{"lint -- --odd.yaml", "lint", "--odd.yaml", NULL, NULL}, /* behind -- all are arguments */
	{"lint a.yaml b.yaml c.yaml", "lint", "a.yaml,b.yaml,c.yaml", NULL, NULL},
	{"logs web#1 -f", "logs", "web#1", "follow", ""}, {"runs -n 3", "runs", "", "limit", "3"},
	{"logs -n 3", "logs", "", "lines", "3"},
	{"artifacts get 7 -", "artifacts get", "7,-", NULL, NULL}, /* one dash is a name */
};

START_TEST(command_lines_are_read)
{
	struct cli cli = {0};
	struct err err = {0};
	enum args_wish wish;
	char *argv[WORDS_MAX + 1], *line = strdup(good[_i].line), joined[200] = "";
	ck_assert_msg(args_read(&cli, split(line, argv), argv, &wish, &err), "%s: %s", good[_i].line, err.text);
	ck_assert_int_eq(wish, ARGS_RUN);
	ck_assert_str_eq(cli.command->name, good[_i].command);
	for (size_t i = 0; i < cli.argument_count; i++) {
		size_t n = strlen(joined);
		snprintf(joined + n, sizeof joined - n, "%s%s", i ? "," : "", cli_argument(&cli, i));
	}
	ck_assert_str_eq(joined, good[_i].arguments);
	if (good[_i].flag)
		ck_assert_str_eq(cli_flag(&cli, good[_i].flag), good[_i].value);
	arena_done(&cli.arena);
	free(line);
}
END_TEST

static const struct {
	const char *line, *said;
} bad[] = {
	{"rnus", "did you mean \"runs\"?"},
	{"repo", "add, ls, set, rm"}, /* a group wants its second word */
	{"repo lst", "did you mean \"repo ls\"?"},
	{"xyzzy", "`penstock help` lists them"},
	{"runs --stat failed", "did you mean --state?"},
	{"runs --xyzzy", "`penstock help runs` lists them"},
	{"runs -x", "`penstock help runs` lists them"},
	{"runs -f", "`penstock help runs` lists them"}, /* of other commands a letter */
	{"runs -n", "--limit wants a value"},
	{"--json runs", "its flags behind it"},
	{"runs web", "unexpected argument \"web\""},
	{"runs --limit", "--limit wants a value"},
	{"runs --json=yes", "takes no value"},
	{"run web", "usage: penstock run REPOSITORY PIPELINE"},
};

START_TEST(mistakes_are_told)
{
	struct cli cli = {0};
	struct err err = {0};
	enum args_wish wish;
	char *argv[WORDS_MAX + 1], *line = strdup(bad[_i].line);
	ck_assert_msg(!args_read(&cli, split(line, argv), argv, &wish, &err), "%s was taken", bad[_i].line);
	ck_assert_int_eq(err.kind, ERR_INVALID);
	ck_assert_msg(strstr(err.text, bad[_i].said), "%s: %s", bad[_i].line, err.text);
	arena_done(&cli.arena);
	free(line);
}
END_TEST

/* --- widths --- */

static const struct {
	const char *text;
	size_t columns;
	const char *cut;
} cuts[] = {
	{"plain", 5, "plain"},                                /* what fits stays as it is */
	{"plain", 4, "pla…"}, {"plain", 0, "plain"},          /* no terminal */
	{"äöü", 3, "äöü"},                                    /* characters, not bytes */
	{"日本語", 6, "日本語"},                              /* two columns each */
	{"日本語", 5, "日本…"},                               /* the mark takes one */
	{"\033[31mred\033[0m", 3, "\033[31mred\033[0m"},      /* colours take none */
	{"\033[31mreddish\033[0m", 4, "\033[31mred\033[0m…"}, /* and end behind the cut, too */
	{"a\xff"
	 "b",
		3,
		"a\xff"
		"b"}, /* what is no UTF-8 takes one */
};

START_TEST(lines_are_cut_by_what_they_take_on_screen)
{
	auto_buf cut = BUF_INIT(1000);
	setlocale(LC_CTYPE, "C.UTF-8");
	print_cut(&cut, str_of(cuts[_i].text), cuts[_i].columns);
	ck_assert_str_eq(buf_c(&cut), cuts[_i].cut);
	if (cuts[_i].columns)
		ck_assert_uint_le(print_width(buf_str(&cut)), cuts[_i].columns);
}
END_TEST

/* --- a run --- */

static json_t *parse(const char *text)
{
	json_error_t fault;
	json_t *json = json_loads(text, 0, &fault);
	ck_assert_msg(json != NULL, "%s in %s", fault.text, text);
	return json;
}

static void merge(json_t **run, const char *text)
{
	json_t *event = parse(text);
	run_view_merge(run, event);
	json_decref(event);
}

#define SUMMARY(state)                                                                                                 \
	"'run':{'name':'web#1','state':'" state "','pipeline':'ci','commit':'abc','title':'t','actor':'ann'}"

/* JSON with single quotes, for legibility. */
static const char *quoted(const char *text)
{
	static char all[8][4096];
	static size_t next;
	char *copy = all[next++ % 8];
	snprintf(copy, sizeof all[0], "%s", text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

static json_t *example(void)
{
	json_t *run = NULL;
	merge(&run,
		quoted("{" SUMMARY("running") ",'errors':[],'refusals':[],'stages':["
					      "{'id':1,'name':'test','state':'running','gate':null,'jobs':["
					      "{'id':11,'stage_id':1,'key':'test/a','state':'running','attempt':1},"
					      "{'id':12,'stage_id':1,'key':'test/b','state':'queued','attempt':0}]},"
					      "{'id':2,'name':'ship','state':'blocked','jobs':[],'gate':null}]}"));
	return run;
}

static void expect(const json_t *run, size_t max_lines, const char *const *said, const char *unsaid)
{
	struct cli cli = {0};
	auto_buf text = BUF_INIT(TEXT_MAX);
	run_view_write(&cli, run, max_lines, &text);
	for (; *said; said++)
		ck_assert_msg(strstr(buf_c(&text), *said), "no \"%s\" in\n%s", *said, buf_c(&text));
	ck_assert_msg(!unsaid || !strstr(buf_c(&text), unsaid), "\"%s\" in\n%s", unsaid, buf_c(&text));
	ck_assert_ptr_null(strchr(buf_c(&text), '\033')); /* no colours were asked for */
}

START_TEST(updates_are_merged_by_id)
{
	json_t *run = example();
	/* One job ends, one is new: the other one and the second stage stay as they were. */
	merge(&run,
		quoted("{" SUMMARY("running") ",'stages':[],'gates':[],'jobs':["
					      "{'id':11,'stage_id':1,'key':'test/a','state':'succeeded','attempt':1},"
					      "{'id':13,'stage_id':1,'key':'test/c','state':'running','attempt':2}]}"));
	expect(run, 0,
		(const char *const[]){"succeeded   test/a", "queued      test/b", "running     test/c", "attempt 2",
			"blocked     ship", NULL},
		NULL);
	/* A stage's update carries neither its jobs nor its gate. */
	merge(&run,
		quoted("{" SUMMARY(
			"waiting") ",'jobs':[],'gates':[{'id':5,'stage_id':2,'state':'open','approved':0,"
				   "'approvals':1,'who_may':'admins','decisions':[]}],"
				   "'stages':[{'id':1,'name':'test','state':'succeeded'},{'id':2,'name':'ship','state':'gated'}]}"));
	expect(run, 0,
		(const char *const[]){
			"succeeded   test/a", "gated       ship", "gate open: 0 of 1 approvals, by admins", NULL},
		"blocked");
	/* The stream began anew: a whole run replaces what was known. */
	merge(&run, quoted("{" SUMMARY("succeeded") ",'errors':[],'refusals':[],'stages':[]}"));
	expect(run, 0, (const char *const[]){"web#1  succeeded", NULL}, "test/a");
	json_decref(run);
}
END_TEST

START_TEST(what_may_fail_and_did_is_said)
{
	json_t *run = parse(quoted(
		"{'run':{'name':'web#1','state':'succeeded','has_warnings':true,'pipeline':'ci','commit':'abc','title':'t',"
		"'actor':'ann'},'stages':[{'id':1,'name':'test','state':'succeeded','gate':null,'jobs':["
		"{'id':11,'stage_id':1,'key':'test/a','state':'failed','attempt':1,'allow_failure':true,"
		"'message':'exited with code 3'},"
		"{'id':12,'stage_id':1,'key':'test/b','state':'succeeded','attempt':1,'allow_failure':true}]}]}"));
	expect(run, 0, (const char *const[]){"web#1  with warnings  ci", "may fail: exited with code 3", NULL},
		"succeeded  ci");
	json_decref(run);
}
END_TEST

START_TEST(an_update_before_the_whole_is_no_run)
{
	json_t *run = NULL;
	merge(&run, quoted("{" SUMMARY("running") ",'stages':[],'gates':[],'jobs':[]}"));
	ck_assert_ptr_null(run);
}
END_TEST

START_TEST(a_low_screen_gets_what_matters)
{
	json_t *run = example();
	expect(run, 4, (const char *const[]){"running     test/a", "1 running, 1 queued", "blocked     ship", NULL},
		"test/b");
	expect(run, 2, (const char *const[]){"web#1  running", "… 3 more lines", NULL}, "test/a");
	json_decref(run);
}
END_TEST

static const struct {
	const char *run;
	enum cli_exit outcome;
	bool is_moving;
	const char *hint; /* NULL: none */
} ends[] = {
	{"{" SUMMARY("pending") ",'stages':[]}", CLI_OK, true, NULL},
	{"{" SUMMARY("running") ",'stages':[]}", CLI_OK, true, NULL},
	{"{" SUMMARY("succeeded") ",'stages':[]}", CLI_OK, false, NULL},
	{"{" SUMMARY("cancelled") ",'stages':[]}", CLI_RUN_FAILED, false, NULL},
	{"{" SUMMARY("superseded") ",'stages':[]}", CLI_RUN_FAILED, false, NULL},
	{"{" SUMMARY("rolled_back") ",'stages':[]}", CLI_RUN_FAILED, false, NULL},
	/* Only a person opens a gate; a lane opens by itself. */
	{"{" SUMMARY("waiting") ",'stages':[{'name':'a','gate':{'state':'open'}}]}", CLI_WAITING, false,
		"approve 'web#1'"},
	{"{" SUMMARY("waiting") ",'stages':[{'name':'a','gate':{'state':'granted'}}]}", CLI_OK, true, NULL},
	{"{" SUMMARY("failed") ",'stages':[{'jobs':[{'key':'t/a','state':'failed','attempt':1}]}]}", CLI_RUN_FAILED,
		false, "logs 'web#1' 't/a'"},
	/* What may fail and did is no plain success. */
	{"{'run':{'name':'web#1','state':'succeeded','has_warnings':true},'stages':[{'jobs':[{'key':'t/a','state':'failed',"
	 "'attempt':1,'allow_failure':true}]}]}",
		CLI_OK, false, "logs 'web#1' 't/a'"},
	/* A job that never ran has no log. */
	{"{" SUMMARY("failed") ",'stages':[{'jobs':[{'key':'t/a','state':'failed','attempt':0}]}]}", CLI_RUN_FAILED,
		false, NULL},
};

START_TEST(outcomes_are_exit_codes)
{
	json_t *run = parse(quoted(ends[_i].run));
	auto_buf hint = BUF_INIT(1000);
	run_view_hint(run, &hint);
	ck_assert_int_eq(run_view_outcome(run), ends[_i].outcome);
	ck_assert_int_eq(run_view_is_moving(run), ends[_i].is_moving);
	if (ends[_i].hint)
		ck_assert_msg(strstr(buf_c(&hint), ends[_i].hint), "%s", buf_c(&hint));
	else
		ck_assert_str_eq(buf_c(&hint), "");
	json_decref(run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, command_lines_are_read, 0, COUNT_OF(good));
	tcase_add_loop_test(all, mistakes_are_told, 0, COUNT_OF(bad));
	tcase_add_loop_test(all, lines_are_cut_by_what_they_take_on_screen, 0, COUNT_OF(cuts));
	tcase_add_test(all, updates_are_merged_by_id);
	tcase_add_test(all, what_may_fail_and_did_is_said);
	tcase_add_test(all, an_update_before_the_whole_is_no_run);
	tcase_add_test(all, a_low_screen_gets_what_matters);
	tcase_add_loop_test(all, outcomes_are_exit_codes, 0, COUNT_OF(ends));
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
