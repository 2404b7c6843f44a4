#ifndef SERVER_INGEST_INGEST_INTERNAL_H
#define SERVER_INGEST_INGEST_INTERNAL_H

/* What deliveries, triggers and polls share. Private to server/ingest. */

#include "common/id_map.h"
#include "common/io/flow.h"
#include "server/ingest/commit_planner.h"
#include "server/ingest/forge.h"
#include "server/git/git_remote.h"
#include "server/ingest/ingest.h"
#include "server/store/db.h"

enum {
	TRIES_MAX = 8,
	CLAIM_MAX = 16,
	/* What a killed coordinator had in hand comes back then. Whoever lives renews, for a fetch may take minutes;
	 * three times, so that a slow database does not hand the work to somebody else. */
	CLAIM_MS = 10 * 1000,
	RENEW_MS = CLAIM_MS / 4,
};

struct ingest {
	struct server *server;
	size_t active;
	bool is_looking, is_wanted_again, is_renewing;
	struct id_map comparisons;          /* run: struct comparison */
	struct id_map replans;              /* run: struct replan */
	struct id_map deliveries, triggers; /* claimed and in hand: each to the id in its flow */
	int64_t renewed_at;                 /* monotonic */
	bool is_looking_at_schedules, is_looking_at_reviews;
	void (*closed)(void *arg);
	void *closed_arg;
};

void ingest_ended(struct ingest *ingest); /* a flow; counts down what started with active++ */
/* Milliseconds before try number `tries` is made again. */
int64_t ingest_delay_ms(int32_t tries);

bool ref_is_none(struct str commit);
/* For a repository that was empty when it was added and could not name its default branch: main, master, or the first.
 */
struct str ref_guess_default(const struct pair_list *refs);

/* Decides what an update is, given the ref as it was when last triggered and as the mirror has it; adds the trigger and
 * moves the ref. The caller's batch raises when another coordinator was first. Returns the number of statements added.
 */
struct update_facts {
	int64_t repository;
	int64_t delivery; /* 0: a poll */
	struct str actor;
	struct str_list options;
	const struct pair_list *known;  /* refs as last triggered */
	const struct pair_list *mirror; /* refs as fetched */
};
void ingest_add_update(struct db_batch *batch, const struct update_facts *facts, const struct ref_update *update);

/* delivery.c, trigger.c: process one claimed row (of a delivery, an index of the reply's statement 0). It is
 * not in hand yet, and stays in hand until its end. */
void ingest_start_delivery(struct ingest *ingest, const struct db_reply *reply, size_t row);
void ingest_start_trigger(struct ingest *ingest, const struct trigger *trigger,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg,
	const struct ingest_manual *manual);

/* trigger.c: the rows of people.sql. */
bool ingest_read_people(
	const struct db_reply *reply, size_t statement, struct people *ret, struct arena *arena, struct err *err);
void trigger_copy(struct trigger *to, const struct trigger *from, struct arena *arena);
/* What may pass is tried again later, unless somebody waits for the answer; the rest is noted. */
void ingest_note_failure(struct ingest *ingest, const struct trigger *trigger, const struct err *err, bool is_manual);

/* redeploy_flow.c: a trigger that asks for a version to be deployed again, by its `inputs` service, environment,
 * version, to. */
bool ingest_is_redeploy(const struct trigger *trigger);
void ingest_start_redeploy(struct ingest *ingest, const struct trigger *trigger,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg);

/* delivery_pull.c: what a stored delivery says of a pull request. */
struct pull_delivery {
	int64_t repository, delivery;
	struct str actor;
	const struct forge *forge;
	const struct forge_pull *pull;
	struct str head; /* the commit as fetched; "": it was not asked for */
};
void ingest_load_pull(struct db_batch *batch, const struct pull_delivery *delivery);
/* `reply` is that of ingest_load_pull(); the batch raises when another coordinator was first. */
bool ingest_add_pull(struct db_batch *batch, const struct pull_delivery *delivery, const struct db_reply *reply,
	struct arena *arena, struct err *err);

/* poll_pulls.c: asks the forge for its open pull requests, and stores as deliveries what no webhook told of them.
 * `looked` (NULL: nobody waits) hears of `found`, to which it adds. */
void ingest_poll_pulls(
	struct ingest *ingest, int64_t repository, const struct ingest_found *found, ingest_looked *looked, void *arg);
/* poll_reviews.c: asks it for the reviews of one pull request (0: of all that have an open gate), and takes them in. */
void ingest_ask_reviews(struct ingest *ingest, int64_t repository, int64_t pull_request,
	const struct ingest_found *found, ingest_looked *looked, void *arg);

/* mirror_refs.c: fetches and reads the refs; for a flow's step. */
struct mirror_state {
	struct flow *flow;
	struct server *server;
	char *path;
	struct str extra; /* a ref beside branches and tags, and its commit */
	struct str extra_commit;
	struct pair_list refs;
	struct str head;
	struct err err;
};
/* With the repository's credential. extra: see mirrors_fetch(). */
enum flow_next ingest_fetch(struct flow *flow, struct server *server, int64_t repository, struct str extra);
enum flow_next ingest_read_refs(
	struct flow *flow, struct server *server, int64_t repository, struct str extra, struct mirror_state *ret);

#endif
