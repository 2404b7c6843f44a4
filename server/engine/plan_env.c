#include "server/engine/plan_env.h"

#include "common/buf.h"
#include "common/expr.h"
#include "common/mem.h"

static struct str is_ci(const struct plan_context *context, struct arena *arena)
{
	(void)context, (void)arena;
	return STR("true");
}

static struct str system_name(const struct plan_context *context, struct arena *arena)
{
	(void)context, (void)arena;
	return STR("penstock");
}

static struct str workspace(const struct plan_context *context, struct arena *arena)
{
	(void)context, (void)arena;
	return STR("/workspace");
}

static struct str event(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return str_of(plan_event_names[context->event]);
}

static struct str commit(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->commit;
}

static struct str short_commit(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return str_head(context->commit, 8);
}

static struct str before(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->before;
}

static struct str branch(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->branch;
}

static struct str tag(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->tag;
}

static struct str ref(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->ref;
}

static struct str ref_name(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->tag.n ? context->tag : context->branch.n ? context->branch : context->pr.head;
}

static struct str message(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->message;
}

static struct str title(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	struct str rest = str_trim(context->message), line = {0};
	str_cut(&rest, '\n', &line);
	return str_trim(line);
}

static struct str author(const struct plan_context *context, struct arena *arena)
{
	if (context->author_email.n == 0)
		return context->author_name;
	return arena_printf(arena, "%.*s <%.*s>", STR_ARG(context->author_name), STR_ARG(context->author_email));
}

static struct str author_name(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->author_name;
}

static struct str author_email(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->author_email;
}

static struct str actor(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->actor;
}

static struct str default_branch(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->default_branch;
}

static struct str repository(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->repository;
}

/* The part behind the last "/". */
static struct str repository_name(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	struct str rest = context->repository, part = {0};
	while (str_cut(&rest, '/', &part))
		;
	return part;
}

static struct str pr_number(const struct plan_context *context, struct arena *arena)
{
	return context->pr.number ? arena_printf(arena, "%lld", (long long)context->pr.number) : (struct str){0};
}

static struct str pr_title(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->pr.title;
}

static struct str pr_base(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->pr.base;
}

static struct str pr_head(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->pr.head;
}

static struct str pr_author(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->pr.author;
}

static struct str pr_is_fork(const struct plan_context *context, struct arena *arena)
{
	(void)arena;
	return context->pr.number == 0 ? (struct str){0} : context->pr.is_fork ? STR("true") : STR("false");
}

const struct plan_env_variable plan_env_variables[] = {
	{"CI", PLAN_ENV_RUN, is_ci, "`true`"},
	{"CI_SYSTEM_NAME", PLAN_ENV_RUN, system_name, "`penstock`"},
	{"CI_WORKSPACE", PLAN_ENV_RUN, workspace, "`/workspace`: the checkout, where steps start"},
	{"CI_REPO", PLAN_ENV_RUN, repository, "the repository as Penstock knows it"},
	{"CI_REPO_NAME", PLAN_ENV_RUN, repository_name, "its last part"},
	{"CI_DEFAULT_BRANCH", PLAN_ENV_RUN, default_branch, "its default branch"},
	{"CI_COMMIT_SHA", PLAN_ENV_RUN, commit, "the commit, in full"},
	{"CI_COMMIT_SHORT_SHA", PLAN_ENV_RUN, short_commit, "its first eight digits"},
	{"CI_COMMIT_BEFORE_SHA", PLAN_ENV_RUN, before, "what the branch was before the push"},
	{"CI_COMMIT_BRANCH", PLAN_ENV_RUN, branch, "the branch of a push"},
	{"CI_COMMIT_TAG", PLAN_ENV_RUN, tag, "the tag"},
	{"CI_COMMIT_REF", PLAN_ENV_RUN, ref, "the whole ref: `refs/heads/main`"},
	{"CI_COMMIT_REF_NAME", PLAN_ENV_RUN, ref_name, "tag or branch, of a pull request its source"},
	{"CI_COMMIT_MESSAGE", PLAN_ENV_RUN, message, "the commit's message"},
	{"CI_COMMIT_TITLE", PLAN_ENV_RUN, title, "its first line"},
	{"CI_COMMIT_AUTHOR", PLAN_ENV_RUN, author, "`Name <mail>`"},
	{"CI_COMMIT_AUTHOR_NAME", PLAN_ENV_RUN, author_name, "the name alone"},
	{"CI_COMMIT_AUTHOR_EMAIL", PLAN_ENV_RUN, author_email, "the mail alone"},
	{"CI_PIPELINE_NAME", PLAN_ENV_RUN, NULL, "the pipeline: `ci`"},
	{"CI_PIPELINE_NUMBER", PLAN_ENV_RUN, NULL, "the run's number in its repository"},
	{"CI_PIPELINE_EVENT", PLAN_ENV_RUN, event, "`push`, `tag`, `pull_request`, `manual` or `schedule`"},
	{"CI_PIPELINE_ACTOR", PLAN_ENV_RUN, actor, "who pushed, opened or started"},
	{"CI_PULL_REQUEST", PLAN_ENV_RUN, pr_number, "the number of the pull request"},
	{"CI_PULL_REQUEST_TITLE", PLAN_ENV_RUN, pr_title, "its title"},
	{"CI_PULL_REQUEST_TARGET_BRANCH", PLAN_ENV_RUN, pr_base, "the branch it wants to go to"},
	{"CI_PULL_REQUEST_SOURCE_BRANCH", PLAN_ENV_RUN, pr_head, "the branch it comes from"},
	{"CI_PULL_REQUEST_AUTHOR", PLAN_ENV_RUN, pr_author, "who opened it"},
	{"CI_PULL_REQUEST_IS_FORK", PLAN_ENV_RUN, pr_is_fork, "`true` when it comes from another repository"},
	{"INPUT_*", PLAN_ENV_RUN, NULL, "each input, its name in capitals"},
	{"CI_JOB_NAME", PLAN_ENV_JOB, NULL, "the job's name in the file"},
	{"CI_STAGE_NAME", PLAN_ENV_JOB, NULL, "the stage's name"},
	{"MATRIX_*", PLAN_ENV_JOB, NULL, "each value of this instance of a matrix, its name in capitals"},
	{"CI_ATTEMPT", PLAN_ENV_ATTEMPT, NULL, "1 for the first try of the job, then 2"},
	{"CI_OUTPUT", PLAN_ENV_ATTEMPT, NULL, "a file: `name=value` lines written to it are the job's outputs"},
	{"CI_ENVIRONMENT", PLAN_ENV_DEPLOY, NULL, "the environment that is deployed to"},
	{"CI_TARGET", PLAN_ENV_DEPLOY, NULL, "the target"},
	{"CI_TARGET_URL", PLAN_ENV_DEPLOY, NULL, "its URL"},
	{"CI_VERSION", PLAN_ENV_DEPLOY, NULL, "the version that is deployed"},
	{"CI_PREVIOUS_VERSION", PLAN_ENV_DEPLOY, NULL, "the version that was there before"},
	{NULL, PLAN_ENV_RUN, NULL, NULL},
};

