/* The policy program's rules over real files, the hostile ones too. Every token is made up, and in pieces. */
// links: penstock_policy
#include "worker/policy/policy.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN                                                                                                          \
	"ghp"                                                                                                          \
	"_vN3kQ8rT2mXw5ZbL7pYc1HsD9fGj4KaU6eRt"

static char folder[] = "/tmp/penstock-policy-XXXXXX";
static struct arena arena;
static struct policy policy;
static struct policy_answer answer;
static struct str said; /* on the log */

static void set_up(void)
{
	snprintf(folder, sizeof folder, "/tmp/penstock-policy-XXXXXX");
	ck_assert(mkdtemp(folder) != NULL);
	arena = (struct arena){0};
	policy = (struct policy){.log = memfd_create("log", 0), .answer = memfd_create("answer", 0)};
	policy.workspace = open(folder, O_RDONLY | O_DIRECTORY);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void tear_down(void)
{
	close(policy.workspace);
	close(policy.log);
	close(policy.answer);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_done(&policy.arena);
	arena_done(&arena);
}

static const char *path_of(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name).p;
}

static void put(const char *name, struct str text)
{
	size_t at;
	if (str_find_char(str_of(name), '/', &at))
		mkdir(path_of(arena_str(&arena, str_head(str_of(name), at)).p), 0755);
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_msg(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n, "%s", name);
	close(fd);
}

static struct str read_all(int fd)
{
	struct stat st;
	fstat(fd, &st);
	char *text = arena_alloc(&arena, (size_t)st.st_size + 1);
	ck_assert_int_eq(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	return (struct str){text, (size_t)st.st_size};
}

static bool check(const char *rule)
{
	struct err err = {0};
	policy.request.rules = (struct str_list){arena_new(&arena, struct str), rule != NULL};
	if (rule)
		policy.request.rules.items[0] = str_of(rule);
	bool is_clean = policy_run(&policy);
	said = read_all(policy.log);
	ck_assert_msg(policy_answer_read(read_all(policy.answer), &answer, &arena, &err), "%s", err.text);
	return is_clean;
}

static void add_artifact(const char *path)
{
	struct policy_request *request = &policy.request;
	request->artifacts =
		arena_grow(&arena, request->artifacts, sizeof *request->artifacts, request->artifact_count);
	request->artifacts[request->artifact_count++] = (struct policy_artifact){
		.path = str_of(path), .sha256 = STR("5e884898da28047151d0e56f8dc6292773603d0d")};
}

/* --- what is packed --- */

static struct archive *begin_archive(const char *name, bool is_zip, bool is_gzip)
{
	struct archive *made = archive_write_new();
	if (is_zip)
		archive_write_set_format_zip(made);
	else
		archive_write_set_format_pax_restricted(made);
	if (is_gzip)
		archive_write_add_filter_gzip(made);
	ck_assert_int_eq(archive_write_open_filename(made, path_of(name)), ARCHIVE_OK);
	return made;
}

static void add_entry(struct archive *made, const char *name, unsigned kind, const char *link, struct str text)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, kind);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)text.n);
	if (link && kind == AE_IFLNK)
		archive_entry_set_symlink(entry, link);
	else if (link)
		archive_entry_set_hardlink(entry, link);
	archive_write_header(made, entry);
	archive_write_data(made, text.p, text.n);
	archive_entry_free(entry);
}

static void end_archive(struct archive *made)
{
	archive_write_close(made);
	archive_write_free(made);
}

#define SECRET STR("# settings\nTOKEN=" TOKEN "\n")

static void pack(const char *name, bool is_zip, const char *inner, struct str text)
{
	struct archive *made = begin_archive(name, is_zip, !is_zip);
	add_entry(made, inner, AE_IFREG, NULL, text);
	end_archive(made);
	add_artifact(name);
}

/* A file compressed as it is, `times` over. */
static void compress(const char *name, struct str text, int times)
{
	for (int i = 0; i < times; i++) {
		struct archive *made = archive_write_new();
		struct archive_entry *entry = archive_entry_new();
		archive_write_set_format_raw(made);
		archive_write_add_filter_gzip(made);
		ck_assert_int_eq(archive_write_open_filename(made, path_of(name)), ARCHIVE_OK);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_write_header(made, entry);
		archive_write_data(made, text.p, text.n);
		archive_entry_free(entry);
		end_archive(made);
		int fd = open(path_of(name), O_RDONLY);
		text = read_all(fd);
		close(fd);
	}
	add_artifact(name);
}

