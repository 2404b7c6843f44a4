/* The stream of alarms: all of them as they are, then each as it changes or is sampled. */
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/events/events_internal.h"
#include "server/store/db.h"

#include <stdio.h>
#include <stdlib.h>

struct alarms_watch {
	struct watch watch;
	char horizon[32]; /* all that changed before was sent */
};

struct alarm_event {
	struct str name, state, outcome, message;
	int64_t since, fired_at, pending_since, sampled_at;
	json_t *value;
	bool is_dry_run;
};

static const struct field event_fields[] = {
	FIELD(struct alarm_event, name, FIELD_STR, 0),
	FIELD(struct alarm_event, state, FIELD_STR, 0),
	FIELD(struct alarm_event, since, FIELD_TIME, 0),
	FIELD(struct alarm_event, fired_at, FIELD_TIME, 0),
	FIELD(struct alarm_event, pending_since, FIELD_TIME, 0),
	FIELD(struct alarm_event, sampled_at, FIELD_TIME, 0),
	FIELD(struct alarm_event, value, FIELD_JSON, 0),
	FIELD(struct alarm_event, outcome, FIELD_STR, 0),
	FIELD(struct alarm_event, message, FIELD_STR, 0),
	FIELD(struct alarm_event, is_dry_run, FIELD_BOOL, 0),
	FIELD_END,
};

enum { LOOK_HORIZON, LOOK_ALARMS };

/* Only the last event says how far the look went. */
static void send_alarms(struct alarms_watch *self, const struct alarm_event *alarms, size_t count, struct str id)
{
	for (size_t i = 0; i < count; i++)
		watch_send(
			&self->watch, "alarm", i + 1 == count ? id : STR(""), fields_write(event_fields, &alarms[i]));
}

static void looked(void *arg, struct db_reply *reply)
{
	struct alarms_watch *self = arg;
	auto_arena arena = {0};
	struct err err = {0};
	void *rows;
	size_t count;
	if (db_error(reply))
		err = *db_error(reply);
	else if (db_read_rows(
			 reply, LOOK_ALARMS, event_fields, sizeof(struct alarm_event), &rows, &count, &arena, &err)) {
		snprintf(self->horizon, sizeof self->horizon, "%.*s", STR_ARG(db_text(reply, LOOK_HORIZON, 0, 0)));
		send_alarms(self, rows, count, str_of(self->horizon));
	}
	if (err.kind != ERR_NONE)
		log_warn("events.alarms", F("err", &err));
	db_reply_free(reply);
	watch_looked(&self->watch, false);
}

static void look(struct watch *watch)
{
	struct alarms_watch *self = (struct alarms_watch *)watch;
	struct db_batch *batch = db_batch_new(watch->events->server->db);
	db_add(batch, QUERY_VIEW_HORIZON);
	db_add(batch, QUERY_ALARMS_CHANGED, DB_TEXT(str_of(self->horizon)));
	db_submit(batch, looked, self);
}

static void released(struct watch *watch)
{
	free(watch);
}

void events_watch_alarms(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct alarms_watch *self = mem_alloc(sizeof *self);
	struct str last = {0};
	int64_t horizon = 0;
	bool is_known = http_header(exchange, "Last-Event-ID", &last) && str_to_i64(last, &horizon) && horizon > 0;
	snprintf(self->horizon, sizeof self->horizon, "%lld", is_known ? (long long)horizon : 0LL);
	watch_start(&self->watch, server->events, exchange, WATCH_ALARMS, 0, look, released);
}
