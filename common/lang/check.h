#ifndef COMMON_LANG_CHECK_H
#define COMMON_LANG_CHECK_H

/*
 * What the tables alone cannot say: syntax of single texts, names that must exist, expressions, order, shape. It runs
 * over the finished pipeline, after all merging, and tolerates values that could not be read. Private to common/lang.
 */

#include "common/lang/block.h"
#include "common/lang/errors.h"
#include "common/lang/group.h"

struct lang_job_ref {
	const struct pipeline_job *job;
	size_t stage;
};

struct lang_checker {
	const struct pipeline *pipeline; /* NULL: the document is none, and holds no expressions but in tests */
	struct arena *arena;
	struct lang_errors *errors;
	bool is_partial; /* what it builds on could not be loaded: names may be missing, and nobody can say */

	/* All jobs of job stages, sorted by name. */
	struct lang_job_ref *jobs;
	size_t job_count;

	/* Of each stage, its jobs and its tests. */
	struct lang_group **job_groups;
	struct lang_group **test_groups;

	/* Where the walk is. */
	const struct pipeline_stage *stage;
	size_t stage_index;
	const struct pipeline_job *job;
	bool is_test; /* the job is one */
	bool is_deploy;
	bool is_step;
};

/* is_partial: the base could not be loaded. */
void lang_check(const struct pipeline *pipeline, bool is_partial, struct arena *arena, struct lang_errors *errors);

/* Single values, required keys and tests of another document that is described by tables. */
void lang_check_document(
	const struct lang_block *block, const void *document, struct arena *arena, struct lang_errors *errors);

/* Finds the jobs of all stages, and reports cycles among them. */
void lang_index_jobs(struct lang_checker *checker);
/* Names, order, matrices. */
void lang_check_jobs(struct lang_checker *checker);
/* Shapes of stages, gates, waves, the deploy block, inputs. */
void lang_check_stages(struct lang_checker *checker);
void lang_check_gate(struct lang_errors *errors, const struct pipeline_gate *gate);
void lang_check_inputs(struct lang_checker *checker);

/* A condition, or a text with ${{ }}, at the place where the walk is. */
void lang_check_condition(struct lang_checker *checker, const struct lang_key *key, const struct lang_text *text);
void lang_check_template(struct lang_checker *checker, const struct lang_key *key, const struct lang_text *text);

/* NULL: there is none. Of several of the same name the first in the order of stages. */
const struct lang_job_ref *lang_find_job(const struct lang_checker *checker, struct str name);
/* For an error: "": none is near; otherwise `; did you mean "x"?`. The names are a member of the items of a list. */
const char *lang_suggest(
	struct lang_errors *errors, struct str name, const struct lang_items *list, size_t size, size_t offset);
#define LANG_SUGGEST(errors, name, list, member)                                                                       \
	lang_suggest((errors), (name), &(struct lang_items){.items = (list)->items, .count = (list)->count},           \
		sizeof *(list)->items, offsetof(__typeof__(*(list)->items), member))
/* The same for all jobs of job stages. */
const char *lang_suggest_job(const struct lang_checker *checker, struct str name);

#endif
