#ifndef SERVER_ALARMS_SPEC_H
#define SERVER_ALARMS_SPEC_H

/*
 * What sampling needs of one alarm, out of the configuration: defaults filled in, in one flat struct that a flow
 * copies, so that it outlives a change of the configuration. Pure.
 */

#include "common/fields.h"
#include "common/lang/configuration.h"
#include "server/engine/alarm.h"

#define ALARM_KINDS(X)                                                                                                 \
	X(ALARM_PROMETHEUS, "prometheus")                                                                              \
	X(ALARM_ALERTMANAGER, "alertmanager")                                                                          \
	X(ALARM_WEBHOOK, "webhook")                                                                                    \
	X(ALARM_HTTP, "http")                                                                                          \
	X(ALARM_SCRIPT, "script")

#define X(value, name) value,
enum alarm_kind { ALARM_KINDS(X) ALARM_KIND_COUNT };
#undef X
extern const char *const alarm_kind_names[];

struct alarm_threshold {
	bool has_above, has_below;
	double above, below; /* a value beyond breaches; one that is equal does not */
};

struct alarm_spec {
	struct str name;
	struct str definition;        /* digest: two with the same mean the same condition */
	struct str description, link; /* for people; "": none */
	enum alarm_kind kind;
	struct alarm_rules rules;
	struct alarm_threshold threshold;
	int64_t min_points; /* that a bake must have seen of it */
	bool is_dry_run;
	int64_t timeout_ms;
	struct str url, query;                    /* prometheus; url: http, too */
	int64_t status;                           /* http: 0: any of 200 to 299 */
	struct str contains;                      /* http: "": any body */
	struct pair_list labels;                  /* alertmanager: an alert has all of these */
	struct str firing;                        /* webhook: an expression */
	struct str run, repository, ref, network; /* script; ref "": the default branch */
	struct str_list worker_labels;
	struct pair_list env;
};

/* Whether the value lies beyond. */
bool alarm_threshold_breached(const struct alarm_threshold *threshold, double value);
/* "above 0.5", "below 3 or above 10"; "" without any. */
struct str alarm_threshold_text(const struct alarm_threshold *threshold, struct arena *arena);
/* What it watches, in one line: the query and its threshold, the address, the labels, the expression. */
struct str alarm_condition(const struct alarm_spec *spec, struct arena *arena);
/* With every default filled in; all in the arena. */
void alarm_spec_of(const struct configuration_alarm *alarm, struct alarm_spec *ret, struct arena *arena);
void alarm_spec_copy(struct alarm_spec *to, const struct alarm_spec *from, struct arena *arena);

#endif
