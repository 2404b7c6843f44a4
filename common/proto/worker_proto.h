#ifndef COMMON_PROTO_WORKER_PROTO_H
#define COMMON_PROTO_WORKER_PROTO_H

/*
 * What worker and server say to each other, over HTTP with a worker token. Pure: reading and writing of messages.
 *
 *   POST /api/v1/worker/register                               JSON in, JSON out
 *   POST /api/v1/worker/sync                                   frames in, JSON out; held open up to wait_ms when there
 * is nothing GET  /api/v1/worker/attempts/{job}/{attempt}/source        a git pack of the attempt's commit;
 * ?have=COMMIT for a thin one GET  /api/v1/worker/attempts/{job}/{attempt}/blobs/{sha}   an artifact the attempt needs
 *   GET  /api/v1/worker/attempts/{job}/{attempt}/change        the commits and lines that policies look at:
 * policy_proto.h HEAD /api/v1/worker/attempts/{job}/{attempt}/uploads/{sha} what the server has of an artifact: the
 * headers Upload-Offset and Upload-Complete (true, false) PUT
 * /api/v1/worker/attempts/{job}/{attempt}/uploads/{sha}?offset=N&size=TOTAL  the next part, at most WORKER_PART_BYTES;
 * answers {"offset", "complete"}
 *   GET  /api/v1/worker/attempts/{job}/{attempt}/tags          those that point into the commit's history: struct
 *                                                              worker_tags
 *   POST /api/v1/worker/attempts/{job}/{attempt}/gitops        {"step": index}: makes the change of a gitops step, once
 * however often it is asked for; answers struct gitops_answer, 202 while somebody is at it: ask again
 *
 * An attempt is named by job and number; the number fences. What names a stale attempt is not applied and comes back in
 * `stale`: the worker then kills its sandbox. A result is sent again until it comes back in `done`. A worker may have
 * several syncs under way; it asks for each free slot in exactly one of them.
 *
 * The body of a sync is a row of frames: u32 length of the payload (little endian), u8 kind, payload. The first is a
 * WORKER_FRAME_SYNC with the JSON of struct worker_sync; each other one a WORKER_FRAME_LOG.
 *
 * Versions: each side speaks its own and the one before. A registration names both ends of what the worker speaks, the
 * answer the version that is spoken from then on, the newest that both know. A new field of a message is no new
 * version: whoever does not know it passes over it. What the other side has to know is one: a new kind of frame, a
 * field that means something else, a call that is gone.
 *   1  knows no versions: it names its own, and hears none
 *   2  names the oldest one that it speaks, too
 */

#include "common/buf.h"
#include "common/fields.h"
#include "common/proto/finding.h"

enum {
	WORKER_PROTOCOL = 2,
	WORKER_PROTOCOL_OLDEST = 1,
	WORKER_FRAME_SYNC = 'S',
	WORKER_FRAME_LOG = 'L',
	WORKER_SYNC_BYTES_MAX = 8 << 20, /* of one sync body */
	WORKER_LOG_RAW_MAX = 1 << 20,    /* of one log frame, before compression */
	WORKER_PART_BYTES = 64 << 20,
};

/* How an attempt ended. The names are those of the API and of the column attempt.reason. */
#define END_REASONS(X)                                                                                                 \
	X(END_NONE, "")                                                                                                \
	X(END_EXIT, "exit") /* by itself; exit_code says how */                                                        \
	X(END_SIGNAL, "signal")                                                                                        \
	X(END_TIMEOUT, "timeout")                                                                                      \
	X(END_OUT_OF_MEMORY, "out_of_memory")                                                                          \
	X(END_TOO_MANY_PROCESSES, "too_many_processes")                                                                \
	X(END_DISK_FULL, "disk_full")                                                                                  \
	X(END_LOG_LIMIT, "log_limit")                                                                                  \
	X(END_SANDBOX_UNAVAILABLE, "sandbox_unavailable")                                                              \
	X(END_WORKER_LOST, "worker_lost")                                                                              \
	X(END_CANCELLED, "cancelled")                                                                                  \
	X(END_SOURCE_UNAVAILABLE, "source_unavailable") /* the commit could not be had */                              \
	X(END_ARTIFACT_FAILED, "artifact_failed")       /* a declared artifact or output is missing or refused */      \
	X(END_EXPRESSION_FAILED, "expression_failed")   /* an expression of the file has no value; no worker was asked \
							 */

