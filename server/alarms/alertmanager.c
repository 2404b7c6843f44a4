/* POST /api/v1/alarms/alertmanager: what Alertmanager's webhook receiver sends (version 4 of its message). Each names
 * the alerts of one group; what fires is kept by fingerprint, and each alarm fires while an alert has all of its
 * labels. Any message is a sample of every such alarm: Alertmanager lives, and that is all it has to say. */
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "server/alarms/told.h"

#include <strings.h>

enum { ALERTS_MAX = 2000, FINGERPRINT_MAX = 64 };

struct notice {
	struct told told;
	struct str *firing, *labels, *resolved;
	size_t firing_count, resolved_count;
	size_t waiting; /* alarms that are being written */
	size_t alarms;
	struct err err;
};

static enum flow_next find_secrets(struct flow *flow)
{
	return told_find_secrets((struct told *)flow, STR(ALARMS_ALERTMANAGER));
}

/* "Authorization: Bearer SECRET", or Basic with any user and the secret as password. */
static struct str given_secret(struct told *told)
{
	struct str header = {0}, plain, user;
	struct arena *arena = &told->flow.arena;
	if (!http_header(told->exchange, "Authorization", &header))
		return STR("");
	if (header.n > 7 && strncasecmp(header.p, "Bearer ", 7) == 0)
		return str_trim(str_skip(header, 7));
	if (header.n > 6 && strncasecmp(header.p, "Basic ", 6) == 0 &&
		base64_decode(arena, str_trim(str_skip(header, 6)), &plain) && str_cut(&plain, ':', &user))
		return plain;
	return STR("");
}

/* Digests, so that the time does not tell the length either. */
static bool has_secret(struct told *told, struct str secret)
{
	uint8_t given[DIGEST_BYTES], expected[DIGEST_BYTES];
	digest_of(given_secret(told), given);
	digest_of(secret, expected);
	return digest_equal(
		(struct str){(const char *)given, sizeof given}, (struct str){(const char *)expected, sizeof expected});
}

/* --- what it says --- */

static bool read_alert(struct notice *notice, size_t i, const json_t *alert, struct err *err)
{
	const json_t *labels = json_object_get(alert, "labels");
	struct str status = json_get_str(alert, "status"), fingerprint = json_get_str(alert, "fingerprint");
	if (!json_is_object(labels) || fingerprint.n == 0 || fingerprint.n > FINGERPRINT_MAX)
		return err_set(err, ERR_INVALID, "alerts[%zu] has no labels or no fingerprint", i);
	if (str_is(status, "resolved")) {
		notice->resolved[notice->resolved_count++] = fingerprint;
	} else if (str_is(status, "firing")) {
		notice->labels[notice->firing_count] = json_text(labels, &notice->told.flow.arena);
		notice->firing[notice->firing_count++] = fingerprint;
	} else
		return err_set(err, ERR_INVALID, "alerts[%zu].status is neither firing nor resolved", i);
	return true;
}

static bool read_alerts(struct notice *notice, struct err *err)
{
	struct arena *arena = &notice->told.flow.arena;
	const json_t *alerts = json_object_get(notice->told.body, "alerts"), *alert;
	size_t i, count = json_array_size(alerts);
	if (!str_is(json_get_str(notice->told.body, "version"), "4") || !json_is_array(alerts))
		return err_set(err, ERR_INVALID, "the body is no message of version 4 of Alertmanager's webhook");
	if (count > ALERTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d alerts in one message: set max_alerts", ALERTS_MAX);
	notice->firing = arena_array(arena, struct str, count + 1);
	notice->labels = arena_array(arena, struct str, count + 1);
	notice->resolved = arena_array(arena, struct str, count + 1);
	json_array_foreach(alerts, i, alert)
	{
		if (!read_alert(notice, i, alert, err))
			return false;
	}
	return true;
}

static enum flow_next keep_alerts(struct flow *flow)
{
	struct notice *notice = (struct notice *)flow;
	if (!told_check(&notice->told, STR(ALARMS_ALERTMANAGER), has_secret, &flow->err) ||
		!told_read_body(&notice->told, &flow->err) || !read_alerts(notice, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(notice->told.alarms->server->db);
	db_add(batch, QUERY_ALARM_ALERTS_APPLY, DB_TEXTS(notice->firing, notice->firing_count),
		DB_TEXTS(notice->labels, notice->firing_count), DB_TEXTS(notice->resolved, notice->resolved_count));
	return db_await(flow, batch);
}

/* --- what it means --- */

static void recorded(void *arg, enum alarm_state state, const struct err *err)
{
	struct notice *notice = arg;
	(void)state;
	if (err)
		notice->err = *err;
	if (--notice->waiting)
		return;
	/* Alertmanager tries again. */
	if (notice->err.kind != ERR_NONE)
		flow_fail(&notice->told.flow, &notice->err);
	else
		flow_resume(&notice->told.flow);
}

static enum flow_next record(struct flow *flow)
{
	struct notice *notice = (struct notice *)flow;
	size_t count;
	const struct alarm_spec *specs = alarms_specs(notice->told.alarms, &count, &flow->arena);
	for (size_t i = 0; i < count; i++)
		notice->alarms += specs[i].kind == ALARM_ALERTMANAGER;
	notice->waiting = notice->alarms;
	for (size_t i = 0; i < count; i++)
		if (specs[i].kind == ALARM_ALERTMANAGER)
			alarm_put(notice->told.alarms,
				&(struct alarm_record){.kind = ALARM_RECORD_ALERTS, .spec = &specs[i]}, recorded,
				notice);
	return notice->alarms ? FLOW_WAIT : FLOW_CONTINUE;
}

static enum flow_next answer(struct flow *flow)
{
	struct notice *notice = (struct notice *)flow;
	notice->told.answer = json_pack("{s:I, s:I, s:I}", "firing", (json_int_t)notice->firing_count, "resolved",
		(json_int_t)notice->resolved_count, "alarms", (json_int_t)notice->alarms);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_secrets, keep_alerts, record, answer, NULL};

void alarms_receive_alertmanager(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct notice *notice = flow_new(sizeof *notice, steps, told_ended);
	notice->told.alarms = server->alarms;
	notice->told.exchange = exchange;
	server->alarms->active++;
	flow_start(&notice->told.flow);
}
