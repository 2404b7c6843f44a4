#ifndef COMMON_LANG_PIPELINE_H
#define COMMON_LANG_PIPELINE_H

/*
 * A pipeline file as read: its tree after `extends`, `use` and `skip` are applied and everything that needs no outside
 * knowledge is checked. lang_load() makes it in an arena; nobody changes it afterwards.
 *
 * Every value begins with the place where it was written, since later stages report errors there too; a value that the
 * file does not give has line 0, see LANG_IS_SET(). No defaults are filled in: who uses a value knows its default.
 * Expressions are kept as text: conditions bare, the rest with their ${{ }}; both are known to parse and to name only
 * what exists. The struct members have the keys' names, `if` excepted.
 */

#include "common/str.h"

struct lang_place {
	const char *file; /* as given to lang_load() or by the loader: ".penstock/ci.yaml" */
	int32_t line;     /* from 1; 0: not in the file */
	int32_t column;   /* from 1, in characters */
};

#define LANG_IS_SET(value) ((value).at.line != 0)

/* All lists have the same layout, so that the reader fills any of them. */
#define LANG_LIST(type)                                                                                                \
	struct {                                                                                                       \
		struct lang_place at;                                                                                  \
		type *items;                                                                                           \
		size_t count;                                                                                          \
	}

struct lang_text {
	struct lang_place at;
	struct str text;
	/* Columns from `at` to the first character of the text; -1 where the file writes it with escapes or over
	 * several lines, so that a place inside it cannot be told. See lang_text_place(). */
	int8_t lead;
};

struct lang_texts {
	struct lang_place at;
	struct lang_text *items;
	size_t count;
};

struct lang_pair {
	struct lang_text name;
	struct lang_text value;
};

/* In the order of the file; the names are distinct. */
struct lang_pairs {
	struct lang_place at;
	struct lang_pair *items;
	size_t count;
};

struct lang_number {
	struct lang_place at;
	int64_t value;
};

struct lang_real {
	struct lang_place at;
	double value;
};

struct lang_flag {
	struct lang_place at;
	bool value;
};

struct lang_duration {
	struct lang_place at;
	int64_t ms;
};

struct lang_size {
	struct lang_place at;
	int64_t bytes;
};

/* One of the enums below. */
struct lang_choice {
	struct lang_place at;
	int value;
};

enum pipeline_input_type {
	PIPELINE_INPUT_STRING,
	PIPELINE_INPUT_NUMBER,
	PIPELINE_INPUT_BOOLEAN,
	PIPELINE_INPUT_CHOICE,
	PIPELINE_INPUT_ENVIRONMENT,
	PIPELINE_INPUT_DURATION,
};
enum pipeline_network { PIPELINE_NETWORK_NONE, PIPELINE_NETWORK_EGRESS };
enum pipeline_sandbox { PIPELINE_SANDBOX_USER, PIPELINE_SANDBOX_FULL };
enum pipeline_author { PIPELINE_AUTHOR_ALLOW, PIPELINE_AUTHOR_DENY };
enum pipeline_comment { PIPELINE_COMMENT_OPTIONAL, PIPELINE_COMMENT_REQUIRED };
enum pipeline_reaction { PIPELINE_REACTION_STOP, PIPELINE_REACTION_ROLLBACK };
enum pipeline_rollback { PIPELINE_ROLLBACK_PREVIOUS, PIPELINE_ROLLBACK_NONE };
enum pipeline_once { PIPELINE_ONCE_TARGET, PIPELINE_ONCE_WAVE };
enum pipeline_retry_on { PIPELINE_RETRY_WORKER_LOST, PIPELINE_RETRY_TIMEOUT, PIPELINE_RETRY_EXIT };

/* NULL-terminated, by value. */
extern const char *const pipeline_input_type_names[];
extern const char *const pipeline_network_names[];
extern const char *const pipeline_sandbox_names[];
extern const char *const pipeline_author_names[];
extern const char *const pipeline_comment_names[];
extern const char *const pipeline_reaction_names[];
extern const char *const pipeline_rollback_names[];
extern const char *const pipeline_once_names[];
extern const char *const pipeline_retry_on_names[];

/* push, pull_request and tag share it: an absent list lets everything through. */
struct pipeline_ref_event {
	struct lang_place at;
	struct lang_texts branches; /* globs; push: the branch; pull_request: the branch it wants to go to */
	struct lang_texts tags;     /* globs; tag only */
	struct lang_texts paths;    /* globs of changed files */
};

struct pipeline_manual {
	struct lang_place at;
	struct lang_texts refs;   /* globs of branches and tags; absent: all */
	struct lang_texts groups; /* who may start it; absent: whoever may start runs at all */
};

