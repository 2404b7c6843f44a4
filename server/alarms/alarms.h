#ifndef SERVER_ALARMS_ALARMS_H
#define SERVER_ALARMS_ALARMS_H

/*
 * Alarms of the configuration: their monitors are asked when due, each by one server whatever their number, or tell by
 * webhook; what they say goes into rows by the rules of server/engine/alarm.h. Whoever wants to know what an alarm is
 * reads alarm_facts.sql; `changed` and the event stream only say when to look.
 */

#include "server/alarms/judge.h"
#include "server/http/http_server.h"
#include "server/server.h"

struct alarms;

/* Called on the loop behind the commit of a change of state, on the server that made it. A hint: it may be lost. */
struct alarms_hooks {
	void *arg;
	void (*changed)(void *arg, struct str name);
};

struct alarms *alarms_new(struct server *server, const struct alarms_hooks *hooks);
/* Calls out must have been ended before (http_client_close). */
void alarms_close(struct alarms *alarms, void (*closed)(void *arg), void *arg);
void alarms_free(struct alarms *alarms);

/* Takes the samples that are due; called by the slow tick. */
void alarms_tick(struct alarms *alarms);

/* Every alarm of the configuration as it is now, in the arena. */
struct alarm_spec *alarms_specs(struct alarms *alarms, size_t *ret_count, struct arena *arena);
/* False: there is none of this name; `err` suggests one. */
bool alarms_find(struct alarms *alarms, struct str name, struct alarm_spec *ret, struct arena *arena, struct err *err);

/* Asks the monitor once and puts nothing into rows. Copies the spec. `done` runs once, later, with an error when there
 * is nothing to say of the monitor: the server is stopping. False, and `done` does not run: ERR_UNSUPPORTED for an
 * alarm that is told of or that nobody can ask, ERR_BUSY. */
bool alarm_probe(struct alarms *alarms, const struct alarm_spec *spec,
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err), void *arg,
	struct err *err);

/* The name under which the secret of every Alertmanager is kept; no alarm may have it. */
#define ALARMS_ALERTMANAGER "alertmanager"
/* Of a webhook: sealed for alarm_secret, bound to its name; unsealed into the arena. */
struct str alarm_secret_seal(struct server *server, struct str name, struct str secret, struct arena *arena);

/* Webhooks; context: struct server. */
http_handler alarms_receive;              /* POST /api/v1/alarms/{alarm}, signed */
http_handler alarms_receive_alertmanager; /* POST /api/v1/alarms/alertmanager */

#endif
