#ifndef COMMON_LANG_CONFIGURATION_H
#define COMMON_LANG_CONFIGURATION_H

/*
 * The configuration document as read: groups, services, alarms, environments with their targets and floors, grants,
 * freezes, pins. One YAML file, strict as pipelines are and read by the same tables. configuration_load() makes the
 * tree in an arena; nobody changes it afterwards, so any number of threads may read one.
 *
 * As in pipeline.h every value begins with its place, a value that the document does not give has line 0 (see
 * LANG_IS_SET()), and no defaults are filled in: a comment here names each. Names that the document itself could know
 * (environments, alarms, groups) are known to exist; those of repositories, pipelines and policies are not.
 */

#include "common/lang/errors.h"
#include "common/lang/pipeline.h"

struct configuration_group {
	struct lang_place at;
	struct lang_text name;
	struct lang_texts members; /* accounts */
};

struct configuration_service {
	struct lang_place at;
	struct lang_text name;
	struct lang_text repository; /* absent: the one of the service's name; see configuration_repository() */
	struct lang_text description;
	struct lang_texts reads; /* services whose `deploy.outputs` its deployments may read; known to have no circle */
};

/* Absent from the list: an hour that no window names is open. */
struct configuration_window {
	struct lang_place at;
	struct lang_text allow; /* of these two exactly one; as lang_window_parse() takes it */
	struct lang_text deny;
	struct lang_text reason;
};

/* deny wins; where there is an allow, what none of them names is closed. */
struct configuration_windows {
	struct lang_place at;
	struct configuration_window *items;
	size_t count;
};

struct configuration_prometheus {
	struct lang_place at;
	struct lang_text url;
	struct lang_text query;
	struct lang_duration timeout; /* absent: 5 s */
};

struct configuration_http {
	struct lang_place at;
	struct lang_text url;
	struct lang_number status;    /* absent: 200 to 299 */
	struct lang_text contains;    /* in the answer; absent: anything */
	struct lang_duration timeout; /* absent: 5 s */
};

struct configuration_alertmanager {
	struct lang_place at;
	struct lang_pairs labels; /* all of them, each exactly, must be on an alert */
};

struct configuration_webhook {
	struct lang_place at;
	struct lang_text firing; /* a bare expression over `body`, known to parse */
};

struct configuration_script {
	struct lang_place at;
	struct lang_text run;
	struct lang_text repository;
	struct lang_text ref;       /* absent: the default branch */
	struct lang_choice network; /* enum pipeline_network; absent: none */
	struct lang_texts labels;
	struct lang_pairs env;
	struct lang_duration timeout; /* absent: 1 m */
};

/* Exactly one of the five kinds is set. */
struct configuration_alarm {
	struct lang_place at;
	struct lang_text name;
	struct configuration_prometheus prometheus;
	struct configuration_http http;
	struct configuration_alertmanager alertmanager;
	struct configuration_webhook webhook;
	struct configuration_script script;
	struct lang_real above; /* prometheus: one of these two; fires while the value is past it */
	struct lang_real below;
	struct lang_duration firing_for; /* `for`: how long it must hold before it fires; absent: at once */
	struct lang_duration interval;   /* absent: 15 s, script 1 m; alertmanager and webhook: no heartbeat */
	struct lang_number min_points;   /* that a bake must have seen of it; absent: 1, of those that tell 0 */
	struct lang_flag dry_run;        /* watched and shown, and nothing follows from it */
	struct lang_text description;
	struct lang_text link; /* for people: a dashboard or runbook */
};

/* Where a target says which version it runs. */
struct configuration_probe {
	struct lang_place at;
	struct lang_text url;          /* "{service}" in it stands for the service's name */
	struct lang_text version;      /* a bare expression over `body`, known to parse; absent: all of the answer */
	struct lang_text service;      /* that it speaks of; absent: each that was deployed there */
	struct lang_duration interval; /* absent: 1 m */
	struct lang_duration timeout;  /* absent: 5 s */
};

struct configuration_target {
	struct lang_place at;
	struct lang_text name;
	struct lang_text account;
	struct lang_text region;
	struct lang_text url;
	struct lang_pairs variables; /* over those of the environment */
	struct lang_number wave;     /* where the pipeline has no waves of its own; absent: 1 */
	struct lang_flag exclusive;  /* one deployment at a time, of whichever service */
	struct lang_texts labels;    /* that workers which deploy here must have, beside others */
	struct configuration_windows windows;
	struct configuration_probe probe;
};

struct configuration_floor {
	struct lang_place at;
	struct lang_texts pipelines; /* globs, of which one must fit; absent: any */
	struct lang_texts refs;      /* globs of branches and tags; absent: any */
	struct lang_text after;      /* the environment where a version must have been before */
	struct pipeline_gate gate;   /* the least; never `none` */
	struct lang_texts alarms;    /* watched whatever the pipeline says */
	struct lang_duration bake;   /* of each wave, the least */
	struct lang_number min_points;
	struct lang_texts labels;   /* that the workers must have */
	struct lang_choice sandbox; /* enum pipeline_sandbox */
	struct lang_text window;
};

enum configuration_lane { CONFIGURATION_LANE_NEWEST, CONFIGURATION_LANE_FIFO };
extern const char *const configuration_lane_names[];

struct configuration_checks {
	struct lang_place at;
	struct pipeline_job *items; /* as the tests of a stage */
	size_t count;
};

/* Whom to call when an alarm goes on after the way back. */
struct configuration_page {
	struct lang_place at;
	struct lang_text url;       /* absent: nobody outside of Penstock */
	struct lang_duration after; /* absent: 10 m */
};

