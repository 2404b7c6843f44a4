/* Asks a monitor once. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/io/http_client.h"
#include "common/mem.h"
#include "server/alarms/alarms_internal.h"
#include "server/alarms/guard.h"

#include <stdlib.h>

enum { ANSWER_MAX_BYTES = 1 << 20 };

struct probe {
	struct alarms *alarms;
	struct arena arena;
	struct alarm_spec spec;
	struct pair_list headers;
	int64_t begun_us; /* monotonic */
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err);
	void *arg;
};

static void end(struct probe *probe, const struct alarm_reading *reading, const struct err *err)
{
	struct alarms *alarms = probe->alarms;
	probe->done(probe->arg, reading, err);
	arena_done(&probe->arena);
	free(probe);
	alarms_ended(alarms);
}

/* Of an HTTP probe, where nobody answers: what is probed is at fault when it was tried, and the monitor, which is this
 * server and its network, when it was not. */
static void judge_silence(
	struct probe *probe, const struct http_answer *answer, const struct err *err, struct alarm_reading *ret)
{
	bool was_tried = (err->kind == ERR_TIMEOUT || err->kind == ERR_UPSTREAM) && !answer->is_unreached;
	alarm_read_error(ret, str_of(err->text), &probe->arena);
	if (was_tried && probe->spec.kind == ALARM_HTTP)
		ret->outcome = ALARM_BREACH;
}

static void answered(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct probe *probe = arg;
	struct alarm_reading reading = {0};
	double seconds = (double)(clock_mono_us() - probe->begun_us) / (double)US_PER_SECOND;
	if (err && err->kind == ERR_BUSY) {
		end(probe, NULL, err);
		return;
	}
	if (err)
		judge_silence(probe, answer, err, &reading);
	else if (probe->spec.kind == ALARM_HTTP)
		alarm_judge_http(&probe->spec, answer->status, answer->body, seconds, &reading, &probe->arena);
	else
		alarm_judge_prometheus(&probe->spec.threshold, answer->status, answer->body, &reading, &probe->arena);
	end(probe, &reading, NULL);
}

/* RFC 3986: what stands for itself in a form. */
static struct str form_value(struct str text, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	auto_buf to = BUF_INIT(text.n * 3 + 1);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				c == '-' || c == '_' || c == '.' || c == '~';
		if (is_plain)
			buf_add_char(&to, (char)c);
		else
			buf_addf(&to, "%%%c%c", hex[c >> 4], hex[c & 15]);
	}
	return arena_str(arena, buf_str(&to));
}

/* By POST, so that a query may be longer than an address. */
static void ask_prometheus(struct probe *probe, struct http_request *request)
{
	struct arena *arena = &probe->arena;
	struct str base = probe->spec.url;
	while (str_ends(base, STR("/")))
		base.n--;
	request->method = "POST";
	request->url = arena_printf(arena, "%.*s/api/v1/query", STR_ARG(base));
	request->body = arena_printf(arena, "query=%.*s", STR_ARG(form_value(probe->spec.query, arena)));
	pair_set(&probe->headers, arena, STR("Content-Type"), STR("application/x-www-form-urlencoded"));
}

static void ask(struct probe *probe)
{
	struct http_request request = {
		.method = "GET",
		.url = probe->spec.url,
		.headers = &probe->headers,
		.allow_address = alarm_allows_address,
		.answer_max_bytes = ANSWER_MAX_BYTES,
		.timeout_ms = probe->spec.timeout_ms,
		.connect_timeout_ms = probe->spec.timeout_ms,
	};
	if (probe->spec.kind == ALARM_PROMETHEUS)
		ask_prometheus(probe, &request);
	probe->begun_us = clock_mono_us();
	http_send(probe->alarms->server->http_out, &request, answered, probe, NULL);
}

static bool check(struct alarms *alarms, const struct alarm_spec *spec, struct err *err)
{
	if (alarms->closed || !alarms->server->http_out)
		return err_set(err, ERR_BUSY, "the server is stopping");
	switch (spec->kind) {
	case ALARM_PROMETHEUS:
	case ALARM_HTTP:
		return true;
	case ALARM_ALERTMANAGER:
	case ALARM_WEBHOOK:
		return err_set(err, ERR_UNSUPPORTED,
			"alarm \"%.*s\" is told of by a webhook: nobody can be asked for it; docs/alarms.md says how to send one",
			STR_ARG(spec->name));
	case ALARM_SCRIPT:
		return err_set(err, ERR_UNSUPPORTED,
			"alarm \"%.*s\" is a script, which a worker runs when it is due; `penstock alarm show %.*s` has what it said",
			STR_ARG(spec->name), STR_ARG(spec->name));
	case ALARM_KIND_COUNT:
		break;
	}
	BUG("alarm kind %d", (int)spec->kind);
}

bool alarm_probe(struct alarms *alarms, const struct alarm_spec *spec,
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err), void *arg, struct err *err)
{
	if (!check(alarms, spec, err))
		return false;
	struct probe *probe = mem_alloc(sizeof *probe);
	probe->alarms = alarms;
	alarm_spec_copy(&probe->spec, spec, &probe->arena);
	probe->done = done;
	probe->arg = arg;
	alarms->active++;
	ask(probe);
	return true;
}
