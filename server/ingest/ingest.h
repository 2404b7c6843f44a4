#ifndef SERVER_INGEST_INGEST_H
#define SERVER_INGEST_INGEST_H

/*
 * From what comes in to runs: a webhook is stored and answered, then processed into triggers, one a ref update; a
 * trigger becomes its runs or a recorded reason why not, in one transaction. A slow poll finds pushes whose webhook was
 * lost. Each stage is rows plus a wake-up: what a killed coordinator had in hand comes back after ten seconds, or at
 * once when it had not begun.
 */

#include "common/fields.h"
#include "server/http/http_server.h"
#include "server/server.h"

#include <stdint.h>

struct ingest;

struct ingest *ingest_new(struct server *server);
void ingest_close(struct ingest *ingest, void (*closed)(void *arg), void *arg);
void ingest_free(struct ingest *ingest);

/* Looks for stored deliveries and due triggers; called on wake-ups and by the slow tick. */
void ingest_tick(struct ingest *ingest);

/* POST /hooks/{repository}, of every forge; context: struct server. */
http_handler ingest_hook;

enum { INGEST_CLAIM_MS = 120 * 1000 }; /* what a killed coordinator had in hand comes back then */

/* A run by hand, or run again. Texts are copied. */
struct ingest_manual {
	int64_t trigger; /* not 0: it is stored already, and nothing of what follows counts */
	int64_t repository;
	struct str event; /* "manual", or that of the run that is repeated */
	struct str pipeline, ref, before, commit, actor;
	int64_t account;
	struct str_list groups; /* of the person */
	bool is_admin;
	struct pair_list inputs;
	int64_t rerun_of;     /* 0: none */
	int64_t pull_request; /* its number; 0: none */
};

struct ingest_outcome {
	int64_t run;          /* 0: none, see err */
	const json_t *errors; /* faults of the pipeline file or the inputs, [{file, line, column, message}] */
};

/* `done` runs once, when the run is made or refused. */
void ingest_start_run(struct ingest *ingest, const struct ingest_manual *manual,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg);

/* Fetches the mirror of a new repository, notes its default branch, and takes its refs as seen. */
void ingest_adopt(struct ingest *ingest, int64_t repository, void (*done)(void *arg, const struct err *err), void *arg);
struct run_graph;
/* Looks up how the commits of its facts.relations are related, and then has the run looked at again. */
void ingest_compare(struct ingest *ingest, const struct run_graph *graph);
/* Plans an environment stage of it by the configuration that holds, and then has the run looked at again. `version`: of
 * the run, which guards what is written. */
void ingest_replan(struct ingest *ingest, const struct run_graph *graph, size_t stage, int64_t version);
/* Approving reviews on a forge that gates have not heard of: the slow tick. */
void ingest_look_at_reviews(struct ingest *ingest);
/* Compares the refs with what was triggered, and the open pull requests. */
void ingest_poll(struct ingest *ingest, int64_t repository);

/* What a look at a repository found that no webhook had told. */
struct ingest_found {
	int64_t updates;    /* of branches and tags */
	int64_t pulls;      /* pull requests that were opened, updated, closed or reopened */
	struct str problem; /* why the forge could not be asked for them; "": it was, or has none */
};
typedef void ingest_looked(void *arg, const struct ingest_found *found, const struct err *err);
/* The same for a person who waits: nothing is left to a webhook that may still come. `looked` runs once; err: the
 * repository could not be fetched. */
void ingest_look(struct ingest *ingest, int64_t repository, ingest_looked *looked, void *arg);

#endif
