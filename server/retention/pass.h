#ifndef SERVER_RETENTION_PASS_H
#define SERVER_RETENTION_PASS_H

/* One pass of retention, and what its steps share. Private to server/retention. */

#include "common/io/flow.h"
#include "server/blobs/blob_sweep.h"
#include "server/retention/retention.h"
#include "server/store/db.h"

enum { PASS_RUNS = 50, PASS_ROWS = 500, PASS_BLOBS = 1000 };

struct retention {
	struct server *server;
	struct retention_stats stats;
	bool is_asking; /* whether a pass is due */
	bool is_passing;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct pass {
	struct flow flow;
	struct retention *retention;
	struct retention_stats begin; /* as they were when it began */
	int64_t after_us;             /* the last row looked at: its time and */
	int64_t after_run;            /* its key */
	char after_blob[65];
	/* blobs */
	struct arena batch; /* of the batch under way */
	struct str_list doomed, gone, spared;
	size_t seen;
	int folder;
	struct blob_files files;
	struct err err; /* of the pool's work */
};

static inline struct pass *pass_of(struct flow *flow)
{
	return (struct pass *)flow;
}

/* Whether it goes on with this kind: false when the coordinator is about to end. */
bool pass_goes_on(const struct pass *pass);
struct db_batch *pass_batch(const struct pass *pass);
/* Runs on the pool; pass->err says whether it failed. */
enum flow_next pass_on_pool(struct pass *pass, void (*run)(void *arg));

/* blobs.c */
enum flow_next pass_doom(struct flow *flow);
enum flow_next pass_unlink(struct flow *flow);
enum flow_next pass_settle(struct flow *flow);
enum flow_next pass_settled(struct flow *flow);
enum flow_next pass_list(struct flow *flow);
enum flow_next pass_adopt(struct flow *flow);
enum flow_next pass_list_uploads(struct flow *flow);
enum flow_next pass_ask_uploads(struct flow *flow);
enum flow_next pass_remove_uploads(struct flow *flow);

#endif
