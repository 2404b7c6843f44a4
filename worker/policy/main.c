/* penstock-policy: run by a worker inside the sandbox of a job; of no use by hand. See policy_proto.h. */

#include "common/mem.h"
#include "worker/policy/policy.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
/* Nobody may look at other processes in the sandbox, and looking for leaks needs that. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

enum { REQUEST_BYTES_MAX = 16 << 20 };

static bool map_file(const char *path, size_t max_bytes, struct str *ret, struct err *err)
{
	struct stat st;
	auto_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max_bytes)
		return err_set(err, ERR_TOO_LARGE, "%s is no file, or too large", path);
	if (st.st_size == 0)
		return true;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, "map %s", path);
	*ret = (struct str){p, (size_t)st.st_size};
	return true;
}

static bool read_request(struct policy *policy, const char *path, struct err *err)
{
	struct str text = {0};
	json_error_t fault;
	if (!map_file(path, REQUEST_BYTES_MAX, &text, err))
		return false;
	json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!json)
		return err_set(err, ERR_INVALID, "%s: %s", path, fault.text);
	bool ok = fields_read(policy_request_fields, json, &policy->request, &policy->arena, err);
	json_decref(json);
	return ok;
}

/* REQUEST [CHANGE]; the directory it starts in is the workspace. Exit code 1: something was found; 2: it failed. */
int main(int argc, char **argv)
{
	struct policy policy = {.log = 1, .answer = 2};
	struct err err = {0};
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "penstock-policy is started by penstock-worker; see docs/policy.md\n");
		return 2;
	}
	policy.workspace = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = policy.workspace >= 0 || err_errno(&err, "open the workspace");
	ok = ok && read_request(&policy, argv[1], &err);
	if (ok && policy.request.has_change)
		ok = argc == 3 ? map_file(argv[2], POLICY_CHANGE_BYTES_MAX, &policy.change, &err)
			       : err_set(&err, ERR_INVALID, "no file holds the change");
	if (!ok) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	bool is_clean = policy_run(&policy);
	arena_done(&policy.arena);
	return is_clean ? 0 : 1;
}
