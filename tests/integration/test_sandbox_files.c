// links: penstock_sandbox_client
/* Files into a workspace and out of it, hostile ones included, and what is left for the next job: nothing. */
#include "tests/integration/sandbox_fixture.h"
#include "worker/sandbox/stream.h"

#include <fcntl.h>
#include <signal.h>

/* ---- import ---- */

static struct sandbox_end import_stream(int stream, enum sandbox_area area, uint32_t max_files, uint64_t max_bytes)
{
	struct sandbox_files_options options = {
		.area = area, .stream = stream, .max_files = max_files, .max_bytes = max_bytes};
	struct err err = {0};
	uint64_t step;
	lseek(stream, 0, SEEK_SET);
	ck_assert_msg(sandbox_import(fixture.sandbox, fixture.job, &options, &step, &err), "%s", err.text);
	return expect_event(SANDBOX_ENDED).end;
}

static void put_file(struct stream_writer *writer, const char *path, uint32_t mode, const char *text)
{
	struct err err = {0};
	ck_assert(stream_write_file(writer, str_of(path), mode, strlen(text), &err));
	ck_assert(stream_write_data(writer, str_of(text), &err));
}

static int checkout(void)
{
	struct err err = {0};
	int fd = memfd_create("stream", MFD_CLOEXEC);
	struct stream_writer writer;
	stream_writer_init(&writer, fd);
	put_file(&writer, "README", 0644, "read me\n");
	put_file(&writer, "src/deep/er/main.c", 0640, "int main;\n");
	put_file(&writer, "run.sh", 0700, "echo ran\n");
	put_file(&writer, "empty", 0644, "");
	ck_assert(stream_write_dir(&writer, STR("lib/empty"), &err));
	ck_assert(stream_write_link(&writer, STR("link"), STR("src/deep"), &err));
	ck_assert(stream_write_link(&writer, STR("outside"), STR("/etc/passwd"), &err));
	ck_assert(stream_write_end(&writer, &err));
	stream_writer_done(&writer);
	return fd;
}

START_TEST(checkout_is_imported)
{
	open_job(NULL);
	auto_fd int stream = checkout();
	struct sandbox_end end = import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 1 << 20);
	ck_assert_msg(end.exit_code == 0, "%s", end.text);
	ck_assert_str_eq(
		run_script("find . | LC_ALL=C sort | tr '\\n' ' '; cat link/er/main.c; ./run.sh 2>&1 || sh run.sh; "
			   "stat -c '%n %U %a' README run.sh src/deep; wc -c < empty; readlink outside"),
		". ./README ./empty ./lib ./lib/empty ./link ./outside ./run.sh ./src ./src/deep ./src/deep/er "
		"./src/deep/er/main.c int main;\nran\nREADME build 644\nrun.sh build 755\nsrc/deep build 755\n0\n/etc/passwd\n");
	/* Once more, over what is there. */
	ck_assert_int_eq(import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 1 << 20).exit_code, 0);
	ck_assert_str_eq(run_script("cat README"), "read me\n");
	ck_assert_int_eq(import_stream(stream, SANDBOX_AREA_HOME, 100, 1 << 20).exit_code, 0);
	ck_assert_str_eq(run_script("cat ~/README"), "read me\n");
	close_job();
}
END_TEST

/* Raw streams: what no honest writer sends. Kind, path and size of a first entry, then its content. */
static const struct {
	const char *what;
	unsigned char kind;
	const char *path;
	uint64_t size;
	const char *content, *error;
} hostile[] = {
	{"up and out", STREAM_FILE, "../escape", 1, "x", "clean"},
	{"up in the middle", STREAM_FILE, "a/../../escape", 1, "x", "clean"},
	{"an absolute path", STREAM_FILE, "/tmp/escape", 1, "x", "clean"},
	{"a dot", STREAM_FILE, "./a", 1, "x", "clean"},
	{"an empty part", STREAM_FILE, "a//b", 1, "x", "clean"},
	{"an empty path", STREAM_FILE, "", 1, "x", "clean"},
	{"a slash at the end", STREAM_DIR, "a/", 0, "", "clean"},
	{"through a link that is there", STREAM_FILE, "trap/escape", 1, "x", "import"},
	{"through a link to a link", STREAM_FILE, "trap2/escape", 1, "x", "import"},
	{"through proc", STREAM_FILE, "procs/root/tmp/escape", 1, "x", "import"},
	{"a directory in place of a link", STREAM_DIR, "trap/sub/dir", 0, "", "import"},
	{"a directory replaced by a file", STREAM_FILE, "dir", 1, "x", "import"},
	{"a link without a target", STREAM_LINK, "l", 0, "", "target"},
	{"an unknown kind", 77, "a", 0, "", "header"},
	{"a huge link", STREAM_LINK, "l", 1 << 20, "", "header"},
	{"more bytes than allowed", STREAM_FILE, "a", UINT64_MAX, "", "bytes in all"},
	{"cut off in a file", STREAM_FILE, "a", 100, "x", "cut off"},
	{"cut off behind a file", STREAM_FILE, "a", 1, "x", "cut off"},
};

