// links: penstock_alarms
// max_len: 4096
/*
 * Answers and messages of monitors: the input is a byte for the kind, one for the threshold, one for the status, then
 * the body. Whatever it says, the reading is one of the four outcomes, with a short sentence that people can be shown,
 * and a value that is a number.
 */
#include "server/alarms/judge.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

enum { WORDS_MAX = 4 * 300 + 3 };

static const char *const expressions[] = {"body.status == 'firing'", "body.value > 3", "size(body.alerts) > 1",
	"body.labels['severity'] in ['page', 'ticket']", "has(body.a) && body.a.b.c.contains('x')", "body.on"};

static void check_reading(const struct alarm_reading *reading)
{
	BUG_ON(!alarm_outcome_names[reading->outcome]);
	BUG_ON(reading->has_value && !isfinite(reading->value));
	BUG_ON(reading->text.n > WORDS_MAX || !str_is_utf8(reading->text));
	for (struct str rest = reading->text; rest.n;) {
		uint32_t c = str_next_char(&rest);
		BUG_ON(c < ' ' || (c >= 0x7f && c < 0xa0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 204, 301, 404, 500, 0};
	auto_arena arena = {0};
	struct str rest = fuzz_input(data, size);
	uint8_t kind = fuzz_byte(&rest), choice = fuzz_byte(&rest), code = fuzz_byte(&rest);
	struct alarm_spec spec = {
		.name = STR("errors"),
		.threshold = {.has_above = choice & 1, .has_below = choice & 2, .above = choice / 8.0, .below = 0.5},
		.status = choice & 4 ? 204 : 0,
		.contains = choice & 8 ? STR("ok") : STR(""),
		.firing = str_of(expressions[choice % (sizeof expressions / sizeof expressions[0])]),
	};
	struct alarm_reading reading = {0};
	int status = statuses[code % (sizeof statuses / sizeof statuses[0])];
	json_auto_t *json = NULL;
	switch (kind % 3) {
	case 0:
		alarm_judge_prometheus(&spec.threshold, status, rest, &reading, &arena);
		break;
	case 1:
		alarm_judge_http(&spec, status, rest, choice / 10.0, &reading, &arena);
		break;
	case 2:
		json = json_loadb(rest.p ? rest.p : "", rest.n, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(json))
			return 0;
		BUG_ON(!str_is_utf8(alarm_labels_text(json, &arena)));
		alarm_judge_message(&spec, json, &reading, &arena);
		break;
	}
	check_reading(&reading);
	return 0;
}
