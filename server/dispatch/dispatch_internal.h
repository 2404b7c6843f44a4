#ifndef SERVER_DISPATCH_DISPATCH_INTERNAL_H
#define SERVER_DISPATCH_DISPATCH_INTERNAL_H

/* What the flows of dispatch share. Private to server/dispatch. */

#include "common/io/flow.h"
#include "common/proto/worker_proto.h"
#include "server/dispatch/dispatch.h"
#include "server/dispatch/job_spec.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"

#include <uv.h>

/* A worker's process as this coordinator knows it; looked up once, checked by every sync. */
struct known_worker {
	struct known_worker *next;
	char *instance;
	int64_t id;
	int64_t token;
	char *signature; /* profile and labels: who can take the same jobs has the same */
	bool is_leaving; /* the process said that it drains, which it never takes back */
};

struct dispatch {
	struct server *server;
	struct known_worker *workers;
	struct sync *waiting, **waiting_tail; /* held syncs, first come first served */
	struct sync *claiming;                /* the held sync that a wake-up let claim; one at a time */
	struct str_list empty_signatures;     /* of this wake-up: nothing left for them */
	struct arena round_arena;
	bool is_woken_again;
	size_t active; /* flows under way */
	uv_timer_t timer;
	bool is_ticking;
	struct dispatch_stats stats;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct report_layout { /* where in its batch each kind of report begins; REPORT_NONE: it has none */
	size_t seen, logs, told, renewed, results, cancels, claim;
};
#define REPORT_NONE SIZE_MAX

/* A claimed job that cannot be given to anybody. */
struct claim_fault {
	int64_t job;
	int32_t attempt;
	struct str message;
};

enum sync_stage { SYNC_BUSY, SYNC_WAITING };

struct sync {
	struct flow flow;
	struct dispatch *dispatch;
	struct http_exchange *exchange;
	struct sync *next; /* waiting */
	enum sync_stage stage;
	int64_t token;
	int64_t worker;
	struct str signature;
	struct worker_sync message;
	struct log_frame *logs;
	size_t log_count;
	int64_t deadline_us; /* monotonic: when a held one is answered */
	bool is_gone;        /* the client went */
	struct worker_answer answer;
	struct report_layout layout;
	/* of a claim */
	size_t claim_statement; /* of the held reply; REPORT_NONE: nothing was claimed */
	bool has_context;       /* the held reply is that of load_context */
	struct claimed *claimed;
	size_t claimed_count;
	struct plan_ref **plans; /* of each claimed */
	struct job_context context;
	struct claim_fault *faults;
	size_t fault_count;
};

/* dispatch.c */
const struct known_worker *dispatch_known(const struct dispatch *dispatch, struct str instance, int64_t token);
void dispatch_remember(struct dispatch *dispatch, struct str instance, int64_t token, int64_t id, struct str signature);
void dispatch_forget(struct dispatch *dispatch, int64_t id);
void dispatch_hold(struct dispatch *dispatch, struct sync *sync);   /* into the waiting list */
void dispatch_unhold(struct dispatch *dispatch, struct sync *sync); /* out of it */
void dispatch_claim_done(struct dispatch *dispatch, struct sync *sync, bool is_short);
void dispatch_flow_ended(struct dispatch *dispatch);

/* sync.c: a held sync goes on. */
void sync_claim(struct sync *sync);
void sync_answer(struct sync *sync); /* with what it has */
/* This worker takes no more jobs: what it asked for before is answered, now or when it gets that far. */
void dispatch_drains(struct dispatch *dispatch, int64_t worker);
bool dispatch_is_leaving(const struct dispatch *dispatch, int64_t worker);
void sync_cancels(struct sync *sync, const struct db_reply *reply, size_t statement);

/* reports.c */
void reports_add(struct sync *sync, struct db_batch *batch);
/* Fills the answer; tells shell and watchers. False: the worker's name was taken over. */
bool reports_take(struct sync *sync, const struct db_reply *reply, struct err *err);

#endif