static void add(struct pair_list *env, struct arena *arena, struct str name, struct str value)
{
	env->items = arena_grow(arena, env->items, sizeof *env->items, env->count);
	env->items[env->count++] = (struct pair){name, expr_template_quote(value, arena)};
}

struct pair_list plan_env_of_run(const struct plan_context *context, struct str pipeline, struct arena *arena)
{
	struct pair_list env = {0};
	for (const struct plan_env_variable *variable = plan_env_variables; variable->name; variable++) {
		struct str value = variable->value ? variable->value(context, arena) : (struct str){0};
		if (value.n)
			add(&env, arena, str_of(variable->name), value);
	}
	add(&env, arena, STR("CI_PIPELINE_NAME"), pipeline);
	/* The plan is made before the run has its number, and is kept once for all runs that are alike. */
	pair_set(&env, arena, STR("CI_PIPELINE_NUMBER"), STR("${{ run.number }}"));
	return env;
}

struct str plan_env_name(const char *prefix, struct str name, struct arena *arena)
{
	struct str joined = arena_printf(arena, "%s%.*s", prefix, STR_ARG(name));
	char *p = arena_alloc(arena, joined.n + 1);
	for (size_t i = 0; i < joined.n; i++) {
		char c = joined.p[i];
		bool is_lower = c >= 'a' && c <= 'z', is_upper = c >= 'A' && c <= 'Z', is_digit = c >= '0' && c <= '9';
		p[i] = is_lower ? (char)(c - 'a' + 'A') : is_upper || is_digit ? c : '_';
	}
	return (struct str){p, joined.n};
}

void plan_env_of_job(
	struct pair_list *env, struct str stage, struct str name, const struct pair_list *matrix, struct arena *arena)
{
	pair_set(env, arena, STR("CI_STAGE_NAME"), stage);
	pair_set(env, arena, STR("CI_JOB_NAME"), name);
	for (size_t i = 0; i < matrix->count; i++)
		pair_set(env, arena, plan_env_name("MATRIX_", matrix->items[i].name, arena),
			expr_template_quote(matrix->items[i].value, arena));
}

char *plan_env_markdown(void)
{
	static const char *const set_by[] = {[PLAN_ENV_RUN] = "run",
		[PLAN_ENV_JOB] = "job",
		[PLAN_ENV_ATTEMPT] = "attempt",
		[PLAN_ENV_DEPLOY] = "deployment"};
	auto_buf out = BUF_INIT(64 * 1024);
	buf_add_c(&out, "| variable | the same for | value |\n| --- | --- | --- |\n");
	for (const struct plan_env_variable *variable = plan_env_variables; variable->name; variable++)
		buf_addf(&out, "| `%s` | %s | %s |\n", variable->name, set_by[variable->by], variable->help);
	return buf_take(&out);
}
