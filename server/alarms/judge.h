#ifndef SERVER_ALARMS_JUDGE_H
#define SERVER_ALARMS_JUDGE_H

/*
 * What an answer or a message of a monitor means: fine, a breach, no data, or an error of the monitor itself, with a
 * sentence for people. Pure; what it is given comes from anybody. Texts live in the arena and are valid UTF-8.
 */

#include "server/alarms/spec.h"

#include <jansson.h>

struct alarm_reading {
	enum alarm_outcome outcome;
	bool has_value;
	double value; /* finite */
	struct str text;
};

/* Of an instant query: a scalar, or a vector, each of whose series may breach. Series that are no number are passed
 * over; when none is left there is no data. */
void alarm_judge_prometheus(const struct alarm_threshold *threshold, int status, struct str body,
	struct alarm_reading *ret, struct arena *arena);
/* Of a probe: its value are the seconds that the answer took. */
void alarm_judge_http(const struct alarm_spec *spec, int status, struct str body, double seconds,
	struct alarm_reading *ret, struct arena *arena);
/* Of a message of one's own: the alarm's expression over `body`, which the message is; true is a breach. */
void alarm_judge_message(
	const struct alarm_spec *spec, const json_t *body, struct alarm_reading *ret, struct arena *arena);
/* "HighErrors instance=eu-1 job=web": the alert's name, if it has one, and the first few labels. */
struct str alarm_labels_text(const json_t *labels, struct arena *arena);

/* The monitor does not work: `text` says how. */
void alarm_read_error(struct alarm_reading *ret, struct str text, struct arena *arena);
/* The text as people get it: one line of at most 300 characters. */
struct str alarm_words(struct str text, struct arena *arena);

#endif
