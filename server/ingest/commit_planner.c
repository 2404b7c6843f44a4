#include "server/ingest/commit_planner.h"

#include "server/engine/plan_configuration.h"
#include "server/git/git_authors.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/pipeline_files.h"

#include <string.h>

const struct field trigger_fields[] = {
	FIELD(struct trigger, id, FIELD_I64, 0),
	FIELD(struct trigger, repository, FIELD_I64, 0),
	FIELD(struct trigger, repository_name, FIELD_STR, 0),
	FIELD(struct trigger, default_branch, FIELD_STR, 0),
	FIELD(struct trigger, event, FIELD_STR, 0),
	FIELD(struct trigger, pipeline, FIELD_STR, 0),
	FIELD(struct trigger, ref, FIELD_STR, 0),
	FIELD(struct trigger, before, FIELD_STR, 0),
	FIELD(struct trigger, commit, FIELD_STR, 0),
	FIELD(struct trigger, is_deleted, FIELD_BOOL, 0),
	FIELD(struct trigger, actor, FIELD_STR, 0),
	FIELD(struct trigger, account, FIELD_I64, 0),
	FIELD(struct trigger, inputs, FIELD_PAIRS, 0),
	FIELD(struct trigger, options, FIELD_STRS, 0),
	FIELD(struct trigger, rerun_of, FIELD_I64, 0),
	FIELD(struct trigger, tries, FIELD_I32, 0),
	FIELD(struct trigger, pull_request, FIELD_I64, 0),
	FIELD(struct trigger, pull_title, FIELD_STR, 0),
	FIELD(struct trigger, pull_author, FIELD_STR, 0),
	FIELD(struct trigger, pull_base, FIELD_STR, 0),
	FIELD(struct trigger, pull_head, FIELD_STR, 0),
	FIELD(struct trigger, is_fork, FIELD_BOOL, 0),
	FIELD_END,
};

struct work {
	const struct trigger *trigger;
	const struct configuration *configuration;
	const struct people *people;
	const struct planned_before *before; /* NULL: it is planned for the first time */
	struct git_mirror *mirror;
	struct pipeline_files files;
	struct str definition;     /* the commit that the pipeline files are read from */
	struct str_list misnamed;  /* files that would be pipelines if their names ended right */
	struct str_list conflicts; /* of a pull request: paths */
	struct plan_context context;
	struct commit_plans plans;
	struct arena *arena;
};

/* --- what it is about --- */

static void add_reason(struct work *work, struct str reason)
{
	struct str before = work->plans.reason;
	work->plans.reason =
		arena_printf(work->arena, "%.*s%s%.*s", STR_ARG(before), before.n ? "; " : "", STR_ARG(reason));
}

/* The pull request as it would be on its base. The head's conflicts are kept: each pipeline then fails with them. */
static bool merge(struct work *work, struct err *err)
{
	const struct trigger *trigger = work->trigger;
	struct commit_plans *plans = &work->plans;
	struct str name,
		ref = arena_printf(work->arena, "refs/heads/%.*s", STR_ARG(trigger->pull_base)),
		merge_ref = arena_printf(work->arena, "refs/penstock/merge/%lld", (long long)trigger->pull_request);
	if (!git_resolve(work->mirror, ref, &plans->base, &name, work->arena, err))
		return false;
	struct git_merge made;
	if (!git_merge_make(work->mirror, plans->base, trigger->commit, merge_ref, &made, work->arena, err))
		return false;
	plans->head = trigger->commit;
	plans->commit = made.conflicts.count ? plans->head : made.commit;
	work->conflicts = made.conflicts;
	work->definition = trigger->is_fork || made.conflicts.count ? plans->base : plans->commit;
	return git_commit_read(work->mirror, plans->head, &plans->facts, work->arena, err);
}

/* By hand only what a branch or tag holds: a stranger's commit would run with our secrets, and without consent. */
static bool check_kept(struct work *work, struct err *err)
{
	const struct commit_plans *plans = &work->plans;
	bool is_kept;
	if (!git_is_kept(work->mirror, plans->commit, &is_kept, err))
		return false;
	return is_kept ||
	       err_set(err, ERR_INVALID,
		       "commit %.12s is on no branch and no tag; a pull request's commit runs by its own event",
		       plans->commit.p);
}

/* What is meant by naming no ref. The first push may be here already, while its webhook, which settles it, still waits.
 */
static bool default_ref(struct work *work, struct str *ret, struct err *err)
{
	struct pair_list refs;
	*ret = work->trigger->default_branch;
	if (ret->n)
		return true;
	if (!git_refs(work->mirror, &refs, work->arena, err))
		return false;
	*ret = ref_guess_default(&refs);
	return true;
}

