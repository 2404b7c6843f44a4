#include "server/engine/planning.h"

#include <stdlib.h>

/*
 * After all jobs are made: names in `needs` become keys, and a job that needs what is skipped is skipped too. Of a job
 * with a matrix all instances are needed, but for those that were skipped while others were not: an instance that the
 * file's own `if` takes out is not waited for.
 */

struct named {
	struct str name;
	struct plan_job *jobs; /* the instances stand beside each other */
	size_t count;
	const struct pipeline_job *source;
};

struct names {
	struct named *items;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return str_compare(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static const struct named *find(const struct names *names, struct str name)
{
	const struct named wanted = {.name = name};
	return names->count ? bsearch(&wanted, names->items, names->count, sizeof *names->items, compare) : NULL;
}

/* Instances of one job follow each other in the plan in the order of the file. */
static struct names gather(struct planning *in)
{
	struct names names = {0};
	for (size_t i = 0; i < in->plan.stage_count; i++) {
		struct plan_stage *stage = &in->plan.stages[i];
		const struct pipeline_stage *source = &in->pipeline->stages.items[i];
		size_t at = 0;
		for (size_t j = 0; stage->kind == PLAN_STAGE_JOBS && j < source->jobs.count; j++) {
			struct named named = {.name = source->jobs.items[j].name.text,
				.jobs = &stage->jobs[at],
				.source = &source->jobs.items[j]};
			while (at < stage->job_count && str_eq(stage->jobs[at].name, named.name)) {
				named.count++;
				at++;
			}
			names.items = arena_grow(in->arena, names.items, sizeof *names.items, names.count);
			names.items[names.count++] = named;
		}
	}
	if (names.count)
		qsort(names.items, names.count, sizeof *names.items, compare);
	return names;
}

static const struct plan_job *first_running(const struct named *named)
{
	for (size_t i = 0; i < named->count; i++)
		if (!named->jobs[i].is_skipped)
			return &named->jobs[i];
	return NULL;
}

static void skip(struct planning *in, struct plan_job *job, struct str need)
{
	job->is_skipped = true;
	job->skip_reason = arena_printf(in->arena, "it needs \"%.*s\", which is skipped", STR_ARG(need));
}

/* A job with a condition of its own decides at run time: it may say always(). True when one more job is skipped. */
static bool skip_dependents(struct planning *in, const struct names *names, const struct named *named)
{
	bool is_any = false;
	for (size_t i = 0; i < named->source->needs.count; i++) {
		const struct named *need = find(names, named->source->needs.items[i].text);
		if (!need || first_running(need))
			continue;
		for (size_t j = 0; j < named->count; j++) {
			if (named->jobs[j].is_skipped || named->jobs[j].condition.n)
				continue;
			skip(in, &named->jobs[j], need->name);
			is_any = true;
		}
	}
	return is_any;
}

static void add_keys(struct planning *in, const struct named *need, struct str_list *keys)
{
	bool has_running = first_running(need) != NULL;
	for (size_t i = 0; i < need->count; i++)
		if (!need->jobs[i].is_skipped || !has_running)
			planning_add(in, keys, need->jobs[i].key);
}

static void resolve(struct planning *in, const struct names *names, const struct named *named)
{
	struct str_list keys = {0};
	for (size_t i = 0; i < named->source->needs.count; i++) {
		const struct lang_text *text = &named->source->needs.items[i];
		const struct named *need = find(names, text->text);
		if (need)
			add_keys(in, need, &keys);
		else
			planning_fail(in, text->at, "job \"%.*s\" needs \"%.*s\", which is no job",
				STR_ARG(named->name), STR_ARG(text->text));
	}
	for (size_t i = 0; i < named->count; i++)
		named->jobs[i].needs = keys; /* shared: nobody changes a plan */
}

void planning_needs(struct planning *in)
{
	const struct names names = gather(in);
	bool goes_on = true;
	while (goes_on) { /* each round skips at least one job, or is the last */
		goes_on = false;
		for (size_t i = 0; i < names.count; i++)
			if (skip_dependents(in, &names, &names.items[i]))
				goes_on = true;
	}
	for (size_t i = 0; i < names.count; i++)
		resolve(in, &names, &names.items[i]);
}