START_TEST(hostile_stream_is_refused)
{
	open_job(NULL);
	run_script("ln -s /tmp trap; ln -s trap trap2; ln -s /proc/self procs; mkdir dir; echo keep > dir/keep");
	auto_fd int stream = memfd_create("stream", MFD_CLOEXEC);
	unsigned char header[16] = {hostile[_i].kind, 0, (unsigned char)strlen(hostile[_i].path), 0, 0xa4, 1};
	memcpy(header + 8, &hostile[_i].size, 8);
	ck_assert(write(stream, header, 16) == 16);
	ck_assert(write(stream, hostile[_i].path, strlen(hostile[_i].path)) >= 0);
	ck_assert(write(stream, hostile[_i].content, strlen(hostile[_i].content)) >= 0);
	struct sandbox_end end = import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 1 << 20);
	ck_assert_int_eq(end.exit_code, 1);
	ck_assert_msg(strstr(end.text, hostile[_i].error), "%s: %s", hostile[_i].what, end.text);
	ck_assert_str_eq(run_script("find /tmp /workspace -name escape; cat dir/keep"), "keep\n");
	close_job();
}
END_TEST

START_TEST(import_has_ceilings)
{
	open_job(NULL);
	auto_fd int stream = checkout();
	ck_assert_ptr_nonnull(
		strstr(import_stream(stream, SANDBOX_AREA_WORKSPACE, 3, 1 << 20).text, "more than 3 files"));
	ck_assert_ptr_nonnull(strstr(import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 9).text, "9 bytes"));
	close_job();
}
END_TEST

START_TEST(import_into_a_full_disk)
{
	struct sandbox_job_options options = {.limits.disk_bytes = 8 << 20};
	open_job(&options);
	auto_fd int stream = memfd_create("stream", MFD_CLOEXEC);
	struct stream_writer writer;
	struct err err = {0};
	auto_free char *content = mem_alloc(20 << 20);
	stream_writer_init(&writer, stream);
	ck_assert(stream_write_file(&writer, STR("big"), 0644, 20 << 20, &err));
	ck_assert(stream_write_data(&writer, (struct str){content, 20 << 20}, &err));
	ck_assert(stream_write_end(&writer, &err));
	stream_writer_done(&writer);
	ck_assert_uint_eq(import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 1 << 30).reason, SANDBOX_END_DISK_FULL);
	close_job();
}
END_TEST

/* ---- collect ---- */

struct listing {
	char text[4096]; /* "path=content;" per file, "path!note;" per note, sorted by the reader's order */
};

static void add(struct listing *listing, struct str a, const char *b)
{
	size_t n = strlen(listing->text);
	snprintf(listing->text + n, sizeof listing->text - n, "%.*s%s", STR_ARG(a), b);
}

static bool begin_entry(void *context, const struct stream_entry *entry, struct err *err)
{
	(void)err;
	add(context, entry->path, entry->kind == STREAM_NOTE ? "!" : "=");
	if (entry->kind == STREAM_NOTE) {
		add(context, entry->text, ";");
	}
	return true;
}

static bool take_data(void *context, struct str piece, struct err *err)
{
	(void)err;
	add(context, piece, "");
	return true;
}

static bool end_entry(void *context, struct err *err)
{
	(void)err;
	add(context, STR(""), ";");
	return true;
}

static struct sandbox_end collect(const char *const *patterns, uint32_t max_files, uint64_t max_bytes, int stream)
{
	struct sandbox_files_options options = {
		.stream = stream, .patterns = patterns, .max_files = max_files, .max_bytes = max_bytes};
	struct err err = {0};
	uint64_t step;
	ck_assert(sandbox_collect(fixture.sandbox, fixture.job, &options, &step, &err));
	return expect_event(SANDBOX_ENDED).end;
}

/* Reads the stream back in pieces of an odd size, as a pipe may give them. */
static void list_stream(int stream, struct listing *ret)
{
	static const struct stream_handler handler = {begin_entry, take_data, end_entry};
	struct stream_reader reader;
	struct err err = {0};
	char piece[7];
	ssize_t n;
	*ret = (struct listing){0};
	stream_reader_init(&reader, &handler, ret, 1000, 1 << 20);
	lseek(stream, 0, SEEK_SET);
	while ((n = read(stream, piece, sizeof piece)) > 0)
		ck_assert_msg(stream_reader_feed(&reader, (struct str){piece, (size_t)n}, &err), "%s", err.text);
	ck_assert_msg(stream_reader_finish(&reader, &err), "%s", err.text);
	stream_reader_done(&reader);
}