static bool recall(struct work *work, struct err *err)
{
	const struct planned_before *before = work->before;
	struct commit_plans *plans = &work->plans;
	plans->commit = before->commit;
	plans->ref = before->ref;
	plans->branch = before->branch;
	plans->tag = before->tag;
	plans->head = before->head;
	plans->base = before->base;
	work->definition = work->trigger->pull_request && work->trigger->is_fork ? before->base : before->commit;
	return git_commit_read(
		work->mirror, before->head.n ? before->head : before->commit, &plans->facts, work->arena, err);
}

static bool resolve(struct work *work, struct err *err)
{
	const struct trigger *trigger = work->trigger;
	struct commit_plans *plans = &work->plans;
	if (work->before)
		return recall(work, err);
	plans->commit = trigger->commit;
	plans->ref = trigger->ref;
	if (trigger->pull_request)
		return merge(work, err);
	if (trigger->commit.n == 0) {
		struct str name = trigger->ref;
		if (name.n == 0 && !default_ref(work, &name, err))
			return false;
		if (!git_resolve(work->mirror, name, &plans->commit, &plans->ref, work->arena, err) ||
			!check_kept(work, err))
			return false;
	}
	if (str_starts(plans->ref, STR("refs/heads/")))
		plans->branch = str_skip(plans->ref, 11);
	if (str_starts(plans->ref, STR("refs/tags/")))
		plans->tag = str_skip(plans->ref, 10);
	work->definition = plans->commit;
	return git_commit_read(work->mirror, plans->commit, &plans->facts, work->arena, err);
}

/* Whoever opens a pull request from outside does not say what is left out. */
static bool says_skip(const struct work *work)
{
	const char *message = arena_str(work->arena, work->plans.facts.message).p;
	bool in_message = strcasestr(message, "[skip ci]") || strcasestr(message, "[ci skip]");
	bool is_manual = str_is(work->trigger->event, "manual") || work->trigger->rerun_of != 0;
	/* Whoever pushes may save a run of their push; what is due each night is not theirs to leave out. */
	bool is_automatic = !is_manual && !str_is(work->trigger->event, "schedule");
	bool is_foreign = work->trigger->pull_request && work->trigger->is_fork;
	return is_automatic && in_message && !is_foreign;
}

static bool find_authors(struct work *work, struct err *err)
{
	const struct trigger *trigger = work->trigger;
	const struct git_change change = {
		.commit = work->plans.commit,
		.before = trigger->pull_request ? work->plans.base : trigger->before,
		.default_branch = trigger->default_branch,
		.branch = work->plans.branch,
		.is_push = str_is(trigger->event, "push") && work->plans.branch.n,
	};
	return git_authors_of_change(work->mirror, &change, &work->plans.authors, work->arena, err);
}

static bool set_context(struct work *work, struct err *err)
{
	const struct trigger *trigger = work->trigger;
	const struct commit_plans *plans = &work->plans;
	struct str before = trigger->pull_request ? plans->base : trigger->before;
	int event;
	if (!enum_from_name(plan_event_names, trigger->event, &event))
		return err_set(
			err, ERR_BUG, "trigger %lld: event \"%.*s\"", (long long)trigger->id, STR_ARG(trigger->event));
	work->context = (struct plan_context){
		.event = (enum plan_event)event,
		.ref = plans->ref,
		.branch = plans->branch,
		.tag = plans->tag,
		.commit = plans->commit,
		.before = before,
		.message = plans->facts.message,
		.author_name = plans->facts.author,
		.author_email = plans->facts.author_email,
		.actor = trigger->actor,
		.repository = trigger->repository_name,
		.default_branch = trigger->default_branch,
		.inputs = trigger->inputs,
		.environment = plan_configuration_environment,
		.knows_service = plan_configuration_knows,
		.may_read = plan_configuration_may_read,
		.alarm = plan_configuration_alarm,
		.only_environment = work->before ? work->before->environment : (struct str){0},
		.environment_arg = (void *)(uintptr_t)work->configuration,
		.people = work->people,
		.authors = plans->authors,
		.service = plan_configuration_service(work->configuration, trigger->repository_name),
	};
	if (trigger->pull_request)
		work->context.pr = (struct plan_pull_request){
			.number = trigger->pull_request,
			.title = trigger->pull_title,
			.base = trigger->pull_base,
			.head = trigger->pull_head,
			.author = trigger->pull_author,
			.is_fork = trigger->is_fork,
		};
	return git_changed_paths(
		work->mirror, before, plans->commit, &work->context.paths, &work->context.has_paths, work->arena, err);
}

