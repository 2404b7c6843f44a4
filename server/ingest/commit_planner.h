#ifndef SERVER_INGEST_COMMIT_PLANNER_H
#define SERVER_INGEST_COMMIT_PLANNER_H

/*
 * From a trigger to plans: reads the commit and its pipeline files from a mirror, and lets the planner make of each
 * that answers to the event a plan, or an account of its faults. Blocking and without state: for a pool thread.
 */

#include "common/fields.h"
#include "common/lang/configuration.h"
#include "server/engine/gate.h"
#include "server/git/git_read.h"

/* A row of triggers_claim.sql. */
struct trigger {
	int64_t id, repository, account, rerun_of;
	struct str repository_name, default_branch;
	struct str event, pipeline; /* "": every pipeline that answers */
	struct str ref, before, commit, actor;
	bool is_deleted;
	struct pair_list inputs;
	struct str_list options;
	int32_t tries;
	int64_t pull_request; /* its number; 0: none, and nothing of what follows means anything */
	struct str pull_title, pull_author, pull_base, pull_head;
	bool is_fork;
};
extern const struct field trigger_fields[];

struct planned_run {
	struct str pipeline;
	struct plan *plan;      /* NULL: there is none, see reason and errors */
	struct str reason;      /* why not; a sentence */
	struct str_list groups; /* who may start it by hand; empty: everybody who may start runs */
	json_t *errors;         /* [{file, line, column, message}] */
};

/* A pipeline that would have run if other files had changed, or if the commit did not say to skip it. */
struct skipped_pipeline {
	struct str pipeline, reason;
};

struct commit_plans {
	struct git_commit_facts facts; /* of a pull request those of its head */
	struct str commit, ref, branch,
		tag;             /* resolved; of a pull request the merge, or the head if that cannot be made */
	struct str head, base;   /* commits of a pull request; "" */
	struct str_list authors; /* mail addresses of who wrote the change */
	struct planned_run *runs;
	size_t run_count;
	struct skipped_pipeline *skipped;
	size_t skipped_count;
	struct str reason; /* why there is none; a sentence */
	struct str note;   /* what to know although there are some: files that are passed over; "": nothing */
	json_t *owned;     /* keeps what is above alive */
};

/* What a trigger was resolved to when its runs were made, and what of it to plan again. */
struct planned_before {
	struct str commit, ref, branch, tag, head, base; /* as commit_plans */
	struct str pipeline, stage, environment; /* the plan ends with this stage, and knows no other environment */
};

/* Plans again what was planned before, by another configuration. ret->runs holds one: a plan, or an account of why
 * there is none any more. */
bool commit_planner_again(const char *mirror_path, const struct trigger *trigger, const struct planned_before *before,
	const struct configuration *configuration, const struct people *people, struct commit_plans *ret,
	struct arena *arena, struct err *err);
/* False: it could not be done now (the commit is missing, say); ERR_UPSTREAM and ERR_NOT_FOUND may pass with the next
 * fetch. */
bool commit_planner_run(const char *mirror_path, const struct trigger *trigger,
	const struct configuration *configuration, const struct people *people, struct commit_plans *ret,
	struct arena *arena, struct err *err);
void commit_plans_done(struct commit_plans *plans);

#endif