static const char make_tree[] =
	"mkdir -p dist/sub out && echo 1 > dist/a.txt && echo 2 > dist/sub/b.txt && echo 3 > out/c.log && : > none && "
	"ln -s /etc/passwd dist/link && ln -s ../out dist/dirlink && mkfifo dist/fifo && printf x > 'odd name*'";

static const struct {
	const char *what;
	const char *patterns[4];
	const char *has[4], *has_not[4];
} collections[] = {
	{"one file", {"out/c.log"}, {"out/c.log=3\n;"}, {"dist", "none"}},
	{"a directory is all in it, links and fifos are named", {"dist"},
		{"dist/a.txt=1\n;", "dist/sub/b.txt=2\n;", "dist/link!left out: a link;", "dist/fifo!left out"},
		{"root:", "out/c.log"}},
	{"a directory with a slash", {"dist/"}, {"dist/a.txt=1\n;"}, {"none"}},
	{"a star stays in its part", {"*/*.txt"}, {"dist/a.txt=1\n;"}, {"b.txt"}},
	{"two stars do not", {"**/*.txt"}, {"dist/a.txt=1\n;", "dist/sub/b.txt=2\n;"}, {"c.log"}},
	{"two stars at the end", {"dist/**"}, {"dist/a.txt=1\n;", "dist/sub/b.txt=2\n;"}, {"c.log"}},
	{"two stars match no part too", {"dist/**/a.txt"}, {"dist/a.txt=1\n;"}, {"b.txt"}},
	{"several patterns", {"none", "./out/*"}, {"none=;", "out/c.log=3\n;"}, {"dist"}},
	{"an escape matches nothing", {"../../etc/passwd", "/etc/passwd"}, {NULL}, {"root"}},
	{"odd names can be asked for", {"odd name\\*"}, {"odd name*=x;"}, {"dist"}},
	{"nothing there", {"no/such/file"}, {NULL}, {"="}},
};

START_TEST(files_are_collected)
{
	open_job(NULL);
	run_script(make_tree);
	ck_assert_int_eq(fixture.end.exit_code, 0);
	auto_fd int stream = memfd_create("stream", MFD_CLOEXEC);
	struct sandbox_end end = collect(collections[_i].patterns, 100, 1 << 20, stream);
	ck_assert_msg(end.exit_code == 0, "%s", end.text);
	struct listing listing;
	list_stream(stream, &listing);
	for (size_t i = 0; i < 4 && collections[_i].has[i]; i++)
		ck_assert_msg(strstr(listing.text, collections[_i].has[i]), "%s: no %s in %s", collections[_i].what,
			collections[_i].has[i], listing.text);
	for (size_t i = 0; i < 4 && collections[_i].has_not[i]; i++)
		ck_assert_msg(!strstr(listing.text, collections[_i].has_not[i]), "%s: %s in %s", collections[_i].what,
			collections[_i].has_not[i], listing.text);
	close_job();
}
END_TEST

START_TEST(collection_has_ceilings)
{
	static const char *const all[] = {"**", NULL};
	open_job(NULL);
	run_script("for i in 1 2 3 4 5; do echo $i > f$i; done");
	auto_fd int stream = memfd_create("stream", MFD_CLOEXEC);
	ck_assert_ptr_nonnull(strstr(collect(all, 4, 1 << 20, stream).text, "more than 4 files"));
	ck_assert_ptr_nonnull(strstr(collect(all, 100, 9, stream).text, "more than 9 bytes"));
	close_job();
}
END_TEST

/* ---- the next job ---- */

static const struct {
	const char *what, *script;
} leavings[] = {
	{"files in all places",
		"echo a > a; mkdir -p b/c; echo d > b/c/d; echo e > ~/e; echo f > /tmp/f; echo g > /dev/shm/g"},
	{"permissions taken away", "mkdir -p a/b/c; echo x > a/b/c/x; chmod 0 a/b/c/x a/b/c a/b a; chmod 0 . ~"},
	{"a tree too deep for a stack",
		"python3 -c 'import os\nfor i in range(3000): os.mkdir(\"d\"); os.chdir(\"d\")'"},
	{"odd names", "touch -- '-rf' 'a\nb' \"$(printf 'x\\001')\" '*' .hidden ..."},
	{"links to everywhere", "ln -s / root; ln -s /proc/self p; ln -s . loop; ln -s /workspace w"},
	{"many files", "python3 -c 'for i in range(3000): open(str(i), \"w\")'"},
	{"attributes on the directories themselves",
		"python3 -c 'import os\nfor d in (\"/workspace\", \"/home/build\"):\n  os.setxattr(d, \"user.mark\", b\"x\")' "
		"2>/dev/null; chmod 1777 /workspace"},
	{"shared memory and queues",
		"python3 -c 'import ctypes; l=ctypes.CDLL(None); exit(l.shmget(4711, 4096, 0o1666) < 0)'"},
	{"a socket", "python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind(\"sock\")'"},
};

