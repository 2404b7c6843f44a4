/* Conventional Commits 1.0.0, https://www.conventionalcommits.org/en/v1.0.0/, with the types of
 * @commitlint/config-conventional. */

#include "worker/policy/change.h"
#include "worker/policy/policy.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const types[] = {
	"build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test", NULL};

#define FORM   "write it as \"type(scope): what it does\", such as \"fix(parser): accept empty lists\""
#define REWORD "; reword it by git rebase -i (git commit --amend for the latest)"

static void tell(
	struct policy *policy, const struct change_commit *commit, int32_t line, struct str message, const char *help)
{
	policy_tell(policy, &(struct finding){.commit = commit->id,
				    .line = line,
				    .message = message,
				    .help = str_of(help),
				    .fingerprint = commit->id});
}

static struct str quoted(struct policy *policy, const char *before, struct str text, const char *behind)
{
	struct str clean = policy_clean(text, 80, &policy->arena);
	return arena_printf(&policy->arena, "%s\"%.*s\"%s", before, STR_ARG(clean), behind);
}

static bool is_type(struct str word)
{
	for (size_t i = 0; types[i]; i++)
		if (strlen(types[i]) == word.n && strncasecmp(types[i], word.p, word.n) == 0)
			return true;
	return false;
}

/* *ret_type and *ret_rest: "fix" and "accept it" of "fix(x)!: accept it". NULL, or what is wrong with the form. */
static const char *read_header(struct str header, struct str *ret_type, struct str *ret_rest)
{
	size_t n = 0;
	while (n < header.n && isalnum((unsigned char)header.p[n]))
		n++;
	*ret_type = str_head(header, n);
	struct str rest = str_skip(header, n);
	if (n == 0)
		return "does not begin with a type";
	if (str_starts(rest, STR("("))) {
		size_t close;
		if (!str_find_char(rest, ')', &close) || close == 1)
			return "has an empty scope, or one that is not closed";
		rest = str_skip(rest, close + 1);
	}
	rest = str_skip(rest, str_starts(rest, STR("!")));
	if (!str_starts(rest, STR(":")))
		return "has no \"type: \" in front";
	if (!str_starts(rest, STR(": ")) || str_trim(str_skip(rest, 2)).n == 0)
		return "has no description behind a colon and a blank";
	*ret_rest = str_skip(rest, 2);
	return NULL;
}

static void check_header(struct policy *policy, const struct change_commit *commit, struct str header)
{
	static const char *const folded[] = {"fixup! ", "squash! ", "amend! "};
	struct str type = {0}, rest = {0};
	for (size_t i = 0; i < sizeof folded / sizeof folded[0]; i++)
		if (str_starts(header, str_of(folded[i]))) {
			tell(policy, commit, 1, quoted(policy, "", header, " is to be folded into another commit"),
				"fold it before it lands: git rebase -i --autosquash");
			return;
		}
	const char *fault = read_header(header, &type, &rest);
	if (fault) {
		tell(policy, commit, 1, quoted(policy, "", header, arena_printf(&policy->arena, " %s", fault).p),
			FORM REWORD);
	} else if (!is_type(type)) {
		const char *nearest = str_nearest(type, types);
		struct str help = arena_printf(&policy->arena,
			"%s%s%suse one of build, chore, ci, docs, feat, fix, perf, "
			"refactor, revert, style, test" REWORD,
			nearest ? "did you mean \"" : "", nearest ? nearest : "", nearest ? "\"? Or " : "");
		tell(policy, commit, 1, quoted(policy, "unknown type ", type, ""), help.p);
	}
}

static void check_body(struct policy *policy, const struct change_commit *commit, struct str body)
{
	static const char upper[] = "BREAKING CHANGE:", hyphen[] = "BREAKING-CHANGE:";
	struct str line;
	for (int32_t number = 2; str_cut(&body, '\n', &line); number++) {
		if (number == 2 && str_trim(line).n)
			tell(policy, commit, 2, STR("the second line of the message is not empty"),
				"leave a blank line between the first line and the body" REWORD);
		bool is_breaking =
			line.n >= sizeof upper - 1 && (strncasecmp(line.p, upper, sizeof upper - 1) == 0 ||
							      strncasecmp(line.p, hyphen, sizeof hyphen - 1) == 0);
		if (is_breaking && !str_starts(line, STR("BREAKING")))
			tell(policy, commit, number,
				quoted(policy, "", str_head(line, sizeof upper - 1), " is not in capitals"),
				"write BREAKING CHANGE:, since tools look for it so" REWORD);
	}
}

static void check_commit(void *arg, const struct change_commit *commit)
{
	struct str rest = commit->message, header = {0};
	/* Merges and reverts have the text that git gives them. */
	if (commit->parents > 1 || str_starts(rest, STR("Revert \"")) || str_starts(rest, STR("Reapply \"")))
		return;
	str_cut(&rest, '\n', &header);
	check_header(arg, commit, str_trim(header));
	check_body(arg, commit, rest);
}

void policy_conventional_commits(struct policy *policy)
{
	static const struct change_handler handler = {.commit = check_commit};
	struct err err = {0};
	if (policy->request.has_change && !change_read(policy->change, &handler, policy, &err))
		policy_fault(policy, "%s", err.text);
}