enum end_reason {
#define X(reason, name) reason,
	END_REASONS(X)
#undef X
		END_REASON_COUNT
};
extern const char *const end_reason_names[];

enum step_state { STEP_PENDING, STEP_RUNNING, STEP_SUCCEEDED, STEP_FAILED, STEP_SKIPPED, STEP_CANCELLED };
extern const char *const step_state_names[];

struct attempt_ref {
	int64_t job;
	int32_t attempt;
};

struct worker_layer {
	struct str name;
	struct str state; /* "on", "off", "missing" */
	struct str detail;
};

struct worker_register {
	int32_t protocol;        /* the newest it speaks */
	int32_t oldest_protocol; /* 0: the same */
	struct str name;
	struct str version;
	struct str instance; /* random, of this process */
	struct str_list labels;
	int32_t slots;
	struct str profile; /* "full" or "user" */
	struct worker_layer *layers;
	size_t layer_count;
	/* Attempts of a predecessor whose logs and end this worker will still report; others of its name are lost at
	 * once. */
	struct attempt_ref *recovering;
	size_t recovering_count;
};

struct worker_registered {
	int64_t worker;
	int64_t lease_ms; /* an attempt not renewed for so long is given to somebody else */
	int64_t renew_ms; /* sync at least so often while holding attempts */
	int64_t wait_ms;  /* longest hold of a sync */
	struct str server_version;
	int32_t protocol;                 /* spoken from now on; 0: version 1 */
	struct str_list denied_addresses; /* or networks (CIDR): never reached by `network: egress` */
};

struct attempt_started {
	int64_t job;
	int32_t attempt;
	int64_t at;
	struct str profile;
};

struct step_report {
	int64_t job;
	int32_t attempt;
	int32_t index; /* in the job's steps */
	enum step_state state;
	int32_t exit_code;
	int64_t started_at;
	int64_t ended_at;
	int64_t line; /* the log's line count when it started, plus 1 */
};

struct artifact_report {
	struct str path;
	int64_t size_bytes;
	struct str sha256; /* hex */
	int32_t mode;      /* 0644 or 0755 */
	struct str report; /* "junit", "sarif": one of the job's reports; "" an artifact */
};

struct attempt_result {
	int64_t job;
	int32_t attempt;
	enum end_reason reason;
	int32_t exit_code; /* of the step that failed; 0 */
	int32_t signal;
	struct str message; /* sentence for people: which step, which limit, what to do */
	int64_t ended_at;
	struct pair_list outputs;
	struct artifact_report *artifacts; /* all uploaded before */
	size_t artifact_count;
	int64_t log_bytes; /* raw; the server holds them all before it takes the result */
	int64_t log_lines;
	int64_t cpu_us;
	int64_t memory_bytes;     /* highest */
	struct finding *findings; /* of policy steps and SARIF reports; at most FINDINGS_MAX */
	size_t finding_count;
	struct test_report *tests; /* of JUnit reports */
	size_t test_count;
};

struct worker_sync {
	struct str instance;
	int64_t wait_ms;    /* 0: answer at once */
	int32_t free_slots; /* jobs wanted in this answer */
	bool is_draining;
	struct attempt_ref *held; /* everything this worker holds: renews the leases */
	size_t held_count;
	struct attempt_started *started;
	size_t started_count;
	struct step_report *steps;
	size_t step_count;
	struct attempt_result *results;
	size_t result_count;
};

struct job_step {
	struct str name;
	struct str run;
	struct str shell;
	struct pair_list env;
	struct str condition; /* "", "failure", "always": what the worker decides by itself; "never": skip it */
	int64_t timeout_ms;
	/* Rules to check, in place of the script; `run` is then for a worker that does not know them: it fails. */
	struct str_list policies;
	/* "": a script; "gitops": the server makes a change, then `ready` is tried for up to wait_ms. `run` is what a
	 * worker does that knows no kinds: it fails with a sentence. */
	struct str kind;
	struct str ready; /* "": nothing to wait for */
	int64_t wait_ms;
};

