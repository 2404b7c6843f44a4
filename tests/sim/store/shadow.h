#ifndef TESTS_SIM_STORE_SHADOW_H
#define TESTS_SIM_STORE_SHADOW_H

/*
 * The model's rows once more, in a real PostgreSQL by the code of server/store and the statements of sql/queries: what
 * is loaded must be what the model loads, what the model takes must be committed, and what it refuses must be a
 * conflict. The database goes by the clock of the history. One history at a time.
 */

#include "server/store/run_store.h"
#include "tests/sim/sim.h"

struct shadow {
	struct shadow *next;
	struct arena arena;
	struct run_loaded loaded;
	struct lane lane;
};

/* What the ids of the model are in the database. */
struct store_ids {
	int64_t runs[RUNS_MAX + 1];
	int64_t jobs[4096];
	int64_t triggers[RUNS_MAX * 4];
	int64_t workers[WORKERS];
	int64_t lanes[16];
	int64_t blockers[256];
};

extern const struct mirror store_mirror;
extern struct store_ids store_ids;

/* The database of this process, and an empty one for each history. */
void store_open(const char *url);
void store_begin(struct sim *sim);
/* What `penstock fsck` says; the first finding is a fault. */
void store_fsck(struct sim *sim);
void store_end(void);
/* What there was of what is rare. */
void store_tell(void);
void store_close(void);

/* Says how they differ, by sim_fail(). */
void shadow_compare(struct sim *sim, const struct desk *desk);

/* Sends it; a failure is a fault, unless a conflict is what the model had too. NULL then. */
struct db_reply *shadow_sent(struct sim *sim, const char *what, struct db_batch *batch, bool may_succeed);
void shadow_send(struct sim *sim, const char *what, struct db_batch *batch, bool may_succeed);
/* The database's clock is the model's. */
void shadow_set_clock(const struct sim *sim);

/* Of what a visit loads; freed with the history. */
struct shadow *shadow_new(struct desk *desk);
int64_t shadow_lane_id(const struct sim *sim, int64_t lane);

/* Of the mirror, in lanes.c. */
void shadow_load_lane(struct sim *sim, struct desk *desk, const struct lane *model);
void shadow_lane(struct sim *sim, struct desk *desk, bool has_changed, bool is_saved);

/* Of the mirror, in ways.c. */
/* claim_services.sql, for a run of which a job was claimed. */
void shadow_put_out(struct sim *sim, const struct run_graph *graph);
void shadow_plan_back(struct sim *sim, const struct row_trigger *row, const struct redeploy *wanted);
void shadow_plan_down(struct sim *sim, const struct row_trigger *row, const struct redeploy *wanted);
void shadow_set_expiry(
	struct sim *sim, struct str service, struct str environment, int64_t in_ms, bool is_operator, bool is_there);
void shadow_expire_deployments(struct sim *sim, size_t count);

/* What takes the place of sim_calm_down(): two real shells, both at once, and nothing is compared. */
void shells_open(const char *url, struct uv_loop_s *loop);
void shells_calm_down(struct sim *sim);
void shells_close(void);
/* Stores which of the commits contain each other. */
void store_compare(const struct run_graph *graph);

/* --- one batch at a time --- */

void store_turn(void); /* of the loop */

struct db_batch *store_batch(void);
/* Sends it and waits. */
struct db_reply *store_send(struct db_batch *batch);
/* Any SQL, on a connection of its own: the first value as a number, 0 when there is none. Ends the program on an error.
 */
int64_t store_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
