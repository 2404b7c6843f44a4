#ifndef SERVER_ALARMS_ALARMS_INTERNAL_H
#define SERVER_ALARMS_ALARMS_INTERNAL_H

/* What sampling, webhooks and rows share. Private to server/alarms. */

#include "common/io/flow.h"
#include "server/alarms/alarms.h"
#include "server/store/db.h"

struct alarms {
	struct server *server;
	struct alarms_hooks hooks;
	size_t active, sampling;
	bool is_looking, is_paging;
	int64_t pruned_at; /* monotonic */
	void (*closed)(void *arg);
	void *closed_arg;
};

void alarms_ended(struct alarms *alarms); /* what started with active++ */

/* --- pages.c: whoever is called when one goes on after the way back --- */

void alarm_pages_look(struct alarms *alarms);

/* --- record.c: into rows --- */

enum alarm_record_kind {
	ALARM_RECORD_READING, /* a sample */
	ALARM_RECORD_ALERTS,  /* a sample: what alarm_alert says by now */
	ALARM_RECORD_LOOK,    /* time has passed */
};

struct alarm_record {
	enum alarm_record_kind kind;
	const struct alarm_spec *spec;
	const struct alarm_reading *reading; /* ALARM_RECORD_READING */
	int64_t begun_at_us;                 /* by the database's clock; 0: now */
};

/* Copies what it is given; loads, applies and saves, again where another one was first. `done` (may be NULL) runs once,
 * later. */
void alarm_put(struct alarms *alarms, const struct alarm_record *record,
	void (*done)(void *arg, enum alarm_state state, const struct err *err), void *arg);

/* --- script.c: runs of a job --- */

/* Makes the run. `done` runs once, later: with a reading when it cannot be made, without one when it is under way or
 * the server cannot make it now. */
void alarm_script_begin(struct alarms *alarms, const struct alarm_spec *spec, int64_t begun_at_us,
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err), void *arg);
/* What runs that are over said: rows of alarm_runs_ended.sql. */
void alarm_scripts_take(struct alarms *alarms, const struct db_reply *reply, size_t statement,
	const struct alarm_spec *specs, size_t count);

#endif