/* --- files --- */

static struct planned_run *add_run(struct work *work, struct str pipeline)
{
	struct commit_plans *plans = &work->plans;
	plans->runs = arena_grow(work->arena, plans->runs, sizeof *plans->runs, plans->run_count);
	struct planned_run *run = &plans->runs[plans->run_count++];
	*run = (struct planned_run){.pipeline = pipeline};
	return run;
}

static void add_broken(struct work *work, struct str pipeline, const struct lang_errors *errors)
{
	struct planned_run *run = add_run(work, pipeline);
	run->reason = STR("the pipeline file has errors");
	run->errors = json_array();
	lang_errors_describe(errors, run->errors);
	json_array_append_new(work->plans.owned, run->errors);
}

enum { CONFLICTS_NAMED_MAX = 5 };

static void add_conflict(struct work *work, struct str pipeline)
{
	struct planned_run *run = add_run(work, pipeline);
	struct str paths = {0};
	size_t count = work->conflicts.count;
	for (size_t i = 0; i < count && i < CONFLICTS_NAMED_MAX; i++)
		paths = arena_printf(
			work->arena, "%.*s%s%.*s", STR_ARG(paths), i ? ", " : "", STR_ARG(work->conflicts.items[i]));
	run->reason = arena_printf(work->arena,
		"pull request #%lld cannot be merged into %.*s: conflicts in %.*s%s; merge or rebase it, and push",
		(long long)work->trigger->pull_request, STR_ARG(work->trigger->pull_base), STR_ARG(paths),
		count > CONFLICTS_NAMED_MAX ? " and more" : "");
}

/* Whether only the files that changed keep it from running. */
static bool listens(const struct work *work, const struct pipeline *pipeline)
{
	struct plan_context context = work->context;
	struct str why = {0};
	context.has_paths = false; /* everything counts as changed */
	return context.event != PLAN_EVENT_MANUAL && plan_matches(pipeline, &context, work->arena, &why);
}

/* Whoever waits for it hears that nothing is to be done. */
static void add_skipped(struct work *work, struct str pipeline, struct str reason)
{
	struct commit_plans *plans = &work->plans;
	plans->skipped = arena_grow(work->arena, plans->skipped, sizeof *plans->skipped, plans->skipped_count);
	plans->skipped[plans->skipped_count++] = (struct skipped_pipeline){pipeline, reason};
}

/* The pipeline up to and with the stage that is planned again. */
static const struct pipeline *cut(const struct work *work, const struct pipeline *pipeline)
{
	struct pipeline *part = arena_new(work->arena, struct pipeline);
	*part = *pipeline;
	for (size_t i = 0; i < part->stages.count; i++)
		if (str_eq(part->stages.items[i].name.text, work->before->stage))
			part->stages.count = i + 1;
	return part;
}

static void plan_file(struct work *work, const struct git_file *file)
{
	struct lang_errors errors = {.arena = work->arena};
	const struct pipeline *pipeline;
	struct str name = lang_name_of_file(file->path.p), why = {0};
	if (!pipeline_files_load(&work->files, file, work->arena, &pipeline, &errors)) {
		add_broken(work, name, &errors);
		return;
	}
	work->context.file = file->path.p;
	if (work->before)
		pipeline = cut(work, pipeline);
	else if (work->trigger->rerun_of == 0 && !plan_matches(pipeline, &work->context, work->arena, &why)) {
		add_reason(work, why);
		if (listens(work, pipeline))
			add_skipped(work, name, why);
		return;
	}
	if (work->conflicts.count) {
		add_conflict(work, name);
		return;
	}
	struct plan *plan = arena_new(work->arena, struct plan);
	if (!plan_make(pipeline, &work->context, work->arena, plan, &errors)) {
		add_broken(work, name, &errors);
		return;
	}
	struct planned_run *run = add_run(work, name);
	run->plan = plan;
	const struct lang_texts *groups = &pipeline->on.manual.groups;
	run->groups.items = arena_array(work->arena, struct str, groups->count);
	for (size_t i = 0; i < groups->count; i++)
		run->groups.items[run->groups.count++] = groups->items[i].text;
}

/* Nothing else would tell why such a file does nothing. */
static void tell_misnamed(struct work *work)
{
	struct str names = {0};
	size_t count = work->misnamed.count;
	for (size_t i = 0; i < count; i++)
		names = arena_printf(
			work->arena, "%.*s%s%.*s", STR_ARG(names), i ? ", " : "", STR_ARG(work->misnamed.items[i]));
	if (count == 0)
		return;
	work->plans.note = arena_printf(work->arena, "%.*s %s not read, since pipeline files end in .yaml: rename %s",
		STR_ARG(names), count == 1 ? "is" : "are", count == 1 ? "it" : "them");
	add_reason(work, work->plans.note);
}

