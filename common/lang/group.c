#include "common/lang/group.h"

#include <stdlib.h>

enum { MARK_NEW, MARK_OPEN, MARK_DONE };

static int compare_names(const void *a, const void *b, void *jobs)
{
	const struct pipeline_job *all = jobs;
	return str_compare(all[*(const size_t *)a].name.text, all[*(const size_t *)b].name.text);
}

bool lang_group_find(const struct lang_group *group, struct str name, size_t *ret)
{
	size_t low = 0, high = group->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(group->jobs[group->sorted[middle]].name.text, name);
		if (order == 0) {
			*ret = group->sorted[middle];
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static uint64_t *row_of(const struct lang_group *group, size_t job)
{
	return group->reach + job * group->row_words;
}

static void report_cycle(const struct lang_group *group, size_t back_to, const struct lang_text *need)
{
	size_t from = 0;
	while (group->path[from] != back_to)
		from++;
	group->cycle(group->arg, group, group->path + from, group->depth - from, need);
}

/* Depth first; as deep as there are jobs in a block, which LANG_ITEMS_MAX bounds. */
static void visit(struct lang_group *group, size_t job)
{
	const struct lang_texts *needs = &group->jobs[job].needs;
	group->marks[job] = MARK_OPEN;
	group->path[group->depth++] = job;
	for (size_t i = 0; i < needs->count; i++) {
		size_t next;
		if (!lang_group_find(group, needs->items[i].text, &next) || next == job)
			continue;
		if (group->marks[next] == MARK_OPEN)
			report_cycle(group, next, &needs->items[i]);
		else if (group->marks[next] == MARK_NEW)
			visit(group, next);
		for (size_t word = 0; word < group->row_words; word++)
			row_of(group, job)[word] |= row_of(group, next)[word];
		row_of(group, job)[next / 64] |= UINT64_C(1) << (next % 64);
	}
	group->depth--;
	group->marks[job] = MARK_DONE;
}

struct lang_group *lang_group_new(
	const struct pipeline_job *jobs, size_t count, struct arena *arena, lang_group_cycle *cycle, void *arg)
{
	struct lang_group *group = arena_new(arena, struct lang_group);
	*group = (struct lang_group){
		.jobs = jobs,
		.count = count,
		.sorted = arena_array(arena, size_t, count),
		.row_words = (count + 63) / 64,
		.marks = arena_array(arena, uint8_t, count),
		.path = arena_array(arena, size_t, count),
		.cycle = cycle,
		.arg = arg,
	};
	group->reach = arena_array(arena, uint64_t, count * group->row_words);
	for (size_t i = 0; i < count; i++)
		group->sorted[i] = i;
	if (count)
		qsort_r(group->sorted, count, sizeof *group->sorted, compare_names, (void *)(uintptr_t)jobs);
	for (size_t i = 0; i < count; i++)
		if (group->marks[i] == MARK_NEW)
			visit(group, i);
	return group;
}

bool lang_group_waits(const struct lang_group *group, size_t job, size_t for_job)
{
	return row_of(group, job)[for_job / 64] >> (for_job % 64) & 1;
}
