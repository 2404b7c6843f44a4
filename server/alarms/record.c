/* A sample becomes rows: the alarm's state, the sample, and the change that it made, under the version that was read.
 */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "server/alarms/alarms_internal.h"
#include "server/events/events.h"

enum { CONFLICTS_MAX = 10 };

struct put {
	struct flow flow;
	struct alarms *alarms;
	struct arena kept; /* of what outlives a conflict */
	enum alarm_record_kind kind;
	struct alarm_spec spec;
	struct alarm_reading reading;
	int64_t begun_at_us;
	int conflicts;
	enum alarm_state was, state;
	struct str message;
	void (*done)(void *arg, enum alarm_state state, const struct err *err);
	void *arg;
};

/* As alarm_load.sql. */
struct state_row {
	struct str definition;
	enum alarm_state state;
	int64_t since, pending_since, fired_at, sampled_at, version, now;
	int32_t misses;
};

static const struct field state_fields[] = {
	FIELD(struct state_row, definition, FIELD_STR, 0),
	FIELD_ENUM(struct state_row, state, alarm_state_names, 0),
	FIELD(struct state_row, since, FIELD_TIME, 0),
	FIELD(struct state_row, pending_since, FIELD_TIME, 0),
	FIELD(struct state_row, fired_at, FIELD_TIME, 0),
	FIELD(struct state_row, sampled_at, FIELD_TIME, 0),
	FIELD(struct state_row, misses, FIELD_I32, 0),
	FIELD(struct state_row, version, FIELD_I64, 0),
	FIELD(struct state_row, now, FIELD_TIME, 0),
	FIELD_END,
};

static struct put *put_of(struct flow *flow)
{
	return (struct put *)flow;
}

static enum flow_next load(struct flow *flow)
{
	struct put *put = put_of(flow);
	struct db_batch *batch = db_batch_new(put->alarms->server->db);
	db_add(batch, QUERY_ALARM_LOAD, DB_TEXT(put->spec.name));
	if (put->kind == ALARM_RECORD_ALERTS)
		db_add(batch, QUERY_ALARM_ALERTS, DB_TEXT(json_of_pairs(&put->spec.labels, &flow->arena)));
	return db_await(flow, batch);
}

/* {"alertname": "HighErrors", "instance": "eu-1"} as "HighErrors instance=eu-1" */
static struct str describe_labels(struct str text, struct arena *arena)
{
	json_t *labels = json_loadb(text.p, text.n, 0, NULL);
	struct str words = alarm_labels_text(labels, arena);
	json_decref(labels);
	return words;
}

static void read_alerts(struct put *put, const struct db_reply *reply)
{
	int64_t firing = db_i64(reply, 1, 0, 0);
	struct arena *arena = &put->flow.arena;
	put->reading = (struct alarm_reading){
		.outcome = firing ? ALARM_BREACH : ALARM_FINE,
		.has_value = true,
		.value = (double)firing,
		.text = STR("no alert fires"),
	};
	if (firing)
		put->reading.text = arena_printf(arena, "%lld alert%s: %.*s", (long long)firing,
			firing == 1 ? " fires" : "s fire", STR_ARG(describe_labels(db_text(reply, 1, 0, 1), arena)));
}

/* --- what becomes of it --- */

static void look(struct put *put, struct alarm *alarm, int64_t now_us)
{
	struct arena *arena = &put->flow.arena;
	if (!alarm_look(alarm, &put->spec.rules, now_us))
		return;
	if (alarm->state == ALARM_UNKNOWN)
		put->message = arena_printf(arena, "nothing was heard of it for %.*s",
			STR_ARG(duration_format(arena, (now_us - alarm->sampled_at_us) / US_PER_SECOND * 1000)));
}

static void apply(struct put *put, const struct state_row *row, struct alarm *alarm)
{
	*alarm = (struct alarm){
		.state = row->state,
		.since_us = row->since,
		.pending_since_us = row->pending_since,
		.fired_at_us = row->fired_at,
		.sampled_at_us = row->sampled_at,
		.misses = row->misses,
	};
	put->was = row->state;
	put->message = (struct str){0};
	bool is_other = row->version && !str_eq(row->definition, put->spec.definition);
	if (is_other)
		alarm_reset(alarm, row->now);
	if (put->kind == ALARM_RECORD_LOOK && is_other) {
		put->message = STR("it means something else since then, and was not sampled yet");
	} else if (put->kind == ALARM_RECORD_LOOK) {
		look(put, alarm, row->now);
	} else {
		struct alarm_sample sample = {
			.at_us = put->begun_at_us ? put->begun_at_us : row->now,
			.outcome = put->reading.outcome,
		};
		alarm_take(alarm, &put->spec.rules, &sample);
		put->message = str_or_empty(put->reading.text);
	}
	put->state = alarm->state;
}