static void make_tarball(void)
{
	pack("web.tar.gz", false, "config/prod.env", SECRET);
}

static void make_zip(void)
{
	pack("web.zip", true, "config/prod.env", SECRET);
}

static void make_plain(void)
{
	put("out.txt", SECRET);
	add_artifact("out.txt");
}

static void make_compressed(void)
{
	compress("out.gz", SECRET, 1);
}

static void make_nested(void)
{
	pack("inner.tar.gz", false, "prod.env", SECRET);
	int fd = open(path_of("inner.tar.gz"), O_RDONLY);
	struct str inner = read_all(fd);
	close(fd);
	policy.request.artifact_count = 0;
	pack("outer.zip", true, "inner.tar.gz", inner);
}

static void make_gzipped_again(void)
{
	compress("deep.gz", SECRET, 8);
}

static void make_too_deep(void)
{
	struct str text = SECRET;
	for (int i = 0; i < 9; i++) {
		pack("deep.zip", true, "a.zip", text);
		int fd = open(path_of("deep.zip"), O_RDONLY);
		text = read_all(fd);
		close(fd);
	}
	policy.request.artifact_count = 1;
}

static void make_upward(void)
{
	pack("up.tar.gz", false, "../../../../tmp/penstock-policy-was-here", SECRET);
}

static void make_links(void)
{
	struct archive *made = begin_archive("links.tar.gz", false, true);
	add_entry(made, "passwd", AE_IFLNK, "/etc/passwd", STR(""));
	add_entry(made, "shadow", AE_IFREG, "/etc/shadow", STR(""));
	add_entry(made, "loop", AE_IFLNK, "loop", STR(""));
	add_entry(made, "dev", AE_IFCHR, NULL, STR(""));
	end_archive(made);
	add_artifact("links.tar.gz");
}

static void make_cut(void)
{
	make_tarball();
	ck_assert_int_eq(truncate(path_of("web.tar.gz"), 100), 0);
}

/* A gigabyte of zeros in a megabyte; a sixteenth of it may come out. */
static void make_bomb(void)
{
	auto_free char *zeros = mem_alloc(1 << 20);
	struct archive *made = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	archive_write_set_format_raw(made);
	archive_write_add_filter_gzip(made);
	archive_write_open_filename(made, path_of("bomb.gz"));
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_write_header(made, entry);
	for (int i = 0; i < 1024; i++)
		archive_write_data(made, zeros, 1 << 20);
	archive_entry_free(entry);
	end_archive(made);
	add_artifact("bomb.gz");
	policy.request.artifact_bytes_max = 64 << 20;
}

/* Claims to be 2^40 bytes, nearly all of them a hole. */
static void make_sparse(void)
{
	int fd = open(path_of("sparse.bin"), O_WRONLY | O_CREAT, 0644);
	ck_assert(fd >= 0 && ftruncate(fd, INT64_C(1) << 40) == 0);
	close(fd);
	add_artifact("sparse.bin");
	policy.request.artifact_bytes_max = 64 << 20;
}

static void make_link(void)
{
	ck_assert_int_eq(symlink("/etc/passwd", path_of("out.txt")), 0);
	add_artifact("out.txt");
}

static void make_fifo(void)
{
	ck_assert_int_eq(mkfifo(path_of("out.txt"), 0644), 0);
	add_artifact("out.txt");
}

static void make_missing(void)
{
	add_artifact("gone.txt");
}

/* Over the border of the buffer that a long line is read in. */
static void make_long_line(void)
{
	char *text = arena_alloc(&arena, 200001);
	memset(text, ' ', 200000);
	memcpy(text + 65536 - 10, TOKEN, strlen(TOKEN));
	put("long.txt", (struct str){text, 200000});
	add_artifact("long.txt");
}

static void make_binary(void)
{
	char *text = arena_alloc(&arena, 4096);
	memcpy(text + 1000, TOKEN, strlen(TOKEN));
	put("a.out", (struct str){text, 4096});
	add_artifact("a.out");
}

