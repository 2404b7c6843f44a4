#include "worker/policy/policy.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static policy_check *const checks[] = {
	[POLICY_CONVENTIONAL_COMMITS] = policy_conventional_commits,
	[POLICY_NO_SECRETS] = policy_no_secrets,
	[POLICY_PIPELINE_PINNED] = policy_pipeline_pinned,
	[POLICY_ARTIFACT_HAS_SBOM] = policy_artifact_has_sbom,
};
_Static_assert(COUNT_OF(checks) == POLICY_RULE_COUNT, "each rule has its check");

/* --- telling --- */

static void write_all(int fd, struct str text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(3); /* nobody would hear of it; the missing end of the answer tells */
		text = str_skip(text, (size_t)n);
	}
}

static void answer(const struct policy *policy, const struct policy_answer_line *line)
{
	auto_buf text = BUF_INIT(1 << 20);
	if (policy_answer_add(&text, line))
		write_all(policy->answer, buf_str(&text));
}

struct str policy_clean(struct str text, size_t max_bytes, struct arena *arena)
{
	auto_buf out = BUF_INIT(max_bytes + 8);
	while (text.n && out.n < max_bytes) {
		struct str before = text;
		uint32_t c = str_next_char(&text);
		struct str one = str_head(before, before.n - text.n);
		if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0) || !str_is_utf8(one))
			buf_add_char(&out, c == '\t' || c == '\n' ? ' ' : '?');
		else
			buf_add_str(&out, one);
	}
	if (text.n)
		buf_add_c(&out, "…");
	return arena_str(arena, buf_str(&out));
}

__attribute__((format(printf, 2, 0))) static void vnote(const struct policy *policy, const char *format, va_list args)
{
	auto_buf line = BUF_INIT(8192);
	buf_vaddf(&line, format, args);
	buf_add_char(&line, '\n');
	write_all(policy->log, buf_str(&line));
}

void policy_note(struct policy *policy, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vnote(policy, format, args);
	va_end(args);
}

void policy_fault(struct policy *policy, const char *format, ...)
{
	auto_arena arena = {0};
	auto_buf text = BUF_INIT(8192);
	va_list args;
	va_start(args, format);
	buf_vaddf(&text, format, args);
	va_end(args);
	struct str clean = policy_clean(buf_str(&text), FINDING_TEXT_MAX, &arena);
	policy->has_fault = true;
	policy_note(policy, "%s: %.*s", policy->rule, STR_ARG(clean));
	answer(policy, &(struct policy_answer_line){.fault = clean});
}

/* "src/a.c:12: error: no-secrets: a GitHub token ...": what editors and people know how to read. */
static void print(struct policy *policy, const struct finding *finding, struct arena *arena)
{
	struct str place = finding->path;
	if (finding->path.n && finding->line)
		place = arena_printf(arena, "%.*s:%d", STR_ARG(finding->path), finding->line);
	else if (!finding->path.n && finding->commit.n)
		place = arena_printf(arena, "commit %.*s", STR_ARG(str_head(finding->commit, 10)));
	if (finding->path.n && finding->commit.n)
		place = arena_printf(
			arena, "%.*s (commit %.*s)", STR_ARG(place), STR_ARG(str_head(finding->commit, 10)));
	policy_note(policy, "%.*s%s%s: %.*s: %.*s", STR_ARG(place), place.n ? ": " : "",
		finding->allowed.n ? "allowed" : finding_level_names[finding->level], STR_ARG(finding->rule),
		STR_ARG(finding->message));
	if (finding->allowed.n)
		policy_note(policy, "    because: %.*s", STR_ARG(finding->allowed));
	else if (finding->help.n)
		policy_note(policy, "    %.*s", STR_ARG(finding->help));
}

void policy_tell(struct policy *policy, const struct finding *finding)
{
	auto_arena arena = {0};
	struct finding clean = *finding;
	struct str *const texts[] = {&clean.message, &clean.help, &clean.allowed, &clean.path, &clean.report,
		&clean.rule, &clean.tool, &clean.commit, &clean.fingerprint};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = policy_clean(*texts[i], i < 3 ? FINDING_TEXT_MAX : FINDING_PATH_MAX, &arena);
	if (!clean.rule.n)
		clean.rule = str_of(policy->rule);
	if (!clean.tool.n)
		clean.tool = STR("penstock");
	policy->found += finding_counts(&clean);
	policy->allowed += clean.allowed.n > 0;
	if (policy->told == FINDINGS_MAX)
		policy_note(policy, "more than %d findings: the rest is only counted", FINDINGS_MAX);
	if (policy->told++ >= FINDINGS_MAX)
		return;
	print(policy, &clean, &arena);
	answer(policy, &(struct policy_answer_line){.finding = &clean});
}

void policy_tell_tests(struct policy *policy, const struct test_report *report)
{
	struct test_report told = *report;
	answer(policy, &(struct policy_answer_line){.tests = &told});
}

/* --- reading --- */

int policy_open(const struct policy *policy, struct str path, int64_t *ret_size, struct err *err)
{
	auto_arena arena = {0};
	struct stat st;
	/* Non-blocking: a fifo must not hold us. */
	auto_fd int fd = openat(policy->workspace, arena_str(&arena, path).p,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%.*s: is not there", STR_ARG(str_head(path, 200))), -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "%.*s", STR_ARG(str_head(path, 200))), -1;
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%.*s: is no regular file", STR_ARG(str_head(path, 200))), -1;
	if (ret_size)
		*ret_size = st.st_size;
	return take_fd(&fd);
}

bool policy_load(const struct policy *policy, struct str path, size_t max_bytes, struct arena *arena, struct str *ret,
	struct err *err)
{
	int64_t size = 0;
	auto_fd int fd = policy_open(policy, path, &size, err);
	if (fd < 0)
		return false;
	if ((uint64_t)size > max_bytes)
		return err_set(err, ERR_TOO_LARGE, "%.*s: is larger than %zu KiB", STR_ARG(str_head(path, 200)),
			max_bytes >> 10);
	char *text = arena_alloc(arena, (size_t)size + 1);
	size_t done = 0;
	while (done < (size_t)size) {
		ssize_t n = read(fd, text + done, (size_t)size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "read %.*s", STR_ARG(str_head(path, 200)));
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret = (struct str){text, done};
	return true;
}

/* --- running --- */

static void run_rule(struct policy *policy, struct str name)
{
	int rule;
	policy->rule = arena_str(&policy->arena, name).p;
	if (!enum_from_name(policy_rule_names, name, &rule)) {
		policy_fault(policy, "this worker knows no such rule; upgrade it");
		return;
	}
	if ((policy_rule_needs((enum policy_rule)rule) & POLICY_OF_CHANGE) && !policy->request.has_change)
		policy_note(policy, "%s: no change is known here: only what lies here is looked at", policy->rule);
	int64_t found = policy->found, told = policy->told;
	checks[rule](policy);
	if (policy->told == told && policy->found == found && !policy->has_fault)
		policy_note(policy, "%s: nothing found", policy->rule);
}

bool policy_run(struct policy *policy)
{
	const struct str_list *rules = &policy->request.rules;
	for (size_t i = 0; i < rules->count; i++)
		run_rule(policy, rules->items[i]);
	if (!rules->count) {
		policy->rule = "reports";
		policy_reports(policy);
	}
	answer(policy,
		&(struct policy_answer_line){.is_end = true, .found = policy->found, .allowed = policy->allowed});
	return !policy->found && !policy->has_fault;
}