/* NULL: what was said before stays. */
static struct db_param message_of(const struct put *put)
{
	return put->message.p ? DB_TEXT(put->message) : DB_NULL;
}

static void add_save(
	struct db_batch *batch, const struct put *put, const struct state_row *row, const struct alarm *alarm)
{
	const struct alarm_spec *spec = &put->spec;
	bool is_sample = put->kind != ALARM_RECORD_LOOK;
	const struct alarm_reading *reading = &put->reading;
	struct db_param value = is_sample && reading->has_value ? DB_F64(reading->value) : DB_NULL,
			outcome = is_sample ? DB_TEXT(str_of(alarm_outcome_names[reading->outcome])) : DB_NULL;
	db_add(batch, QUERY_ALARM_SAVE, DB_TEXT(spec->name), DB_I64(row->version), DB_TEXT(spec->definition),
		DB_TEXT(str_of(alarm_state_names[alarm->state])), DB_TIME(alarm->since_us),
		DB_TIME(alarm->pending_since_us), DB_TIME(alarm->fired_at_us), DB_TIME(alarm->sampled_at_us),
		DB_I64(alarm->misses), outcome, value, message_of(put), DB_BOOL(spec->is_dry_run),
		DB_TIME(alarm_look_at(alarm, &spec->rules)));
	if (is_sample)
		db_add(batch, QUERY_ALARM_SAMPLE_INSERT, DB_TEXT(spec->name), DB_TIME(alarm->sampled_at_us), outcome,
			value, DB_TEXT(put->message));
	if (put->was != put->state)
		db_add(batch, QUERY_ALARM_CHANGE_INSERT, DB_TEXT(spec->name), DB_TIME(alarm->since_us),
			DB_TEXT(str_of(alarm_state_names[put->was])), DB_TEXT(str_of(alarm_state_names[put->state])),
			value, message_of(put), DB_BOOL(spec->is_dry_run));
	if (put->begun_at_us)
		db_add(batch, QUERY_ALARM_DUE, DB_TEXT(spec->name), DB_TIME(put->begun_at_us),
			DB_I64(spec->rules.interval_us / US_PER_MS));
}

static enum flow_next save(struct flow *flow)
{
	struct put *put = put_of(flow);
	struct state_row row = {0};
	struct alarm alarm;
	if (!db_read_row(db_reply_of(flow), 0, 0, state_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	/* Of one that was never sampled time says nothing. */
	if (put->kind == ALARM_RECORD_LOOK && row.version == 0)
		return FLOW_DONE;
	if (put->kind == ALARM_RECORD_ALERTS)
		read_alerts(put, db_reply_of(flow));
	apply(put, &row, &alarm);
	struct db_batch *batch = db_batch_new(put->alarms->server->db);
	add_save(batch, put, &row, &alarm);
	return db_await_conflict(flow, batch);
}

static enum flow_next tell(struct flow *flow)
{
	struct put *put = put_of(flow);
	struct alarms *alarms = put->alarms;
	if (db_error(db_reply_of(flow))) {
		if (put->conflicts++ == CONFLICTS_MAX) {
			flow->err = *db_error(db_reply_of(flow));
			return FLOW_FAIL;
		}
		flow_restart(flow);
		return FLOW_CONTINUE;
	}
	if (put->was == put->state)
		return FLOW_DONE;
	FAILPOINT("alarm.changed");
	log_info("alarm.changed", F("alarm", put->spec.name), F("from", alarm_state_names[put->was]),
		F("to", alarm_state_names[put->state]));
	if (alarms->hooks.changed)
		alarms->hooks.changed(alarms->hooks.arg, put->spec.name);
	events_alarms_changed(alarms->server->events);
	return FLOW_DONE;
}

static flow_step *const steps[] = {load, save, tell, NULL};

static void put_ended(struct flow *flow)
{
	struct put *put = put_of(flow);
	struct alarms *alarms = put->alarms;
	if (flow->err.kind != ERR_NONE)
		log_warn("alarm.record", F("alarm", put->spec.name), F("err", &flow->err));
	if (put->done)
		put->done(put->arg, put->state, flow->err.kind == ERR_NONE ? NULL : &flow->err);
	arena_done(&put->kept);
	flow_free(flow);
	alarms_ended(alarms);
}

void alarm_put(struct alarms *alarms, const struct alarm_record *record,
	void (*done)(void *arg, enum alarm_state state, const struct err *err), void *arg)
{
	struct put *put = flow_new(sizeof *put, steps, put_ended);
	put->alarms = alarms;
	put->kind = record->kind;
	alarm_spec_copy(&put->spec, record->spec, &put->kept);
	if (record->reading) {
		put->reading = *record->reading;
		put->reading.text = arena_str(&put->kept, put->reading.text);
	}
	put->begun_at_us = record->begun_at_us;
	put->done = done;
	put->arg = arg;
	alarms->active++;
	flow_start(&put->flow);
}
