/* What a change is, and that every line of it is there: with repositories that git itself made. */
// links: penstock_git penstock_policy
#include "server/git/git_change.h"

#include "common/buf.h"
#include "common/mem.h"
#include "tests/support/suite.h"
#include "worker/policy/change.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct arena arena;

/* On main: one adds a.txt, two adds a line and a secret, three takes the secret away again. On topic, from two: t1,
 * then main merged into it with a conflict that the merge resolves in words of its own, then t2. */
static const char history[] =
	"export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME=/nonexistent\n"
	"git init -q -b main .\n"
	"printf 'first\\n' > a.txt && git add . && git commit -qm one\n"
	"printf 'first\\nsecret\\n' > a.txt && printf 'x\\0y' > b.bin && mkdir d && printf 'no end' > 'd/with blank' && git add . && "
	"git commit -qm two\n"
	"git branch topic\n"
	"printf 'first\\nthird\\n' > a.txt && git rm -q b.bin && git commit -qam three\n"
	"git checkout -q topic && printf 'first\\nmine\\n' > a.txt && git commit -qam t1\n"
	"git merge -q main || printf 'first\\nmerged\\n' > a.txt && git add . && git commit -qm merge\n"
	"echo t > t.txt && git add . && git commit -qm t2\n"
	"git tag -m x v1 main~1\n";

/* And then a mirror of it, as the server has one. */
static void shell(const char *script)
{
	const char *command = arena_printf(&arena,
		"set -e\ncd %s\nexec >/dev/null\n%s\nrm -rf .git/mirror\ngit clone -q --mirror . .git/mirror", folder,
		script)
				      .p;
	ck_assert_int_eq(system(command), 0);
}