static bool fail_unknown(const struct work *work, struct str wanted, struct err *err)
{
	struct arena *arena = work->arena;
	struct str other = arena_printf(arena, ".penstock/%.*s.yml", STR_ARG(wanted));
	if (str_list_has(&work->misnamed, other))
		return err_set(err, ERR_INVALID,
			"commit %.12s has no pipeline \"%.*s\": %.*s is not read, pipeline files end in .yaml",
			work->definition.p, STR_ARG(wanted), STR_ARG(other));
	const char **names = arena_array(arena, const char *, work->files.count + 1);
	for (size_t i = 0; i < work->files.count; i++)
		names[i] = arena_str(arena, lang_name_of_file(work->files.items[i].path.p)).p;
	const char *nearest = str_nearest(wanted, names);
	return err_set(err, ERR_INVALID, "commit %.12s has no pipeline \"%.*s\": there is no .penstock/%.*s.yaml%s%s%s",
		work->definition.p, STR_ARG(wanted), STR_ARG(wanted), nearest ? "; did you mean \"" : "",
		nearest ? nearest : "", nearest ? "\"?" : "");
}

static bool plan_files(struct work *work, struct err *err)
{
	struct str wanted = work->before ? work->before->pipeline : work->trigger->pipeline;
	if (!pipeline_files_read(work->mirror, work->definition, &work->files, work->arena, err) ||
		!git_misnamed_pipelines(work->mirror, work->definition, &work->misnamed, work->arena, err))
		return false;
	if (wanted.n && !pipeline_files_find(&work->files, wanted))
		return fail_unknown(work, wanted, err);
	for (size_t i = 0; i < work->files.count; i++)
		if (wanted.n == 0 || str_eq(lang_name_of_file(work->files.items[i].path.p), wanted))
			plan_file(work, &work->files.items[i]);
	if (work->files.count == 0)
		work->plans.reason = STR("the commit has no pipeline files (.penstock/NAME.yaml)");
	tell_misnamed(work);
	return true;
}

/* Those that would have run, so that nobody waits for them. */
static bool skip_files(struct work *work, struct err *err)
{
	if (!pipeline_files_read(work->mirror, work->definition, &work->files, work->arena, err))
		return false;
	for (size_t i = 0; i < work->files.count; i++) {
		struct lang_errors errors = {.arena = work->arena};
		const struct git_file *file = &work->files.items[i];
		const struct pipeline *pipeline;
		if (pipeline_files_load(&work->files, file, work->arena, &pipeline, &errors) && listens(work, pipeline))
			add_skipped(work, lang_name_of_file(file->path.p), work->plans.reason);
	}
	return true;
}

static bool run(struct work *work, struct err *err)
{
	if (!resolve(work, err) || !find_authors(work, err) || !set_context(work, err))
		return false;
	if (work->before || !says_skip(work))
		return plan_files(work, err);
	work->plans.reason = STR("the commit message says [skip ci]");
	return skip_files(work, err);
}

static bool run_on(const char *mirror_path, struct work *work, struct commit_plans *ret, struct err *err)
{
	if (!git_mirror_open(mirror_path, &work->mirror, err))
		return false;
	work->plans.owned = json_array();
	bool ok = run(work, err);
	git_mirror_close(work->mirror);
	if (ok)
		*ret = work->plans;
	else
		commit_plans_done(&work->plans);
	return ok;
}

bool commit_planner_run(const char *mirror_path, const struct trigger *trigger,
	const struct configuration *configuration, const struct people *people, struct commit_plans *ret,
	struct arena *arena, struct err *err)
{
	struct work work = {.trigger = trigger, .configuration = configuration, .people = people, .arena = arena};
	return run_on(mirror_path, &work, ret, err);
}

bool commit_planner_again(const char *mirror_path, const struct trigger *trigger, const struct planned_before *before,
	const struct configuration *configuration, const struct people *people, struct commit_plans *ret,
	struct arena *arena, struct err *err)
{
	struct work work = {
		.trigger = trigger, .configuration = configuration, .people = people, .before = before, .arena = arena};
	return run_on(mirror_path, &work, ret, err);
}

void commit_plans_done(struct commit_plans *plans)
{
	for (size_t i = 0; i < plans->run_count; i++)
		if (plans->runs[i].plan)
			plan_done(plans->runs[i].plan);
	json_decref(plans->owned);
	*plans = (struct commit_plans){0};
}
