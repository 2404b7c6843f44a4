#include "server/alarms/judge.h"

#include "common/buf.h"
#include "common/expr.h"
#include "common/json.h"

#include <math.h>

enum { WORDS_MAX = 300, LABELS_MAX = 6 };

struct str alarm_words(struct str text, struct arena *arena)
{
	auto_buf words = BUF_INIT(WORDS_MAX * 4 + 16);
	size_t characters = 0;
	text = str_trim(text);
	while (text.n && characters++ < WORDS_MAX) {
		struct str rest = text;
		str_next_char(&rest);
		bool is_control = (unsigned char)text.p[0] < ' ' || text.p[0] == 127;
		buf_add_utf8(&words, is_control ? STR(" ") : str_head(text, text.n - rest.n));
		text = rest;
	}
	if (text.n)
		buf_add_c(&words, "...");
	return arena_str(arena, buf_str(&words));
}

void alarm_read_error(struct alarm_reading *ret, struct str text, struct arena *arena)
{
	*ret = (struct alarm_reading){.outcome = ALARM_ERROR, .text = alarm_words(text, arena)};
}

/* --- Prometheus --- */

/* "1.5", "NaN", "+Inf" */
static bool read_number(const json_t *json, double *ret)
{
	struct str text = {json_string_value(json), json_string_length(json)};
	if (str_is(text, "NaN"))
		*ret = NAN;
	else if (str_is(text, "+Inf") || str_is(text, "Inf"))
		*ret = HUGE_VAL;
	else if (str_is(text, "-Inf"))
		*ret = -HUGE_VAL;
	else
		return str_to_f64(text, ret);
	return true;
}

struct str alarm_labels_text(const json_t *labels, struct arena *arena)
{
	auto_buf text = BUF_INIT(4096);
	json_t *object = (json_t *)(uintptr_t)labels; /* iterators take no const */
	int count = 0;
	buf_add_str(&text, json_get_str(labels, "alertname"));
	for (void *at = json_object_iter(object); at && count < LABELS_MAX; at = json_object_iter_next(object, at)) {
		struct str name = str_of(json_object_iter_key(at));
		const char *value = json_string_value(json_object_iter_value(at));
		if (!value || str_is(name, "alertname") || str_is(name, "__name__"))
			continue;
		buf_addf(&text, "%s%.*s=%s", text.n ? " " : "", STR_ARG(name), value);
		count++;
	}
	return alarm_words(buf_str(&text), arena);
}

struct worst {
	bool is_there, is_breach;
	double value;
	const json_t *metric;
	size_t breaches, count;
};

/* How far beyond what is allowed, or how near to it. */
static double badness(const struct alarm_threshold *threshold, double value)
{
	double above = threshold->has_above ? value - threshold->above : -HUGE_VAL,
	       below = threshold->has_below ? threshold->below - value : -HUGE_VAL;
	return above > below ? above : below;
}

static bool take_series(
	struct worst *worst, const struct alarm_threshold *threshold, const json_t *metric, const json_t *point)
{
	double value;
	if (json_array_size(point) != 2 || !read_number(json_array_get(point, 1), &value))
		return false;
	if (isnan(value))
		return true;
	bool is_breach = alarm_threshold_breached(threshold, value);
	worst->count++;
	worst->breaches += is_breach;
	if (!worst->is_there || badness(threshold, value) > badness(threshold, worst->value)) {
		worst->is_there = true;
		worst->value = value;
		worst->metric = metric;
	}
	worst->is_breach |= is_breach;
	return true;
}

static bool take_result(struct worst *worst, const struct alarm_threshold *threshold, const json_t *data)
{
	struct str type = json_get_str(data, "resultType");
	const json_t *result = json_object_get(data, "result"), *series;
	size_t i;
	if (str_is(type, "scalar"))
		return take_series(worst, threshold, NULL, result);
	if (!str_is(type, "vector") || !json_is_array(result))
		return false;
	json_array_foreach(result, i, series)
	{
		if (!take_series(worst, threshold, json_object_get(series, "metric"), json_object_get(series, "value")))
			return false;
	}
	return true;
}

static struct str worst_text(const struct worst *worst, const struct alarm_threshold *threshold, struct arena *arena)
{
	auto_buf text = BUF_INIT(4096);
	buf_addf(&text, "%g", worst->value);
	buf_addf(&text, worst->is_breach ? ", %.*s" : ", not %.*s", STR_ARG(alarm_threshold_text(threshold, arena)));
	if (json_object_size(worst->metric))
		buf_addf(&text, ": %.*s", STR_ARG(alarm_labels_text(worst->metric, arena)));
	if (worst->count > 1)
		buf_addf(&text, " (%zu of %zu series)", worst->breaches, worst->count);
	return alarm_words(buf_str(&text), arena);
}