static void set_up(void)
{
	struct err err = {0};
	snprintf(folder, sizeof folder, "/tmp/penstock-change.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	arena = (struct arena){0};
	shell(history);
	ck_assert_msg(git_read_init(&err), "%s", err.text);
}

static void tear_down(void)
{
	ck_assert_int_eq(system(arena_printf(&arena, "rm -r %s", folder).p), 0);
	arena_done(&arena);
}

static struct str id_of(const char *name)
{
	if (!*name || strlen(name) == 40)
		return str_of(name);
	char text[65] = "";
	FILE *git = popen(arena_printf(&arena, "git -C %s rev-parse %s^{commit}", folder, name).p, "r");
	ck_assert(git && fgets(text, sizeof text, git));
	pclose(git);
	return arena_str(&arena, str_trim(str_of(text)));
}

/* "one{a.txt:1=first} two{...}": everything in a line. */
static void add_commit(void *arg, const struct change_commit *commit)
{
	buf_addf(arg, " |%.*s", STR_ARG(str_trim(commit->message)));
}

static void add_file(void *arg, const struct change_commit *commit, const struct change_file *file)
{
	(void)commit;
	buf_addf(arg, " %.*s%s", STR_ARG(file->path), file->is_whole ? "(whole)" : "");
}

static void add_lines(
	void *arg, const struct change_commit *commit, const struct change_file *file, int64_t first, struct str lines)
{
	(void)commit, (void)file;
	buf_addf(arg, " %lld=%.*s", (long long)first, STR_ARG(lines));
}

static struct str describe(const struct git_change *change)
{
	static const struct change_handler handler = {add_commit, add_file, add_lines};
	struct err err = {0};
	struct git_mirror *mirror;
	struct stat st;
	int fd = memfd_create("change", 0);
	ck_assert_msg(git_mirror_open(arena_printf(&arena, "%s/.git/mirror", folder).p, &mirror, &err), "%s", err.text);
	ck_assert_msg(git_change_write(mirror, change, fd, &err), "%s", err.text);
	git_mirror_close(mirror);
	fstat(fd, &st);
	char *text = arena_alloc(&arena, (size_t)st.st_size + 1);
	ck_assert_int_eq(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	auto_buf out = BUF_INIT(1 << 20);
	ck_assert_msg(change_read((struct str){text, (size_t)st.st_size}, &handler, &out, &err), "%s", err.text);
	return arena_str(&arena, str_trim(buf_str(&out)));
}

#define TWO   "|two a.txt 2=secret b.bin(whole) d/with blank 1=no end"
#define ZEROS "0000000000000000000000000000000000000000"

static const struct {
	const char *commit, *before, *branch;
	bool is_push;
	const char *said;
} changes[] = {
	/* a push of two commits: also what the second takes away again */
	{"main", "main~2", "main", true, TWO " |three a.txt 2=third"},
	{"main", "main~1", "main", true, "|three a.txt 2=third"},
	{"main", "main", "main", true, ""},
	/* the first push of the default branch, and one whose "before" is gone */
	{"main", ZEROS, "main", true, "|one a.txt 1=first " TWO " |three a.txt 2=third"},
	{"main", "1234567890123456789012345678901234567890", "main", true,
		"|one a.txt 1=first " TWO " |three a.txt 2=third"},
	/* back to an earlier commit: nothing is new */
	{"main~1", "main", "main", true, ""},
	/* a new branch: what main does not have. The merge is its own words, not what main brought in */
	{"topic", ZEROS, "topic", true, "|t1 a.txt 2=mine |merge a.txt 2=merged |t2 t.txt 1=t"},
	{"topic", "topic~2", "topic", true, "|merge a.txt 2=merged |t2 t.txt 1=t"},
	/* a pull request: its base is `before`, and it is on no branch */
	{"topic", "main", "", false, "|t1 a.txt 2=mine |merge a.txt 2=merged |t2 t.txt 1=t"},
	/* by hand or by schedule on the default branch, and of a tag: the commit itself */
	{"main", "", "main", false, "|three a.txt 2=third"},
	{"main~1", "", "main", false, TWO},
	{"v1", "", "", false, TWO},
	{"topic", "", "topic", false, "|t1 a.txt 2=mine |merge a.txt 2=merged |t2 t.txt 1=t"},
};

START_TEST(changes_have_all_their_lines)
{
	struct git_change change = {
		.commit = id_of(changes[_i].commit),
		.before = id_of(changes[_i].before),
		.default_branch = STR("main"),
		.branch = str_of(changes[_i].branch),
		.is_push = changes[_i].is_push,
	};
	struct str said = describe(&change);
	ck_assert_msg(
		str_is(said, changes[_i].said), "%s..%s: %.*s", changes[_i].before, changes[_i].commit, STR_ARG(said));
}
END_TEST

/* What a repository says about its files does not hide them. */
START_TEST(attributes_hide_nothing)
{
	shell("export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME=/nonexistent\n"
	      "git checkout -q main && echo '* -diff -text binary' > .gitattributes && echo hidden > h.txt && git add . && git commit -qm h");
	struct git_change change = {.commit = id_of("main"),
		.before = id_of("main~1"),
		.default_branch = STR("main"),
		.branch = STR("main")};
	struct str said = describe(&change);
	ck_assert_msg(str_is(said, "|h .gitattributes 1=* -diff -text binary h.txt 1=hidden"), "%.*s", STR_ARG(said));
}
END_TEST

START_TEST(too_many_commits_are_said_to_be)
{
	struct err err = {0};
	struct git_mirror *mirror;
	shell("git checkout -q --orphan many && { for i in $(seq 5002); do printf 'commit refs/heads/many\\ncommitter a <a@b> 1 "
	      "+0000\\ndata 1\\nx\\n'; done; } | git fast-import --quiet --force");
	ck_assert(git_mirror_open(arena_printf(&arena, "%s/.git/mirror", folder).p, &mirror, &err));
	struct git_change change = {
		.commit = id_of("many"), .default_branch = STR("many"), .branch = STR("many"), .is_push = true};
	int fd = memfd_create("change", 0);
	ck_assert(!git_change_write(mirror, &change, fd, &err));
	ck_assert_int_eq(err.kind, ERR_TOO_LARGE);
	ck_assert_msg(strstr(err.text, "more than 5000 commits"), "%s", err.text);
	close(fd);
	git_mirror_close(mirror);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git_change");
	TCase *tcase = tcase_create("git_change");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, changes_have_all_their_lines, 0, (int)COUNT_OF(changes));
	tcase_add_test(tcase, attributes_hide_nothing);
	tcase_add_test(tcase, too_many_commits_are_said_to_be);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
