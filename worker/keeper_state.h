#ifndef WORKER_KEEPER_STATE_H
#define WORKER_KEEPER_STATE_H

/*
 * The keeper's inside, shared by its three files: keeper.c (registration, timing, life), sync.c (one exchange with the
 * server), lease.c (what is known of one attempt). Nobody else includes this.
 */

#include "worker/keeper.h"

#include <uv.h>

struct http_call;

enum {
	FIRST_DELAY_MS = 4,   /* the first news of an attempt: short enough to be "at once", long enough that a job of a
				 few milliseconds is told in one sync */
	REPORT_DELAY_MS = 20, /* later step reports */
	LOG_DELAY_MS = 50,
	LOG_CUT_BYTES = 64 << 10,
	LOG_SEND_BYTES = 1 << 20, /* of one attempt's frames in one sync */
	FRAMES_BYTES = 3 << 20,   /* of all frames in one sync, about; with ... */
	RESULTS_BYTES = 3 << 20,  /* ... all its results it stays below WORKER_SYNC_BYTES_MAX */
	DATA_SYNCS_MAX = 4,
	RETRY_MS = 1000,
	FULL_MS = 10000, /* no jobs are asked for once the spool could not be written */
	BACKOFF_FIRST_MS = 200,
	BACKOFF_MAX_MS = 5000,
	DRAIN_POLL_MS = 1000, /* a server that wants us to drain holds nothing */
	TAKEOVERS_MAX = 3,
	TAKEOVER_MS = 30000, /* a registration that lasted so long was a good one */
};

struct sync {
	struct keeper *keeper;
	struct sync *next;
	int64_t id; /* grows; > 0 */
	int64_t sent_us;
	int32_t slots;
	bool is_held;
	struct http_call *call;
};

enum keeper_state { KEEPER_REGISTERING, KEEPER_ONLINE, KEEPER_REFUSED };

struct keeper {
	struct keeper_options options;
	enum keeper_state state;
	struct worker_registered registered;
	struct arena registered_arena;
	struct pair_list headers;
	struct arena arena;
	struct spool_store *spools;
	struct lease *leases;
	struct sync *syncs;
	int64_t sync_last; /* number of the latest */
	int32_t slots_asked;
	int held_syncs, data_syncs;
	int64_t last_sent_us;
	int idle_answers; /* in a row */
	int64_t full_until_us;
	int64_t poll_at_us; /* not before: a server that does not hold is not to be hammered */
	int failures;
	int64_t backoff_until_us;
	int64_t failure_us;  /* of the latest */
	bool is_draining;    /* by us */
	bool is_drain_asked; /* by the server */
	bool is_drain_told;
	bool is_drained;
	bool is_connected;
	int takeovers; /* registrations in a row that did not last */
	int64_t registered_us;
	struct http_call *register_call;
	uv_timer_t timer;
	bool is_closing, is_timer_closed;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* Looks at everything again in the next turn of the loop. */
void keeper_poke(struct keeper *keeper);
/* A call went wrong: waits longer each time. */
void keeper_back_off(struct keeper *keeper, int64_t sent_us, const char *what, const struct err *err);
void keeper_register_again(struct keeper *keeper);
void keeper_closing_step(struct keeper *keeper);
int32_t keeper_free_slots(const struct keeper *keeper); /* asked for nowhere */

/* Sends one. */
void sync_send(struct keeper *keeper, bool is_held);

struct lease *lease_new(struct keeper *keeper, struct attempt_ref ref);
struct lease *lease_find(struct keeper *keeper, struct attempt_ref ref);
void lease_free(struct lease *lease); /* takes it from the list */
/* When it wants to be sent, monotonic; INT64_MAX: nothing to say. */
int64_t lease_due(const struct lease *lease);
/* Makes frames of the pending log, as far as they are ripe. */
void lease_cut(struct lease *lease, int64_t now_us);
/* A log that cannot be kept is an attempt that cannot be told: it ends as lost, which another worker may cure, with
 * what is in whole frames and with why. */
void lease_spool_failed(struct lease *lease, const struct err *err);
bool lease_has_report(const struct lease *lease);
/* The lease may be gone afterwards. */
void lease_mark_stale(struct lease *lease);

#endif