static uint64_t ask_import(int stream)
{
	struct sandbox_files_options options = {.stream = stream, .max_files = 100, .max_bytes = 1 << 20};
	struct err err = {0};
	uint64_t step;
	ck_assert(sandbox_import(fixture.sandbox, fixture.job, &options, &step, &err));
	return step;
}

/* A job has one helper: what it is asked it does in order, and one that was killed is followed by another. */
START_TEST(files_move_one_after_the_other)
{
	open_job(NULL);
	int pipes[2];
	struct err err = {0};
	auto_fd int stream = checkout();
	lseek(stream, 0, SEEK_SET);
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	uint64_t steps[] = {ask_import(stream), ask_import(pipes[0]), ask_import(stream)};
	struct sandbox_event event = expect_event(SANDBOX_ENDED);
	ck_assert_uint_eq(event.step, steps[0]);
	ck_assert_int_eq(event.end.exit_code, 0);
	/* Nothing comes through the pipe: the second holds up the third, and takes it along. */
	ck_assert(sandbox_signal(fixture.sandbox, fixture.job, steps[1], SIGKILL, &err));
	for (int i = 1; i < 3; i++) {
		event = expect_event(SANDBOX_ENDED);
		ck_assert_uint_eq(event.step, steps[i]);
		ck_assert_int_eq(event.end.reason, SANDBOX_END_SIGNAL);
	}
	ck_assert_int_eq(import_stream(stream, SANDBOX_AREA_WORKSPACE, 100, 1 << 20).exit_code, 0);
	ck_assert_str_eq(run_script("cat README; rm -r *; set -- /proc/[0-9]*; echo $#"), "read me\n2\n");
	/* The end of the job does not wait for what never comes. */
	ask_import(pipes[0]);
	ck_assert(sandbox_close(fixture.sandbox, fixture.job, &err));
	ck_assert_int_eq(expect_event(SANDBOX_ENDED).end.reason, SANDBOX_END_SIGNAL);
	expect_event(SANDBOX_CLOSED);
	close(pipes[0]);
	close(pipes[1]);
	open_job(NULL);
	ck_assert_str_eq(run_script("ls -A"), "");
	close_job();
}
END_TEST

START_TEST(next_job_finds_nothing)
{
	open_job(NULL);
	run_script(leavings[_i].script);
	ck_assert_msg(fixture.end.exit_code == 0, "%s: %s", leavings[_i].what, fixture.output);
	close_job();
	open_job(NULL);
	ck_assert_msg(
		strcmp(run_script(
			       "ls -A /workspace /home/build /tmp /dev/shm; stat -c %a /workspace /home/build; "
			       "tail -n +2 /proc/sysvipc/shm | wc -l; python3 -c 'import os\nprint(os.listxattr(\"/workspace\"))'"),
			"/dev/shm:\n\n/home/build:\n\n/tmp:\n\n/workspace:\n755\n755\n0\n[]\n") == 0,
		"%s: left: %s", leavings[_i].what, fixture.output);
	close_job();
}
END_TEST

START_TEST(steps_share_workspace_but_not_tmp)
{
	open_job(NULL);
	run_script("echo shared > /workspace/w; echo shared > ~/h; echo own > /tmp/t");
	ck_assert_str_eq(run_script("cat /workspace/w ~/h; ls -A /tmp"), "shared\nshared\n");
	close_job();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox files");
	TCase *files = tcase_create("files");
	tcase_add_checked_fixture(files, fixture_set_up, fixture_tear_down);
	tcase_set_timeout(files, 150);
	tcase_add_test(files, checkout_is_imported);
	tcase_add_loop_test(files, hostile_stream_is_refused, 0, (int)COUNT_OF(hostile));
	tcase_add_test(files, import_has_ceilings);
	tcase_add_test(files, import_into_a_full_disk);
	tcase_add_loop_test(files, files_are_collected, 0, (int)COUNT_OF(collections));
	tcase_add_test(files, collection_has_ceilings);
	tcase_add_test(files, files_move_one_after_the_other);
	tcase_add_loop_test(files, next_job_finds_nothing, 0, (int)COUNT_OF(leavings));
	tcase_add_test(files, steps_share_workspace_but_not_tmp);
	suite_add_tcase(s, files);
	return s;
}

int main(int argc, char **argv)
{
	(void)argc;
	return run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
}
