#ifndef WORKER_KEEPER_H
#define WORKER_KEEPER_H

/*
 * The worker's side of the protocol (common/proto/worker_proto.h): registers, asks for jobs, keeps leases alive, ships
 * logs, reports and results, and survives a server that is away. It owns the leases and the spool and knows nothing of
 * sandboxes: what is to be done with a job it says through the events.
 *
 * Free slots are asked for in exactly one sync at a time: in the one that carries a result, so that a slot's next job
 * costs one round trip, else in one that the server holds open.
 */

#include "worker/lease.h"

struct uv_loop_s;
struct http_client;
struct keeper;

enum lease_end {
	LEASE_END_CANCELLED, /* asked for: stop with grace, report */
	LEASE_END_EXPIRED,   /* the server was out of reach for too long: kill at once, report */
	LEASE_END_STALE,     /* given to somebody else: kill at once, nothing is reported */
	LEASE_END_UNKEPT,    /* its log cannot be kept here: kill at once, report */
};

struct keeper_events {
	/* A job for a free slot. `spec` lives in lease->arena. The runner calls lease_end() exactly once, later or now.
	 */
	void (*job)(void *arg, struct lease *lease, const struct job_spec *spec);
	/* At most once of each kind; the runner still calls lease_end(), at once or later. */
	void (*end)(void *arg, struct lease *lease, enum lease_end why, struct str reason);
	/* After each registration. */
	void (*registered)(void *arg, const struct worker_registered *answer);
	/* Draining, and nothing is held any more. Once. */
	void (*drained)(void *arg);
	/* The server refuses this worker for good (its token, its version). Once; the keeper is idle afterwards. */
	void (*refused)(void *arg, const struct err *err);
};

struct keeper_options {
	struct uv_loop_s *loop;
	struct http_client *http;
	const char *url; /* "http://127.0.0.1:8080", no slash behind */
	const char *token;
	const char *spool_directory;
	struct worker_register self; /* what the server is told; borrowed, `recovering` is filled in */
	const struct keeper_events *events;
	void *arg;
};

/* Takes over what a predecessor left in the spool, and registers. */
bool keeper_open(const struct keeper_options *options, struct keeper **ret, struct err *err);
/* No new jobs; `drained` when all are done. */
void keeper_drain(struct keeper *keeper);
/* Ends all calls; `closed` runs later. Runners must have ended their leases; the spool keeps what was not accepted. */
void keeper_close(struct keeper *keeper, void (*closed)(void *arg), void *arg);

/* A server that answers: for readiness and the log. */
bool keeper_is_connected(const struct keeper *keeper);
size_t keeper_lease_count(const struct keeper *keeper);
void keeper_each(struct keeper *keeper, void (*each)(void *arg, struct lease *lease), void *arg);

/* The headers of a request to the server ("Authorization"), and the URL below that of an attempt: for source and
 * artifacts. */
const struct pair_list *keeper_headers(const struct keeper *keeper);
struct str keeper_attempt_url(const struct keeper *keeper, struct attempt_ref ref, struct arena *arena,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