static void judge_data(
	const struct alarm_threshold *threshold, const json_t *data, struct alarm_reading *ret, struct arena *arena)
{
	struct worst worst = {0};
	if (!take_result(&worst, threshold, data)) {
		struct str type = json_get_str(data, "resultType");
		alarm_read_error(ret,
			arena_printf(arena, "the query gives a %.*s: it must give one number, or one for each series",
				STR_ARG(type.n ? type : STR("result that is none of Prometheus"))),
			arena);
		return;
	}
	if (!worst.is_there) {
		*ret = (struct alarm_reading){.outcome = ALARM_NO_DATA, .text = STR("the query finds no data")};
		return;
	}
	*ret = (struct alarm_reading){
		.outcome = worst.is_breach ? ALARM_BREACH : ALARM_FINE,
		.has_value = isfinite(worst.value),
		.value = isfinite(worst.value) ? worst.value : 0,
		.text = worst_text(&worst, threshold, arena),
	};
}

void alarm_judge_prometheus(const struct alarm_threshold *threshold, int status, struct str body,
	struct alarm_reading *ret, struct arena *arena)
{
	json_t *json = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
	struct str said = json_get_str(json, "error");
	if (status != 200 || !str_is(json_get_str(json, "status"), "success"))
		alarm_read_error(ret,
			said.n ? arena_printf(arena, "Prometheus refuses the query: %.*s", STR_ARG(said))
			       : arena_printf(arena, "%d, and no answer of Prometheus: is the address right?", status),
			arena);
	else
		judge_data(threshold, json_object_get(json, "data"), ret, arena);
	json_decref(json);
}

/* --- a probe --- */

/* What the answer itself says, for people: the first line of it, unless that is the head of a page. */
static struct str said_by(struct str body, struct arena *arena)
{
	struct str line, rest = str_trim(body);
	if (!str_cut(&rest, '\n', &line) || line.p[0] == '<')
		return STR("");
	return arena_printf(arena, ": %.*s", STR_ARG(line));
}

void alarm_judge_http(const struct alarm_spec *spec, int status, struct str body, double seconds,
	struct alarm_reading *ret, struct arena *arena)
{
	size_t at;
	bool is_expected = spec->status ? status == spec->status : status >= 200 && status < 300;
	bool has_text = spec->contains.n == 0 || str_find(body, spec->contains, &at);
	struct str text, said = is_expected ? STR("") : said_by(body, arena);
	if (!is_expected && spec->status)
		text = arena_printf(arena, "status %d, not %lld%.*s", status, (long long)spec->status, STR_ARG(said));
	else if (!is_expected)
		text = arena_printf(arena, "status %d%.*s", status, STR_ARG(said));
	else if (!has_text)
		text = arena_printf(arena, "status %d, but the answer lacks \"%.*s\"", status, STR_ARG(spec->contains));
	else
		text = arena_printf(arena, "status %d in %.3f s", status, seconds);
	*ret = (struct alarm_reading){
		.outcome = is_expected && has_text ? ALARM_FINE : ALARM_BREACH,
		.has_value = true,
		.value = seconds,
		.text = alarm_words(text, arena),
	};
}

/* --- messages --- */

static bool body_of(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	if (!str_is(name, "body"))
		return err_set(err, ERR_INVALID, "unknown name \"%.*s\": there is body, the message", STR_ARG(name));
	*ret = expr_of_json(arg, arena);
	return true;
}

void alarm_judge_message(
	const struct alarm_spec *spec, const json_t *body, struct alarm_reading *ret, struct arena *arena)
{
	struct expr_scope scope = {.arg = (void *)(uintptr_t)body, .name = body_of};
	const struct expr *expr;
	struct expr_value value;
	struct err err = {0};
	size_t at;
	bool is_firing;
	if (!expr_parse(spec->firing, arena, &expr, &at, &err) || !expr_eval(expr, &scope, arena, &value, &err) ||
		!expr_is_true(&value, &is_firing, &err)) {
		alarm_read_error(
			ret, arena_printf(arena, "the expression fails on what was sent: %s", err.text), arena);
		return;
	}
	struct str message = json_get_str(body, "message");
	*ret = (struct alarm_reading){
		.outcome = is_firing ? ALARM_BREACH : ALARM_FINE,
		.text = message.n ? alarm_words(message, arena)
				  : arena_printf(arena, "was told: %s", is_firing ? "firing" : "fine"),
	};
}