static const struct {
	void (*make)(void);
	const char *path; /* of the finding; NULL: there is none */
	int line;
	enum finding_level level;
	const char *message; /* a part of it */
} packed[] = {
	{make_plain, "out.txt", 2, FINDING_ERROR, "a GitHub token"},
	{make_tarball, "web.tar.gz!config/prod.env", 2, FINDING_ERROR, "a GitHub token"},
	{make_zip, "web.zip!config/prod.env", 2, FINDING_ERROR, "a GitHub token"},
	{make_compressed, "out.gz", 2, FINDING_ERROR, "a GitHub token"},
	{make_nested, "outer.zip!inner.tar.gz!prod.env", 2, FINDING_ERROR, "a GitHub token"},
	{make_binary, "a.out", 0, FINDING_ERROR, "a GitHub token"},
	{make_long_line, "long.txt", 1, FINDING_ERROR, "a GitHub token"},
	{make_gzipped_again, "deep.gz", 2, FINDING_ERROR, "a GitHub token"}, /* libarchive takes all layers for one */
	{make_too_deep, "deep.zip!a.zip!a.zip!a.zip!a.zip!a.zip!a.zip!a.zip!a.zip", 0, FINDING_WARNING,
		"packed too many times"},
	{make_upward, "up.tar.gz!../../../../tmp/penstock-policy-was-here", 2, FINDING_ERROR, "a GitHub token"},
	{make_links, NULL, 0, FINDING_ERROR, NULL},
	{make_cut, "web.tar.gz", 0, FINDING_WARNING, "cannot be unpacked"},
	{make_bomb, "bomb.gz", 0, FINDING_ERROR, "more comes out of it than may be looked at"},
	{make_sparse, "sparse.bin", 0, FINDING_ERROR, "more comes out of it than may be looked at"},
	{make_link, "out.txt", 0, FINDING_ERROR, "could not be looked at"},
	{make_fifo, "out.txt", 0, FINDING_ERROR, "no regular file"},
	{make_missing, "gone.txt", 0, FINDING_ERROR, "is not there"},
};

START_TEST(artifacts_are_looked_into)
{
	packed[_i].make();
	bool is_clean = check("no-secrets");
	ck_assert_msg(answer.finding_count == (packed[_i].path != NULL), "%.*s", STR_ARG(said));
	ck_assert_int_eq(is_clean, !packed[_i].path || packed[_i].level != FINDING_ERROR);
	ck_assert(access("/tmp/penstock-policy-was-here", F_OK) != 0);
	if (!packed[_i].path)
		return;
	const struct finding *finding = &answer.findings[0];
	size_t at;
	ck_assert_msg(str_is(finding->path, packed[_i].path), "%.*s", STR_ARG(finding->path));
	ck_assert_int_eq(finding->line, packed[_i].line);
	ck_assert_int_eq(finding->level, packed[_i].level);
	ck_assert_msg(str_find(finding->message, str_of(packed[_i].message), &at), "%.*s", STR_ARG(finding->message));
	ck_assert(!str_find(said, STR(TOKEN), &at)); /* never the thing itself */
}
END_TEST

/* --- pins --- */

#define DIGEST "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const struct {
	const char *text;
	int line; /* of the finding; 0: none */
} pipelines[] = {
	{"name: a\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n", 0}, {"use: ci@1\n", 0},
	{"name: a\nuse: ci@latest\n", 2}, {"use: ci\n", 1}, {"use: ci@^1\n", 1},
	{"extends: base\n", 0}, /* base.yaml lies beside it */
	{"extends: ci\n", 1},   /* what the server ships, whatever that is today */
	{"defaults:\n  image: debian:12\n", 2}, {"defaults:\n  image: debian@" DIGEST "\n", 0},
	{"defaults:\n  image: debian:12@" DIGEST "\n", 0}, {"defaults:\n  image: debian@sha256:123\n", 2},
	{"stages:\n  - name: s\n    jobs:\n      j:\n        image: app@${{ jobs.make.outputs.digest }}\n", 0},
	{"stages:\n  - name: s\n    jobs:\n      j:\n        image: app:${{ inputs.tag }}\n", 5},
	{"stages:\n  - name: s\n    jobs:\n      j:\n        services:\n          db: { image: postgres:15 }\n", 6},
	{"deploy:\n  image: deployer\n", 2}, {"env: { image: debian }\n", 0}, /* a variable of that name */
	{"a: [\n", 2}, /* cannot be read: so it cannot be said to be pinned */
};

START_TEST(pipelines_are_pinned_or_not)
{
	put(".penstock/a.yaml", str_of(pipelines[_i].text));
	put(".penstock/base.yaml", STR("name: base\n"));
	bool is_clean = check("pipeline-pinned");
	ck_assert_msg(is_clean == !pipelines[_i].line && answer.finding_count == !is_clean, "%s%.*s",
		pipelines[_i].text, STR_ARG(said));
	if (!is_clean)
		ck_assert_msg(str_is(answer.findings[0].path, ".penstock/a.yaml") &&
				      answer.findings[0].line == pipelines[_i].line,
			"%.*s", STR_ARG(said));
}
END_TEST