struct pipeline_schedule {
	struct lang_place at;
	struct lang_text cron;      /* five fields, known to be right */
	struct lang_text time_zone; /* IANA name or UTC; absent: UTC */
};

struct pipeline_deployment_event {
	struct lang_place at;
	struct lang_texts services;     /* globs; deployment only */
	struct lang_texts environments; /* globs */
};

struct pipeline_on {
	struct lang_place at;
	struct pipeline_ref_event push;
	struct pipeline_ref_event pull_request;
	struct pipeline_ref_event tag;
	struct pipeline_manual manual;
	LANG_LIST(struct pipeline_schedule) schedule;
	struct pipeline_deployment_event deployment;
	struct pipeline_deployment_event environment_created;
};

struct pipeline_input {
	struct lang_place at;
	struct lang_text name;
	struct lang_choice type; /* enum pipeline_input_type; absent: string */
	struct lang_text default_value;
	struct lang_flag required;
	struct lang_text pattern;  /* string: a regular expression for the whole value */
	struct lang_texts options; /* choice */
	struct lang_text min;      /* number and duration; of the input's type */
	struct lang_text max;
	struct lang_text tier; /* environment: only those of this tier */
	struct lang_text label;
	struct lang_text description;
	/* Fixed by `with` of the file that builds on this one: nobody is asked for it, and no trigger may set it. */
	struct lang_text given;
};

struct pipeline_retry {
	struct lang_place at;
	struct lang_number max;           /* extra attempts */
	LANG_LIST(struct lang_choice) on; /* enum pipeline_retry_on; absent: worker_lost */
};

struct pipeline_resources {
	struct lang_place at;
	struct lang_size memory;
	struct lang_size disk;
	struct lang_number cpus; /* in thousandths: `cpus: 1.5` is 1500 */
	struct lang_number processes;
};

struct pipeline_defaults {
	struct lang_place at;
	struct lang_duration timeout;
	struct pipeline_retry retry;
	struct lang_texts labels;
	struct lang_text shell;
	struct lang_choice network; /* enum pipeline_network */
	struct lang_text image;
	struct pipeline_resources resources;
	struct lang_choice sandbox; /* enum pipeline_sandbox */
	struct lang_number fetch_depth;
};

struct pipeline_concurrency {
	struct lang_place at;
	struct lang_text group; /* with ${{ }} */
	struct lang_flag cancel;
};

struct pipeline_gitops {
	struct lang_place at;
	struct lang_text repo;
	struct lang_text branch; /* absent: the default branch */
	struct lang_text file;
	struct lang_pairs set; /* path in the file: new value, with ${{ }} */
	struct lang_text message;
	struct lang_text ready;    /* a script, tried until it succeeds */
	struct lang_duration wait; /* how long it may take */
};

/* Exactly one of run, policy and gitops is set. */
struct pipeline_step {
	struct lang_place at;
	struct lang_text name;
	struct lang_text run;                 /* without ${{ }} */
	LANG_LIST(struct lang_choice) policy; /* enum policy_rule */
	struct pipeline_gitops gitops;
	struct lang_text shell;
	struct lang_pairs env; /* values with ${{ }} */
	struct lang_text condition;
	struct lang_duration timeout;
	struct lang_flag always;
};

struct pipeline_steps {
	struct lang_place at;
	struct pipeline_step *items;
	size_t count;
};

struct pipeline_axis {
	struct lang_place at;
	struct lang_text name;
	struct lang_texts values;
};

/* axes: at most LANG_MATRIX_MAX combinations together with `include`. */
struct pipeline_matrix {
	struct lang_place at;
	LANG_LIST(struct pipeline_axis) axes;
	LANG_LIST(struct lang_pairs) include;
	LANG_LIST(struct lang_pairs) exclude;
};

enum { LANG_MATRIX_MAX = 256 };

struct pipeline_service {
	struct lang_place at;
	struct lang_text name;
	struct lang_text image;
	struct lang_text run;
	struct lang_text ready; /* a command tried until it succeeds */
	struct lang_duration timeout;
	struct lang_pairs env;
};

struct pipeline_cache {
	struct lang_place at;
	struct lang_text key; /* with ${{ }} */
	struct lang_texts paths;
	struct lang_texts restore; /* beginnings of keys, tried in order */
	struct lang_flag read_only;
};

struct pipeline_artifacts {
	struct lang_place at;
	struct lang_texts paths; /* globs below the workspace, with ${{ }} */
	struct lang_duration keep;
};

struct pipeline_id_token {
	struct lang_place at;
	struct lang_texts audience;
	struct lang_text variable; /* absent: CI_ID_TOKEN */
};

