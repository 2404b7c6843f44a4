// links: penstock_policy
// max_len: 8192
/*
 * What policy checks read of a workspace: the first byte says which. Archives in archives, which are unpacked in
 * passing and never give more than their limits; a change as the server writes it; the file of exceptions; lines with
 * secrets, each of which lies in its line.
 */
#include "common/arena.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"
#include "worker/policy/allow_file.h"
#include "worker/policy/change.h"
#include "worker/policy/content.h"
#include "worker/policy/secret_shapes.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 20, ENTRIES_MAX = 100 };

/* --- archives --- */

struct seen {
	int64_t files, bytes, line;
};

static void begin(void *arg, struct str path, bool is_binary)
{
	struct seen *seen = arg;
	(void)is_binary;
	BUG_ON(path.n == 0);
	seen->line = 0;
	BUG_ON(++seen->files > ENTRIES_MAX + 1);
}

static void line(void *arg, int64_t number, struct str text)
{
	struct seen *seen = arg;
	size_t at;
	BUG_ON(number < seen->line || number < 1 || str_find_char(text, '\n', &at));
	seen->line = number;
}

static void damaged(void *arg, struct str path, const char *why)
{
	(void)arg;
	BUG_ON(path.n == 0 || !why || !*why);
}

static void try_content(struct str bytes)
{
	struct seen seen = {0};
	struct content_handler handler = {begin, line, damaged, &seen};
	struct content_limits limits = {BYTES_MAX, ENTRIES_MAX};
	struct err err = {0};
	auto_fd int fd = memfd_create("content", MFD_CLOEXEC);
	BUG_ON(fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n || lseek(fd, 0, SEEK_SET) != 0);
	if (!content_read(fd, STR("a.tar"), &handler, &limits, &err))
		BUG_ON(err.kind == ERR_NONE);
}

/* --- texts --- */

static void on_commit(void *arg, const struct change_commit *commit)
{
	(void)arg;
	BUG_ON(commit->parents < 0);
}

static void on_file(void *arg, const struct change_commit *commit, const struct change_file *file)
{
	(void)arg;
	BUG_ON(!commit || !file);
}

static void on_lines(
	void *arg, const struct change_commit *commit, const struct change_file *file, int64_t first, struct str lines)
{
	(void)arg, (void)lines;
	BUG_ON(!commit || !file || first < 0);
}

static void try_change(struct str text)
{
	static const struct change_handler handler = {on_commit, on_file, on_lines};
	struct err err = {0};
	if (!change_read(text, &handler, NULL, &err))
		BUG_ON(err.kind == ERR_NONE);
}

static void on_fault(void *arg, int32_t at, const char *message)
{
	(void)arg;
	BUG_ON(at < 1 || !*message);
}

static void try_allow_file(struct str text)
{
	auto_arena arena = {0};
	struct allow_file allow = {0};
	allow_file_read(text, &allow, &arena, on_fault, NULL);
	for (size_t i = 0; i < allow.count; i++)
		BUG_ON(allow.items[i].reason.n == 0 || allow.items[i].what.n == 0);
	allow_file_find(&allow, STR("src/main.c"), STR("0123456789abcdef"));
}

static void try_secrets(struct str text)
{
	struct secret_scan scan = {.is_binary = fuzz_byte(&text) % 2};
	struct secret found[SECRETS_OF_LINE_MAX];
	struct str one;
	bool is_before = false;
	while (str_cut(&text, '\n', &one)) {
		size_t count = secrets_in_line(&scan, one, found, &is_before);
		BUG_ON(count > SECRETS_OF_LINE_MAX);
		for (size_t i = 0; i < count; i++) {
			BUG_ON(!found[i].what);
			BUG_ON(!is_before && (found[i].at > one.n || found[i].value.n > one.n - found[i].at));
		}
		BUG_ON(!isfinite(secret_entropy(one)) || secret_entropy(one) > 8.001);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = fuzz_input(data, size);
	switch (fuzz_byte(&rest) % 4) {
	case 0:
		try_content(rest);
		break;
	case 1:
		try_change(rest);
		break;
	case 2:
		try_allow_file(rest);
		break;
	case 3:
		try_secrets(rest);
		break;
	}
	return 0;
}