/* --- lists of materials --- */

static const struct {
	const char *list;    /* out/sbom.json; NULL: there is none */
	const char *message; /* of the finding; NULL: none */
} lists[] = {
	{NULL, "there is no SBOM"},
	{"{}", "there is no SBOM"},
	{"{\"bomFormat\": \"CycloneDX\", \"metadata\": {\"component\": {\"name\": \"web\"}}}", NULL},
	{"{\"bomFormat\": \"CycloneDX\", \"components\": [{\"name\": \"web-1.2.tar.gz\"}]}", NULL},
	{"{\"bomFormat\": \"CycloneDX\", \"components\": [{\"name\": \"other\"}]}",
		"no SBOM among the artifacts names it"},
	{"{\"bomFormat\": \"CycloneDX\", \"components\": [{\"name\": \"we\"}]}",
		"no SBOM among the artifacts names it"},
	{"{\"spdxVersion\": \"SPDX-2.3\", \"packages\": [{\"name\": \"x\", \"packageFileName\": \"./out/web-1.2.tar.gz\"}]}",
		NULL},
	{"{\"spdxVersion\": \"SPDX-2.3\", \"files\": [{\"fileName\": \"x\", \"checksums\": [{\"algorithm\": \"SHA256\", "
	 "\"checksumValue\": \"5e884898da28047151d0e56f8dc6292773603d0d\"}]}]}",
		NULL},
	{"{\"@context\": \"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\", \"@graph\": [{\"type\": \"software_Package\", \"name\": \"web\"}]}",
		NULL},
	{"{\"spdxVersion\": \"SPDX-2.3\", \"packages\": 7}", "no SBOM among the artifacts names it"},
	{"[[[[", "there is no SBOM"},
};

START_TEST(lists_name_what_ships)
{
	put("out/web-1.2.tar.gz", STR("x"));
	put("out/web-1.2.tar.gz.sig", STR("x"));
	add_artifact("out/web-1.2.tar.gz");
	add_artifact("out/web-1.2.tar.gz.sig"); /* needs no list of its own */
	if (lists[_i].list) {
		put("out/sbom.json", str_of(lists[_i].list));
		add_artifact("out/sbom.json");
	}
	bool is_clean = check("artifact-has-sbom");
	/* A file that is no list ships, too. */
	ck_assert_msg(is_clean == !lists[_i].message, "%.*s", STR_ARG(said));
	size_t at;
	if (!is_clean)
		ck_assert_msg(
			str_find(answer.findings[0].message, str_of(lists[_i].message), &at), "%.*s", STR_ARG(said));
}
END_TEST

/* --- messages --- */

static const struct {
	const char *message;
	int parents;
	const char *finding; /* a part; NULL: none */
} messages[] = {
	{"fix: accept empty lists\n", 1, NULL},
	{"feat(parser)!: accept lists\n\nBody.\n\nBREAKING CHANGE: all\n", 1, NULL},
	{"Fix: any case\n", 1, NULL}, /* "must not be treated as case sensitive" */
	{"Merge branch 'x'\n", 2, NULL}, {"Merge branch 'x'\n", 1, "\"Merge branch 'x'\" has no \"type: \" in front"},
	{"Revert \"fix: x\"\n\nThis reverts commit 1.\n", 1, NULL}, {"fixed it\n", 1, "has no \"type: \" in front"},
	{"fix:no blank\n", 1, "has no description"}, {"fix: \n", 1, "has no description"},
	{"fix(): x\n", 1, "has an empty scope"}, {"fix(a: x\n", 1, "has an empty scope, or one that is not closed"},
	{"feature: x\n", 1, "unknown type \"feature\""}, {"fixup! fix: x\n", 1, "is to be folded"},
	{"fix: x\nno blank line\n", 1, "the second line of the message is not empty"},
	{"fix: x\n\nBreaking change: y\n", 1, "is not in capitals"}, {"", 1, "does not begin with a type"},
	{"\x1b[31mfix\n", 1, "does not begin with a type"}, /* and nothing of it reaches a terminal */
};

static void set_change(const char *message, int parents)
{
	policy.request.has_change = true;
	policy.change = arena_printf(&arena, "commit 0123456789abcdef0123456789abcdef01234567 %d %zu\n%s\nend\n",
		parents, strlen(message), message);
}