struct pipeline_job {
	struct lang_place at;
	struct lang_text name;
	struct lang_text condition;
	struct lang_texts needs; /* names of jobs of this or an earlier stage; of a test: of its own block */
	struct pipeline_matrix matrix;
	struct lang_pairs env;
	struct lang_texts labels;   /* with ${{ }} */
	struct lang_choice network; /* enum pipeline_network */
	struct lang_choice sandbox; /* enum pipeline_sandbox */
	struct pipeline_resources resources;
	struct lang_text image; /* with ${{ }} */
	struct lang_duration timeout;
	struct pipeline_retry retry;
	struct lang_flag allow_failure;
	struct lang_number fetch_depth; /* commits; 0: all history */
	LANG_LIST(struct pipeline_service) services;
	LANG_LIST(struct pipeline_cache) cache;
	struct pipeline_artifacts artifacts;
	struct lang_texts outputs; /* names that its steps may write to $CI_OUTPUT */
	struct lang_pairs reports; /* kind: glob, with ${{ }} */
	struct lang_texts secrets;
	struct pipeline_id_token id_token;
	struct lang_text environment; /* for its variables only; with ${{ }} */
	struct lang_choice once;      /* of a test: enum pipeline_once; absent: target */
	struct pipeline_steps steps;
};

struct pipeline_gate {
	struct lang_place at;
	bool is_none; /* `gate: none`: none of its own, whatever the base file says; the floor may still demand one */
	struct lang_number approvals; /* absent: 1 */
	struct lang_texts groups;
	struct lang_pairs require;  /* group: least number, known to be one */
	struct lang_choice author;  /* enum pipeline_author; absent: allow */
	struct lang_choice comment; /* enum pipeline_comment; absent: optional */
	struct lang_duration timeout;
	struct lang_text not_before; /* RFC 3339 */
};

struct pipeline_wave {
	struct lang_place at;
	struct lang_text name;
	struct lang_texts targets;   /* globs */
	struct lang_number parallel; /* absent: 1 */
	struct lang_duration bake;
	struct lang_number min_points; /* data points that the alarms must have seen during the bake */
};

enum pipeline_stage_kind { PIPELINE_STAGE_JOBS, PIPELINE_STAGE_ENVIRONMENT, PIPELINE_STAGE_GATE };

struct pipeline_stage {
	struct lang_place at;
	enum pipeline_stage_kind kind; /* from what it holds */
	struct lang_text name;
	struct lang_text condition;
	struct pipeline_gate gate;
	struct lang_pairs env;
	LANG_LIST(struct pipeline_job) jobs; /* of PIPELINE_STAGE_JOBS; the rest is of PIPELINE_STAGE_ENVIRONMENT */
	struct lang_text environment;        /* with ${{ }} */
	struct lang_text window;             /* "Mon-Thu 09:00-16:00 Europe/Berlin", or "any" */
	LANG_LIST(struct pipeline_wave) waves;
	struct lang_texts alarms;
	struct lang_choice on_alarm;   /* enum pipeline_reaction; absent: rollback */
	struct lang_choice on_failure; /* enum pipeline_reaction; absent: stop */
	LANG_LIST(struct pipeline_job) tests;
	struct lang_text expires; /* a duration, or ${{ }} */
};

struct pipeline_deploy {
	struct lang_place at;
	struct lang_text service; /* with ${{ }}; absent: the repository's */
	struct lang_text version; /* with ${{ }} */
	struct pipeline_steps steps;
	struct pipeline_steps verify;
	struct pipeline_steps preview;
	struct pipeline_steps teardown;
	struct pipeline_steps diagnose;
	struct lang_texts outputs;
	struct lang_choice network; /* enum pipeline_network */
	struct lang_choice sandbox; /* enum pipeline_sandbox */
	struct pipeline_resources resources;
	struct lang_texts labels;
	struct lang_pairs env;
	struct lang_texts secrets;
	struct pipeline_id_token id_token;
	struct lang_text image;
	struct lang_duration timeout;
	struct lang_flag idempotent;
	struct lang_choice rollback; /* enum pipeline_rollback; absent: previous */
};

struct pipeline {
	struct lang_place at;
	struct lang_text name; /* always that of the file */
	struct pipeline_on on;
	LANG_LIST(struct pipeline_input) inputs;
	struct lang_pairs env;
	struct pipeline_defaults defaults;
	struct pipeline_concurrency concurrency;
	LANG_LIST(struct pipeline_stage) stages;
	struct pipeline_deploy deploy;
	/* Already applied; kept to be shown. */
	struct lang_text extends;
	struct lang_text use;
	struct lang_pairs with;
	struct lang_texts skip;
};

#endif
