#include "common/lang/roots.h"

#include <stddef.h>

static const char *const event_fields[] = {
	"kind", "ref", "branch", "tag", "commit", "before", "message", "author", "author_email", "actor", NULL};
static const char *const repo_fields[] = {"name", "default_branch", NULL};
static const char *const run_fields[] = {"number", "pipeline", NULL};
static const char *const pr_fields[] = {"number", "title", "base", "head", "author", "is_fork", NULL};
static const char *const environment_fields[] = {"name", "tier", "variables", NULL};
static const char *const target_fields[] = {"name", "url", "variables", NULL};

const struct lang_root lang_roots[] = {
	{"inputs", NULL, LANG_KNOWN_AT_PLANNING,
		"`inputs.NAME`: the inputs, of their type; an input that was not given and has no "
		"default is `\"\"`, a number `null`, a boolean `false`"},
	{"matrix", NULL, LANG_KNOWN_AT_PLANNING, "`matrix.NAME`: the values of this instance of a job, as texts"},
	{"event", event_fields, LANG_KNOWN_AT_PLANNING,
		"what started the run; `kind` is `push`, `tag`, `pull_request`, "
		"`manual` or `schedule`; what does not apply is `\"\"`"},
	{"repo", repo_fields, LANG_KNOWN_AT_PLANNING, "the repository"},
	{"pr", pr_fields, LANG_KNOWN_AT_PLANNING, "the pull request; `null` when the run is not for one"},
	{"env", NULL, LANG_KNOWN_AT_PLANNING, "`env.NAME`: variables of the pipeline, the stage and the job"},
	{"environment", environment_fields, LANG_KNOWN_AT_PLANNING, "the environment that the job or stage names"},
	{"run", run_fields, LANG_KNOWN_IN_RUN, "the run; its number is given when the plan is stored"},
	{"jobs", NULL, LANG_KNOWN_IN_RUN,
		"`jobs.NAME.outputs.OUTPUT`: what a finished job wrote to `$CI_OUTPUT`; of a matrix job "
		"the last instance counts"},
	{"target", target_fields, LANG_KNOWN_AT_DEPLOY, "the target that is deployed to"},
	{"version", NULL, LANG_KNOWN_AT_DEPLOY, "the version that is deployed"},
	{"services", NULL, LANG_KNOWN_AT_DEPLOY,
		"`services.NAME.outputs.OUTPUT`: what the deploy block of another service put out when it was deployed to this "
		"environment last; `\"\"` when it did not. The configuration says which service may read which"},
	{NULL, NULL, LANG_KNOWN_AT_PLANNING, NULL},
};

const struct lang_root lang_functions[] = {
	{"success", NULL, LANG_KNOWN_IN_RUN,
		"all that this job needs, or all stages before this one, succeeded; what `if` means "
		"when it names none of the three"},
	{"failure", NULL, LANG_KNOWN_IN_RUN, "something of that failed"},
	{"always", NULL, LANG_KNOWN_IN_RUN, "true; the job or step runs whatever happened before"},
	{"changed", NULL, LANG_KNOWN_AT_PLANNING,
		"`changed(\"src/**\", \"!docs/**\")`: a changed file matches these globs; true when "
		"the changed files are not known"},
	{NULL, NULL, LANG_KNOWN_AT_PLANNING, NULL},
};

const struct lang_root *lang_find_root(const struct lang_root *roots, struct str name)
{
	for (; roots->name; roots++)
		if (str_is(name, roots->name))
			return roots;
	return NULL;
}
