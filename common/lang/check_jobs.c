#include "common/lang/check.h"

#include <string.h>

/* Jobs among themselves: names, needs, cycles; and their matrices. */

enum { JOBS_MAX = 2000 };

static bool find_in(const struct pipeline_job *jobs, size_t count, struct str name, size_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(jobs[i].name.text, name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool reaches(
	const struct pipeline_job *jobs, size_t count, const struct pipeline_job *from, struct str name, bool *seen)
{
	for (size_t i = 0; i < from->needs.count; i++) {
		size_t at;
		if (str_eq(from->needs.items[i].text, name))
			return true;
		if (!find_in(jobs, count, from->needs.items[i].text, &at) || seen[at])
			continue;
		seen[at] = true;
		if (reaches(jobs, count, &jobs[at], name, seen))
			return true;
	}
	return false;
}

bool lang_job_needs(const struct lang_checker *checker, const struct pipeline_job *jobs, size_t count,
	const struct pipeline_job *job, struct str name)
{
	bool *seen = arena_array(checker->arena, bool, count);
	return reaches(jobs, count, job, name, seen);
}

/* A block of jobs that may need each other: the jobs of a stage, or its tests. */
struct group {
	struct lang_checker *checker;
	const struct pipeline_job *jobs;
	size_t count;
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
	if (find_in(group->jobs, group->count, need->text, &ignored))
		return;
	if (group->is_tests) {
		lang_error_add(checker->errors, need->at,
			"unknown test \"%.*s\" in \"needs\": a test can need tests of its "
			"own stage%s",
			STR_ARG(need->text),
			lang_suggest(checker->arena, need->text,
				&(struct lang_items){.items = (void *)(uintptr_t)group->jobs, .count = group->count},
				sizeof *group->jobs, offsetof(struct pipeline_job, name)));
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

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct search {
	const struct group *group;
	enum mark *marks;
	size_t *path;
	size_t depth;
};

/* The path from where the circle closes, named in the order in which the jobs need each other. */
static void report_cycle(const struct search *search, size_t back_to, const struct lang_text *need)
{
	const struct group *group = search->group;
	struct str circle = {NULL, 0};
	size_t from = 0;
	while (search->path[from] != back_to)
		from++;
	for (size_t i = from; i < search->depth; i++)
		circle = arena_printf(group->checker->arena, "%.*s%.*s needs ", STR_ARG(circle),
			STR_ARG(group->jobs[search->path[i]].name.text));
	lang_error_add(group->checker->errors, need->at, "a cycle in \"needs\": %.*s%.*s", STR_ARG(circle),
		STR_ARG(group->jobs[back_to].name.text));
}

static void visit(struct search *search, size_t i)
{
	const struct group *group = search->group;
	const struct pipeline_job *job = &group->jobs[i];
	search->marks[i] = MARK_OPEN;
	search->path[search->depth++] = i;
	for (size_t j = 0; j < job->needs.count; j++) {
		size_t next;
		if (!find_in(group->jobs, group->count, job->needs.items[j].text, &next) || next == i)
			continue;
		if (search->marks[next] == MARK_OPEN)
			report_cycle(search, next, &job->needs.items[j]);
		else if (search->marks[next] == MARK_NEW)
			visit(search, next);
	}
	search->depth--;
	search->marks[i] = MARK_DONE;
}

static void check_cycles(const struct group *group)
{
	struct search search = {
		.group = group,
		.marks = arena_array(group->checker->arena, enum mark, group->count),
		.path = arena_array(group->checker->arena, size_t, group->count),
	};
	for (size_t i = 0; i < group->count; i++)
		if (search.marks[i] == MARK_NEW)
			visit(&search, i);
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
				LANG_SUGGEST(checker->arena, pair->name.text, &matrix->axes, name));
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

static void check_job(const struct group *group, const struct pipeline_job *job)
{
	struct lang_checker *checker = group->checker;
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
	for (size_t i = 0; i < group->count; i++)
		check_job(group, &group->jobs[i]);
	check_cycles(group);
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
	for (size_t i = 0; i < checker->pipeline->stages.count; i++) {
		const struct pipeline_stage *stage = &checker->pipeline->stages.items[i];
		check_group(&(struct group){checker, stage->jobs.items, stage->jobs.count, i, false});
		check_group(&(struct group){checker, stage->tests.items, stage->tests.count, i, true});
	}
}
