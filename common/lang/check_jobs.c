#include "common/lang/check.h"

#include "common/yaml_path.h"

#include <stdlib.h>

/* Jobs among themselves: names, needs, cycles; and their matrices. */

enum { JOBS_MAX = 2000 };

/* By name, so that a thousand jobs with ten needs each are no ten million comparisons. */

static int compare_jobs(const void *a, const void *b)
{
	const struct lang_job_ref *x = a, *y = b;
	int order = str_compare(x->job->name.text, y->job->name.text);
	return order ? order : (x->stage > y->stage) - (x->stage < y->stage);
}

const struct lang_job_ref *lang_find_job(const struct lang_checker *checker, struct str name)
{
	size_t low = 0, high = checker->job_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (str_compare(checker->jobs[middle].job->name.text, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool is_found = low < checker->job_count && str_eq(checker->jobs[low].job->name.text, name);
	return is_found ? &checker->jobs[low] : NULL;
}

static void report_cycle(
	void *arg, const struct lang_group *group, const size_t *path, size_t length, const struct lang_text *need)
{
	struct lang_checker *checker = arg;
	struct str circle = {NULL, 0};
	for (size_t i = 0; i < length; i++)
		circle = arena_printf(
			checker->arena, "%.*s%.*s needs ", STR_ARG(circle), STR_ARG(group->jobs[path[i]].name.text));
	lang_error_add(checker->errors, need->at, "a cycle in \"needs\": %.*s%.*s", STR_ARG(circle),
		STR_ARG(group->jobs[path[0]].name.text));
}

void lang_index_jobs(struct lang_checker *checker)
{
	const struct pipeline *pipeline = checker->pipeline;
	size_t stages = pipeline->stages.count, count = 0;
	for (size_t i = 0; i < stages; i++)
		count += pipeline->stages.items[i].jobs.count;
	checker->jobs = arena_array(checker->arena, struct lang_job_ref, count + 1);
	checker->job_groups = arena_array(checker->arena, struct lang_group *, stages);
	checker->test_groups = arena_array(checker->arena, struct lang_group *, stages);
	for (size_t i = 0; i < stages; i++) {
		const struct pipeline_stage *stage = &pipeline->stages.items[i];
		for (size_t j = 0; j < stage->jobs.count; j++)
			checker->jobs[checker->job_count++] = (struct lang_job_ref){&stage->jobs.items[j], i};
		checker->job_groups[i] =
			lang_group_new(stage->jobs.items, stage->jobs.count, checker->arena, report_cycle, checker);
		checker->test_groups[i] =
			lang_group_new(stage->tests.items, stage->tests.count, checker->arena, report_cycle, checker);
	}
	qsort(checker->jobs, checker->job_count, sizeof *checker->jobs, compare_jobs);
}

struct group {
	struct lang_checker *checker;
	const struct lang_group *jobs;
	size_t stage;
	bool is_tests;
};

static void check_need(const struct group *group, const struct pipeline_job *job, const struct lang_text *need)
{
	const struct lang_checker *checker = group->checker;
	size_t ignored;
	if (str_eq(need->text, job->name.text)) {
		lang_error_add(checker->errors, need->at, "the job \"%.*s\" needs itself", STR_ARG(need->text));
		return;
	}
	if (lang_group_find(group->jobs, need->text, &ignored))
		return;
	if (group->is_tests) {
		lang_error_add(checker->errors, need->at,
			"unknown test \"%.*s\" in \"needs\": a test can need tests of its "
			"own stage%s",
			STR_ARG(need->text),
			LANG_SUGGEST(checker->errors, need->text, &checker->pipeline->stages.items[group->stage].tests,
				name));
		return;
	}
	const struct lang_job_ref *found = lang_find_job(checker, need->text);
	if (!found)
		lang_error_add(checker->errors, need->at, "unknown job \"%.*s\" in \"needs\"%s", STR_ARG(need->text),
			lang_suggest_job(checker, need->text));
	else if (found->stage > group->stage)
		lang_error_add(checker->errors, need->at, "the job \"%.*s\" runs later, in the stage \"%.*s\"",
			STR_ARG(need->text), STR_ARG(checker->pipeline->stages.items[found->stage].name.text));
}

static void check_needs(const struct group *group, const struct pipeline_job *job)
{
	for (size_t i = 0; i < job->needs.count; i++) {
		const struct lang_text *need = &job->needs.items[i];
		for (size_t j = 0; j < i; j++)
			if (str_eq(job->needs.items[j].text, need->text))
				lang_error_add(group->checker->errors, need->at, "\"%.*s\" stands twice in \"needs\"",
					STR_ARG(need->text));
		check_need(group, job, need);
	}
}

static const struct pipeline_axis *find_axis(const struct pipeline_matrix *matrix, struct str name)
{
	for (size_t i = 0; i < matrix->axes.count; i++)
		if (str_eq(matrix->axes.items[i].name.text, name))
			return &matrix->axes.items[i];
	return NULL;
}

static void check_axis(struct lang_checker *checker, const struct pipeline_axis *axis)
{
	for (size_t i = 0; i < axis->values.count; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(axis->values.items[i].text, axis->values.items[j].text))
				lang_error_add(checker->errors, axis->values.items[i].at,
					"\"%.*s\" stands twice in the axis \"%.*s\": both jobs would have the same name",
					STR_ARG(axis->values.items[i].text), STR_ARG(axis->name.text));
}

static bool has_value(const struct pipeline_axis *axis, struct str value)
{
	for (size_t i = 0; i < axis->values.count; i++)
		if (str_eq(axis->values.items[i].text, value))
			return true;
	return false;
}

/* A row that takes nothing out is a mistake: a misspelt axis or value. */
static void check_exclude(
	struct lang_checker *checker, const struct pipeline_matrix *matrix, const struct lang_pairs *row)
{
	for (size_t i = 0; i < row->count; i++) {
		const struct lang_pair *pair = &row->items[i];
		const struct pipeline_axis *axis = find_axis(matrix, pair->name.text);
		if (!axis)
			lang_error_add(checker->errors, pair->name.at, "unknown axis \"%.*s\" in \"exclude\"%s",
				STR_ARG(pair->name.text),
				LANG_SUGGEST(checker->errors, pair->name.text, &matrix->axes, name));
		else if (!has_value(axis, pair->value.text))
			lang_error_add(checker->errors, pair->value.at,
				"the axis \"%.*s\" has no value \"%.*s\" to exclude", STR_ARG(pair->name.text),
				STR_ARG(pair->value.text));
	}
}

static void check_matrix(struct lang_checker *checker, const struct pipeline_matrix *matrix)
{
	size_t combinations = matrix->axes.count ? 1 : 0;
	for (size_t i = 0; i < matrix->axes.count; i++) {
		check_axis(checker, &matrix->axes.items[i]);
		size_t values = matrix->axes.items[i].values.count;
		if (combinations <= LANG_MATRIX_MAX && values)
			combinations *= values;
	}
	combinations += matrix->include.count;
	if (combinations > LANG_MATRIX_MAX)
		lang_error_add(
			checker->errors, matrix->at, "the matrix has more than %d combinations", LANG_MATRIX_MAX);
	if (combinations == 0 && !LANG_IS_SET(matrix->include))
		lang_error_add(checker->errors, matrix->at, "the matrix has no axis");
	for (size_t i = 0; i < matrix->exclude.count; i++)
		check_exclude(checker, matrix, &matrix->exclude.items[i]);
}

/* Only a target has a URL that could be asked in place of `ready`. */
static void check_gitops(struct lang_checker *checker, const struct pipeline_steps *steps, bool has_target)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct pipeline_gitops *gitops = &steps->items[i].gitops;
		if (LANG_IS_SET(gitops->wait) && !LANG_IS_SET(gitops->ready) && !has_target)
			lang_error_add(checker->errors, gitops->wait.at,
				"\"wait\" needs \"ready\" in a job: a script that succeeds once the change is live");
		for (size_t j = 0; j < gitops->set.count; j++) {
			const struct lang_text *name = &gitops->set.items[j].name;
			struct yaml_path path;
			struct err err = {0};
			if (!yaml_path_read(name->text, &path, checker->arena, &err))
				lang_error_add(checker->errors, name->at, "%s", err.text);
		}
	}
}

