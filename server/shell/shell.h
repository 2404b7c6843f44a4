#ifndef SERVER_SHELL_SHELL_H
#define SERVER_SHELL_SHELL_H

/*
 * The engine's shell: loads a run's graph, applies what is due, and writes rows, events and outbox in one guarded
 * transaction. One visit a run at a time in this process; other coordinators are kept out by the guard, and a stale
 * visit loads again. What is kept between visits is a guess that the guard checks, so a killed coordinator leaves
 * nothing half done.
 */

#include "server/engine/engine.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"

struct shell;

/* What others may want to know after a commit. */
struct shell_hooks {
	void *arg;
	void (*run_changed)(void *arg, int64_t run);
	void (*jobs_queued)(void *arg);
	void (*attempts_cancelled)(void *arg);
	void (*version_condemned)(void *arg); /* a rollback was asked for */
	/* Nobody knows how the commits of facts.relations are related; afterwards the run is looked at again. */
	void (*compare_commits)(void *arg, const struct run_graph *graph);
	/* The stage is to be planned by the configuration that holds; `version` is the run's. Afterwards it is looked
	 * at. */
	void (*replan_stage)(void *arg, const struct run_graph *graph, size_t stage, int64_t version);
	/* Before a run with environment stages is decided over: why no wave may start, from the configuration. */
	void (*add_facts)(void *arg, struct run_graph *graph);
};

struct shell *shell_new(struct db *db, struct plan_cache *plans, const struct shell_hooks *hooks);
/* `closed` runs when no visit is under way any more; then call shell_free(). */
void shell_close(struct shell *shell, void (*closed)(void *arg), void *arg);
void shell_free(struct shell *shell);

/* Something may be due for the run: unapplied ends, a passed timer, lane news. Calls during a visit become one more. */
void shell_look(struct shell *shell, int64_t run);
/* The same for a lane. */
void shell_look_lane(struct shell *shell, int64_t lane);
/* The slow tick: finds and visits everything that is due, whoever lost the wake-up. */
void shell_tick(struct shell *shell);

/* Applies a person's event (DECIDED, CANCEL, RETRY), which is copied. `done` runs once; err is NULL when it was
 * committed. */
void shell_apply(struct shell *shell, int64_t run, const struct engine_event *event,
	void (*done)(void *arg, const struct err *err), void *arg);

struct shell_stats {
	uint64_t visits;
	uint64_t loads; /* visits that found no kept graph */
	uint64_t conflicts;
};
void shell_stats(const struct shell *shell, struct shell_stats *ret);

#endif
