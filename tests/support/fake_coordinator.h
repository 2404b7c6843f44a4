#ifndef TESTS_SUPPORT_FAKE_COORDINATOR_H
#define TESTS_SUPPORT_FAKE_COORDINATOR_H

/*
 * A coordinator in memory for tests of the worker: the real HTTP server, the real protocol, no database. It holds the
 * worker to the protocol: logs without gap or double, results only behind their whole log, free slots never exceeded.
 * A breach is written to `fault` and fails fake_until(). One loop, the test's own thread.
 */

#include "common/proto/worker_proto.h"

#include <uv.h>

enum { FAKE_ATTEMPTS_MAX = 4096, FAKE_BLOBS_MAX = 64, FAKE_STEPS_MAX = 16 };

struct fake_attempt {
	struct attempt_ref ref;
	bool is_leased, is_started, has_ended, is_stale;
	bool is_log_refused; /* its frames are not taken, as if the database were away; nor is its result */
	bool was_refused;    /* its result was */
	const char *cancel;  /* reason; sent until it ended */
	char *log;
	int64_t log_bytes, log_lines;
	struct step_report steps[FAKE_STEPS_MAX];
	struct attempt_result result;
	int64_t held_at_us; /* last named in `held` */
	json_t *spec;
	struct arena arena;
};

struct fake_blob {
	char sha256[65];
	char *bytes;
	int64_t size, total;
};

struct fake {
	uv_loop_t *loop;
	struct http_server *server;
	int port;
	int64_t lease_ms, renew_ms, wait_ms;
	bool is_down;           /* answers 503 to everything */
	bool is_deaf;           /* does not hear that the worker drains, and goes on holding its syncs */
	bool is_refused;        /* answers 401 to a registration */
	bool is_forgetful;      /* the next sync is answered 404: register again */
	int64_t upload_cut;     /* an upload's first part is cut after so many bytes; 0: never */
	const char *repository; /* for source packs */
	char worker[128];       /* instance */
	struct fake_attempt attempts[FAKE_ATTEMPTS_MAX];
	size_t attempt_count;
	struct fake_blob blobs[FAKE_BLOBS_MAX];
	size_t blob_count;
	struct hold *holds;
	int slots;
	bool is_drain_seen;
	int syncs, registrations, sources, sources_thin, ended, jobs_with_result;
	size_t recovering;
	char fault[300];
};

void fake_start(struct fake *fake, uv_loop_t *loop);
void fake_stop(struct fake *fake);
/* Queues a job: takes the JSON of a job_spec without job and attempt. Returns it; attempt numbers begin at 1. */
struct fake_attempt *fake_job(struct fake *fake, json_t *spec);
struct fake_attempt *fake_find(struct fake *fake, int64_t job, int32_t attempt);
void fake_cancel(struct fake *fake, struct fake_attempt *attempt, const char *reason);
void fake_make_stale(struct fake *fake, struct fake_attempt *attempt);
/* Stops answering held syncs' owners: what an operator's restart looks like. */
void fake_go_down(struct fake *fake, bool is_down);
struct fake_blob *fake_add_blob(struct fake *fake, const char *bytes);
struct fake_blob *fake_find_blob(struct fake *fake, struct str sha256);
/* Runs the loop until the condition holds; false after seconds, or at a fault. */
bool fake_until(struct fake *fake, bool (*condition)(void *arg), void *arg, int seconds);

#endif