static void check_job(const struct group *group, const struct pipeline_job *job)
{
	struct lang_checker *checker = group->checker;
	check_gitops(checker, &job->steps, group->is_tests);
	check_needs(group, job);
	if (job->matrix.axes.count || LANG_IS_SET(job->matrix.include) || LANG_IS_SET(job->matrix.exclude))
		check_matrix(checker, &job->matrix);
	for (size_t i = 0; i < job->outputs.count; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(job->outputs.items[i].text, job->outputs.items[j].text))
				lang_error_add(checker->errors, job->outputs.items[i].at,
					"\"%.*s\" stands twice in \"outputs\"", STR_ARG(job->outputs.items[i].text));
	for (size_t i = 0; i < job->services.count; i++)
		if (!LANG_IS_SET(job->services.items[i].image) && !LANG_IS_SET(job->services.items[i].run))
			lang_error_add(
				checker->errors, job->services.items[i].at, "a service needs \"image\" or \"run\"");
}

static void check_group(const struct group *group)
{
	for (size_t i = 0; i < group->jobs->count; i++)
		check_job(group, &group->jobs->jobs[i]);
}

/* `needs` and `jobs.NAME` name a job without its stage. */
static void check_unique(struct lang_checker *checker)
{
	for (size_t i = 1; i < checker->job_count; i++) {
		const struct lang_job_ref *job = &checker->jobs[i], *before = &checker->jobs[i - 1];
		if (str_eq(job->job->name.text, before->job->name.text))
			lang_error_add(checker->errors, job->job->name.at,
				"the job name \"%.*s\" is taken by the stage \"%.*s\"; \"needs\" could not tell them apart",
				STR_ARG(job->job->name.text),
				STR_ARG(checker->pipeline->stages.items[before->stage].name.text));
	}
	if (checker->job_count > JOBS_MAX)
		lang_error_add(checker->errors, checker->pipeline->stages.at, "%zu jobs; a pipeline has at most %d",
			checker->job_count, JOBS_MAX);
}

void lang_check_jobs(struct lang_checker *checker)
{
	check_unique(checker);
	check_gitops(checker, &checker->pipeline->deploy.steps, true);
	check_gitops(checker, &checker->pipeline->deploy.teardown, true);
	for (size_t i = 0; i < checker->pipeline->stages.count; i++) {
		check_group(&(struct group){checker, checker->job_groups[i], i, false});
		check_group(&(struct group){checker, checker->test_groups[i], i, true});
	}
}
