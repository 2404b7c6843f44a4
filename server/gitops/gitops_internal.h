#ifndef SERVER_GITOPS_GITOPS_INTERNAL_H
#define SERVER_GITOPS_GITOPS_INTERNAL_H

/* What the files of server/gitops share: gitops.c (life, turns, claims), change.c (one change from top to bottom),
 * rules.c (what may be changed). Private. */

#include "common/io/flow.h"
#include "common/proto/worker_proto.h"
#include "server/dispatch/job_spec.h"
#include "server/git/git_edit.h"
#include "server/git/git_remote.h"
#include "server/gitops/gitops.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"

#include <uv.h>

enum {
	CLAIM_MS = 10 * 1000, /* what a killed server had in hand is free then */
	RENEW_MS = CLAIM_MS / 4,
	PUSHES_MAX = 12,     /* of one change; each that fails let somebody else's through */
	PUSH_DELAY_MS = 100, /* behind the first, doubled up to ... */
	PUSH_DELAY_MAX_MS = 500,
	FAULTS_MAX = 6, /* a repository that is not reached */
	FAULT_DELAY_MS = 1000,
	FAULT_DELAY_MAX_MS = 10000,
};

struct gitops {
	struct server *server;
	struct change *changes; /* under way here */
	int64_t counter;
	int64_t renewed_at; /* monotonic */
	bool is_renewing;
	size_t active;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* A row of gitops_load.sql. */
struct change_row {
	bool is_over, is_mine;
	struct str_list commits;
	json_t *answer;
	struct str key;
	int64_t run, number, source;
	struct str repository, default_branch, commit, plan_hash;
	struct str branch, tag, event, actor;
	bool is_fork;
};
extern const struct field gitops_change_row_fields[];

/* A row of gitops_target.sql. */
struct target_row {
	int64_t id;
	struct str name, default_branch;
	bool is_granted;
	struct str_list refs, files;
};
extern const struct field gitops_target_fields[];

struct change {
	struct flow flow;
	struct gitops *gitops;
	struct change *next;
	struct http_exchange *exchange;
	int64_t job, attempt, step, token;
	char owner[64];
	struct change_row row;
	bool is_in_hand; /* the row is ours to end or to release */
	struct plan_ref *plan;
	struct gitops_spec spec;
	struct target_row target;
	bool has_turn; /* at the target; one at a time here */
	bool is_waiting;
	struct git_remote remote;
	struct arena remote_arena;
	uv_timer_t timer;
	/* of the pool */
	char *mirror_path;
	struct git_edited made;
	struct err made_err;
	int faults;
	struct gitops_answer answer;
	bool is_pending; /* somebody else is at it */
};

/* rules.c: whether the run may make this change. ERR_DENIED says who allows it, and how. */
bool gitops_change_is_allowed(
	const struct change_row *row, const struct gitops_spec *spec, const struct target_row *target, struct err *err);
/* The first line of the commit where the file gives none, and the lines that tell where it comes from. */
struct str gitops_change_subject(const struct change_row *row, const struct gitops_spec *spec, struct arena *arena);
struct str gitops_change_trailers(const struct change *change, struct arena *arena);

/* gitops.c */
extern flow_step *const gitops_change_steps[];
bool gitops_take_turn(struct change *change); /* false: it is resumed when it has it */
void gitops_ended(struct change *change);     /* out of the list; the next one has the turn */
void gitops_change_start(struct change *change);
/* The gitops is closing: what waits for a turn or a time ends. */
void gitops_change_stop(struct change *change);

#endif
