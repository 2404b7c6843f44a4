#include "server/git/git_verdict.h"

#include "common/mem.h"

/* The first line of what git said: the cause. Behind it come consequences ("Could not read from remote repository") and
 * advice. */
static struct str cause_of(struct str text)
{
	struct str rest = text, line;
	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		bool is_aside = str_starts(line, STR("warning: ")) || str_starts(line, STR("Warning: "));
		if (line.n && !is_aside)
			return str_starts(line, STR("fatal: ")) ? str_skip(line, 7) : line;
	}
	return STR("no message");
}

#define MOVED "it was renamed or moved there: `penstock repo set --clone-url` takes its new address"

/* What somebody here can do about it; NULL: git's words say it, or nobody can. */
static const char *way_out_of(struct str words)
{
	static const struct {
		const char *said, *way_out;
	} known[] = {
		{"could not read Username",
			"it is private or not there: --forge-token-file gives a token (`repo add`, `repo credential set`)"},
		{"Authentication failed", "`penstock repo credential set` takes a token that is good"},
		{"returned error: 301", MOVED},
		{"returned error: 302", MOVED},
		{"returned error: 307", MOVED},
		{"returned error: 308", MOVED},
		{"returned error: 403", "its token may not read it: `penstock repo credential set` takes another"},
		{"Permission denied (publickey", "it does not take the ssh key: is it a deploy key there?"},
	};
	size_t at;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (str_find(words, str_of(known[i].said), &at))
			return known[i].way_out;
	return NULL;
}

/* What git says of its terminal is of use to nobody. */
static struct str without_prompt(struct str words)
{
	static const struct str prompt = {": terminal prompts disabled", 27};
	return str_ends(words, prompt) ? str_head(words, words.n - prompt.n) : words;
}

bool git_verdict(const struct proc_result *result, const char *what, struct err *err)
{
	if (result->exit_code == 0)
		return true;
	if (result->is_timeout)
		return err_set(err, ERR_TIMEOUT, "%s took too long and was ended", what);
	size_t at;
	if (str_find(result->error, STR("Host key verification failed"), &at))
		return err_set(err, ERR_UPSTREAM,
			"%s: the host shows a key that is not accepted here; if it was changed on purpose, `penstock repo "
			"credential set` with the ssh key takes the new one",
			what);
	struct str words = cause_of(result->error);
	const char *way_out = way_out_of(words);
	if (way_out)
		return err_set(err, ERR_UPSTREAM, "%s: %.*s; %s", what, STR_ARG(without_prompt(words)), way_out);
	if (str_find(words, STR("mismatched algorithms"), &at))
		return err_set(err, ERR_UPSTREAM,
			"its objects are of git's SHA-256 format, and Penstock reads the usual one (git init --object-format=sha1)");
	return err_set(err, ERR_UPSTREAM, "%s: %.*s", what, STR_ARG(words));
}
