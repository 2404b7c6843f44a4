#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

/*
 * One attempt that this worker holds, as the server is told about it: what happened and is still to be said, and until
 * when the right to run it lasts. The runner reports through the functions below and never waits for the server; the
 * keeper sends. Any report may find the spool full: the runner then hears that it has to stop, and what the attempt
 * ends with is that it could not be told. Everything is on the loop's thread. A lease that is lost takes reports and
 * throws them away, so the runner need not look.
 */

#include "common/proto/worker_proto.h"
#include "worker/spool.h"

struct keeper;

enum lease_state {
	LEASE_RUNNING, /* a slot works on it */
	LEASE_ENDED,   /* the result is known, the server has not accepted it */
	LEASE_STALE,   /* somebody else's by now; the slot still works on its end */
};

enum { LEASE_UNSENT = 0, LEASE_ACCEPTED = -1 }; /* else the number of the sync that is under way with it */

struct lease_step_report {
	struct step_report report;
	int64_t sync;
};

struct lease {
	struct keeper *keeper;
	struct lease *next;
	struct attempt_ref ref;
	enum lease_state state;
	struct arena arena;    /* the job_spec, the result; dies with the lease */
	bool has_slot;         /* until lease_end() */
	int64_t born;          /* number of the first sync that names it */
	int64_t until_us;      /* monotonic; renewed from the moment a sync was sent */
	bool outlives;         /* its end: a deployment is not stopped because the server is away */
	bool is_expired;       /* the runner was told to stop */
	bool is_cancelled;     /* so was it then */
	int64_t retry_at_us;   /* nothing is sent before: the server did not take what it got */
	int64_t report_due_us; /* when started marks and step reports want to be sent; 0: none */
	struct spool *spool;
	struct str unkept;        /* why the spool takes no more; empty: it does */
	int64_t pending_since_us; /* of the first byte of log that is in no frame yet */
	bool has_logged;
	int64_t log_sync;     /* the sync that carries frames; one at a time keeps them in order */
	int64_t log_from_raw; /* where they begin */
	struct attempt_started started;
	bool has_started;
	int64_t started_sync;
	struct lease_step_report *steps;
	size_t step_count;
	struct attempt_result result;
	int64_t result_bytes; /* as it is sent */
	int64_t result_sync;
	void *runner; /* the runner's own */
};

void lease_started(struct lease *lease, int64_t at_us, const char *profile);
/* A later report of the same step takes the earlier one's place. */
void lease_step(struct lease *lease, const struct step_report *report);
void lease_log(struct lease *lease, struct str bytes);
/* The worker's own disk is full: it asks for no jobs for a while. */
void lease_found_no_room(struct lease *lease);
/* The end: the slot is free, and the lease is not to be touched again. What the result points to lives in lease->arena.
 */
void lease_end(struct lease *lease, const struct attempt_result *result);

#endif