START_TEST(messages_follow_the_convention)
{
	size_t at;
	set_change(messages[_i].message, messages[_i].parents);
	bool is_clean = check("conventional-commits");
	ck_assert_msg(is_clean == !messages[_i].finding && answer.finding_count == !is_clean, "%.*s", STR_ARG(said));
	ck_assert(!str_find_char(said, '\x1b', &at));
	if (!is_clean)
		ck_assert_msg(
			str_find(answer.findings[0].message, str_of(messages[_i].finding), &at), "%.*s", STR_ARG(said));
}
END_TEST

START_TEST(a_change_that_cannot_be_read_fails)
{
	static const char *const changes[] = {"", "commit 1 1 5\nab\nend\n", "file text 1\na\nend\n",
		"commit 1 1 1\na\nfile odd 1\na\nend\n", "commit 1 1 1\na\nlines 1 1\na\nend\n",
		"commit 1 1 99999999999999999999\na\nend\n", "commit 1 1 1\na\nend\nmore\n"};
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		tear_down();
		set_up();
		policy.request.has_change = true;
		policy.change = str_of(changes[i]);
		ck_assert_msg(!check("conventional-commits") && answer.faults.count == 1, "%s", changes[i]);
	}
}
END_TEST

START_TEST(an_unknown_rule_fails)
{
	ck_assert(!check("no-such-rule"));
	ck_assert_uint_eq(answer.faults.count, 1);
}
END_TEST

/* Counted all, told up to a limit. */
START_TEST(findings_have_a_ceiling)
{
	auto_buf text = BUF_INIT(1 << 20);
	for (int i = 0; i < FINDINGS_MAX + 100; i++)
		buf_addf(&text, "commit %040d 1 3\nbad\n", i);
	buf_add_c(&text, "end\n");
	policy.request.has_change = true;
	policy.change = buf_str(&text);
	ck_assert(!check("conventional-commits"));
	ck_assert_uint_eq(answer.finding_count, FINDINGS_MAX);
	ck_assert_int_eq(answer.found, FINDINGS_MAX + 100);
}
END_TEST

/* --- reports --- */

static void nest(struct buf *text, const char *piece, int times)
{
	for (int i = 0; i < times; i++)
		buf_add_c(text, piece);
}

static const struct {
	const char *kind, *head, *piece; /* the piece a hundred thousand times */
	const char *complaint;
} reports[] = {
	{"junit", "<testsuite>", "<testsuite>", "too deep"},
	{"junit", "<!DOCTYPE a><testsuite>", "", "DOCTYPE"},
	{"junit", "<html>", "", "its root is no"},
	{"junit", "", "", "no element found"},
	{"junit", "<testsuite><testcase name='", "aaaaaaaaaa", "unclosed token"},
	{"sarif", "", "[", "maximum parsing depth"},
	{"sarif", "{}", "", "has no \"runs\""},
	{"sarif", "{\"runs\": [{\"results\": [", "", "expected"},
};

START_TEST(hostile_reports_are_refused)
{
	auto_buf text = BUF_INIT(4 << 20);
	size_t at;
	buf_add_c(&text, reports[_i].head);
	nest(&text, reports[_i].piece, 100000);
	put("out/r.txt", buf_str(&text));
	pair_set(&policy.request.reports, &arena, str_of(reports[_i].kind), STR("out/*.txt"));
	ck_assert(check(NULL));
	ck_assert_msg(str_find(said, str_of(reports[_i].complaint), &at), "%.*s", STR_ARG(str_head(said, 500)));
	ck_assert_uint_eq(answer.finding_count + answer.test_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, artifacts_are_looked_into, 0, (int)COUNT_OF(packed));
	tcase_add_loop_test(tcase, pipelines_are_pinned_or_not, 0, (int)COUNT_OF(pipelines));
	tcase_add_loop_test(tcase, lists_name_what_ships, 0, (int)COUNT_OF(lists));
	tcase_add_loop_test(tcase, messages_follow_the_convention, 0, (int)COUNT_OF(messages));
	tcase_add_test(tcase, a_change_that_cannot_be_read_fails);
	tcase_add_test(tcase, an_unknown_rule_fails);
	tcase_add_test(tcase, findings_have_a_ceiling);
	tcase_add_loop_test(tcase, hostile_reports_are_refused, 0, (int)COUNT_OF(reports));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