struct job_input { /* an artifact of a job that this one needs */
	struct str path;
	struct str sha256;
	int64_t size_bytes;
	int32_t mode;
};

struct job_spec {
	int64_t job;
	int32_t attempt;
	struct str run_name; /* "web#42" */
	struct str key;
	struct str repository;
	struct str commit;
	int32_t fetch_depth;
	struct pair_list env;
	struct str network; /* "none" or "egress" */
	struct str profile; /* "full" when demanded */
	int64_t timeout_ms;
	bool outlives_lease; /* it deploys: it goes on while the server is away, and reports late */
	int64_t grace_ms;    /* between SIGTERM and SIGKILL */
	int64_t memory_bytes;
	int64_t disk_bytes;
	int32_t cpu_milli;
	int32_t processes;
	int64_t log_max_bytes;
	struct job_step *steps;
	size_t step_count;
	struct str_list outputs; /* declared; others are refused */
	struct str_list artifacts;
	struct pair_list reports;
	struct job_input *inputs;
	size_t input_count;
	struct str_list mask; /* values that never reach the log */
};

enum { WORKER_TAGS_MAX = 10000 };

/* GET /api/v1/worker/attempts/{job}/{attempt}/tags: those that point into the history of its commit. */
struct worker_tag {
	struct str name;   /* without refs/tags/ */
	struct str commit; /* hex */
	struct str object; /* of an annotated one: the tag object in base64; "": a light one */
};

struct worker_tags {
	struct worker_tag *tags;
	size_t tag_count;
};

struct gitops_change {
	struct str path;
	struct str before, after;
};

/* How the change of a gitops step went. */
struct gitops_answer {
	struct str problem; /* not "": it failed, and trying again will not help */
	struct str repository, branch, file;
	struct str commit;             /* "": the values were there already */
	struct gitops_change *changes; /* values that were there already have before == after */
	size_t change_count;
	int32_t pushes;  /* tries */
	bool was_pushed; /* by a try before, whose server did not live to say so */
};

struct attempt_cancel {
	int64_t job;
	int32_t attempt;
	struct str reason;
};

struct log_ack {
	int64_t job;
	int32_t attempt;
	int64_t end; /* raw bytes that the server has: go on from there */
};

struct worker_answer {
	struct job_spec *jobs;
	size_t job_count;
	struct attempt_cancel *cancel;
	size_t cancel_count;
	struct attempt_ref *stale;
	size_t stale_count;
	struct attempt_ref *done; /* results that are stored; the spool may go */
	size_t done_count;
	struct log_ack *logs;
	size_t log_count;
	bool is_draining; /* an operator drains this worker */
};

struct log_frame {
	int64_t job;
	int32_t attempt;
	int64_t offset; /* raw bytes before this frame */
	int32_t raw_bytes;
	int32_t lines;   /* line ends in it */
	struct str data; /* one independent zstd frame */
};

extern const struct field worker_register_fields[];
extern const struct field worker_registered_fields[];
extern const struct field worker_sync_fields[];
extern const struct field worker_answer_fields[];
extern const struct field step_report_fields[];
extern const struct field artifact_report_fields[];
extern const struct field job_spec_fields[];
extern const struct field gitops_answer_fields[];
extern const struct field worker_tags_fields[];

bool worker_frame_add_sync(struct buf *body, const struct worker_sync *sync, struct err *err);
bool worker_frame_add_log(struct buf *body, const struct log_frame *frame);

/* Splits a sync body; views point into it. ERR_INVALID names the frame and the fault. */
bool worker_body_read(struct str body, struct worker_sync *ret_sync, struct log_frame **ret_logs, size_t *ret_count,
	struct arena *arena, struct err *err);

/* The version that is spoken with a worker, where this program is the server. ERR_INVALID: there is none, and says
 * whose turn it is to be upgraded. */
bool worker_protocol_agree(int32_t newest, int32_t oldest, int32_t *ret, struct err *err);

#endif
