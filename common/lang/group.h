#ifndef COMMON_LANG_GROUP_H
#define COMMON_LANG_GROUP_H

/*
 * Jobs that may need each other: those of one stage, or its tests. Names are found and "who waits for whom" is answered
 * without walking the jobs again, since a hostile file may ask a hundred thousand times. Private to common/lang.
 */

#include "common/arena.h"
#include "common/lang/pipeline.h"

struct lang_group;
/* path holds the jobs of a circle, each needing the next; `need` closes it. */
typedef void lang_group_cycle(
	void *arg, const struct lang_group *group, const size_t *path, size_t length, const struct lang_text *need);

struct lang_group {
	const struct pipeline_job *jobs;
	size_t count;
	size_t *sorted;   /* indexes of the jobs by name */
	size_t row_words; /* of `reach`, in 64 bits */
	uint64_t *reach;  /* a row for each job: bit i, it waits for job i, directly or through others */
	uint8_t *marks;   /* of the search that fills `reach` */
	size_t *path;     /* jobs that this search is in */
	size_t depth;
	void *arg;
	lang_group_cycle *cycle;
};

/* cycle is called once for each entry of `needs` that closes a circle. */
struct lang_group *lang_group_new(
	const struct pipeline_job *jobs, size_t count, struct arena *arena, lang_group_cycle *cycle, void *arg);
bool lang_group_find(const struct lang_group *group, struct str name, size_t *ret);
/* Both are indexes. */
bool lang_group_waits(const struct lang_group *group, size_t job, size_t for_job);

#endif
