#include "server/engine/refusals.h"

static bool has_services(const struct plan_job *job)
{
	return job->services != NULL;
}

static bool has_cache(const struct plan_job *job)
{
	return job->cache != NULL;
}

static bool has_image(const struct plan_job *job)
{
	return job->image.n > 0;
}

static bool has_secrets(const struct plan_job *job)
{
	return job->secrets.count > 0;
}

static bool has_id_token(const struct plan_job *job)
{
	return job->id_token != NULL;
}

/* Each row: whom it concerns, what that one does, and what this version plans instead. */
static const struct {
	bool (*job)(const struct plan_job *job);
	const char *does;
	const char *what;
} rows[] = {
	{.job = has_services, .does = "starts services beside itself", .what = "services"},
	{.job = has_cache, .does = "keeps a cache", .what = "caches"},
	{.job = has_image, .does = "runs in an image", .what = "images"},
	{.job = has_secrets, .does = "asks for secrets", .what = "secrets"},
	{.job = has_id_token, .does = "asks for an identity token", .what = "identity tokens"},
};

static void add(struct plan *plan, struct arena *arena, size_t row, const char *noun, struct str name)
{
	struct str sentence =
		arena_printf(arena, "%s \"%.*s\" %s; this version of Penstock plans %s but does not run them yet", noun,
			STR_ARG(name), rows[row].does, rows[row].what);
	struct str_list *list = &plan->refusals;
	if (str_list_has(list, sentence)) /* the instances of a matrix */
		return;
	list->items = arena_grow(arena, list->items, sizeof *list->items, list->count);
	list->items[list->count++] = sentence;
}

static void check_job(struct plan *plan, struct arena *arena, const struct plan_job *job)
{
	for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
		if (rows[row].job(job))
			add(plan, arena, row, "job", job->name);
}

void refusals_add(struct plan *plan, struct arena *arena)
{
	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct plan_stage *stage = &plan->stages[i];
		if (stage->is_skipped)
			continue;
		for (size_t j = 0; j < stage->job_count; j++)
			if (!stage->jobs[j].is_skipped)
				check_job(plan, arena, &stage->jobs[j]);
	}
}