struct configuration_environment {
	struct lang_place at;
	struct lang_text name;
	struct lang_text description;
	struct lang_text tier;    /* absent: none */
	struct lang_number order; /* on boards; absent: by its place in the document */
	struct lang_choice lane;  /* enum configuration_lane; absent: newest */
	struct lang_pairs variables;
	struct configuration_windows windows;
	struct configuration_floor floor;
	struct lang_texts policies; /* mandatory; those of its tier come on top */
	struct configuration_checks checks;
	struct configuration_page page;
	LANG_LIST(struct configuration_target) targets; /* may be empty: nothing can be deployed there */
};

struct configuration_tier {
	struct lang_place at;
	struct lang_text name;
	struct lang_texts policies;
	struct configuration_checks checks;
};

/* What a pipeline may lower of the floors: exactly the members that are set. */
struct configuration_grant {
	struct lang_place at;
	struct lang_text name;
	struct lang_text pipeline;
	struct lang_texts refs;         /* globs; absent: all */
	struct lang_texts groups;       /* who may start such a run; absent: whoever may start the pipeline */
	struct lang_texts environments; /* globs */
	struct lang_texts skip;         /* environments that `after` may leave out, stages that may be skipped */
	struct pipeline_gate gate;      /* the least, instead of the floor's; `none` takes it away */
	struct lang_duration bake;
	struct lang_number min_points;
	struct lang_text window;
	struct lang_flag alarms; /* an alarm that fires or is unknown before a wave does not hold it */
};

struct configuration_freeze {
	struct lang_place at;
	struct lang_text name;
	struct lang_texts environments; /* globs */
	struct lang_texts services;     /* globs; absent: all */
	struct lang_text from;          /* RFC 3339; absent: since ever */
	struct lang_text until;         /* absent: until it is taken out */
	struct lang_text reason;
};

struct configuration_pin {
	struct lang_place at;
	struct lang_text name;
	struct lang_text service;
	struct lang_text environment;
	struct lang_text version;
	struct lang_text reason;
};

struct configuration {
	struct lang_place at;
	bool is_empty;                                /* no document at all: blanks and comments */
	LANG_LIST(struct configuration_group) groups; /* not set: the document says nothing about groups */
	LANG_LIST(struct configuration_service) services;
	LANG_LIST(struct configuration_alarm) alarms;
	LANG_LIST(struct configuration_tier) tiers;
	LANG_LIST(struct configuration_environment) environments;
	LANG_LIST(struct configuration_grant) grants;
	LANG_LIST(struct configuration_freeze) freezes;
	LANG_LIST(struct configuration_pin) pins;
};

/*
 * Reads and checks the document; `file` is its name in messages. A text without any content is the empty configuration.
 * false: errors (its arena set by the caller) holds at least one, *ret is untouched. text and file must live as long as
 * the arena.
 */
bool configuration_load(struct str text, const char *file, struct arena *arena, const struct configuration **ret,
	struct lang_errors *errors);
/* The same for what somebody hands over, which is never empty by intent: a pipe has failed, or a file was cut off. */
bool configuration_load_given(struct str text, const char *file, struct arena *arena, const struct configuration **ret,
	struct lang_errors *errors);

/* Sentences on what is no error and yet can hardly be meant: gates that the groups of the document cannot open. */
struct str_list configuration_warnings(const struct configuration *configuration, struct arena *arena);

/* By name; NULL: there is none. */
const struct configuration_group *configuration_group(const struct configuration *configuration, struct str name);
const struct configuration_service *configuration_service(const struct configuration *configuration, struct str name);
const struct configuration_alarm *configuration_alarm(const struct configuration *configuration, struct str name);
const struct configuration_tier *configuration_tier(const struct configuration *configuration, struct str name);
const struct configuration_environment *configuration_environment(
	const struct configuration *configuration, struct str name);
const struct configuration_target *configuration_environment_target(
	const struct configuration_environment *environment, struct str name);
/* The tier of an environment, where it has one that the document describes; or NULL. */
const struct configuration_tier *configuration_tier_of(
	const struct configuration *configuration, const struct configuration_environment *environment);
const struct configuration_pin *configuration_pin(
	const struct configuration *configuration, struct str service, struct str environment);
/* The repository of a service. */
struct str configuration_repository(const struct configuration_service *service);
/* Whether deployments of one service may read what deployments of the other put out. */
bool configuration_may_read(const struct configuration *configuration, struct str service, struct str other);
/* Whether a list of globs, as `environments` and `refs` are, fits; an absent list fits all. A leading "!" takes out. */
bool configuration_fits(const struct lang_texts *globs, struct str name);

/* What the document says, as JSON: what is set, durations as people write them. The caller owns it. */
json_t *configuration_describe(const struct configuration *configuration);
/* The definition of one alarm, without what only people read. The caller owns it. */
json_t *configuration_describe_alarm(const struct configuration_alarm *alarm);
/* How the second differs in meaning from the first: [{path, before, after}], where null is "not there". A path is
 * "environments.prod.floor.bake"; comments, order and layout are no difference. The caller owns it. */
json_t *configuration_diff(const struct configuration *before, const struct configuration *after);

/* The JSON Schema (draft-07) of the document, as text ending in a line end. The caller frees. */
char *configuration_schema_json(void);
/* The reference tables of docs/configuration-service.md, in Markdown. The caller frees. */
char *configuration_reference_markdown(void);

#endif
