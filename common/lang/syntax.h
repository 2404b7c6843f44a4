#ifndef COMMON_LANG_SYNTAX_H
#define COMMON_LANG_SYNTAX_H

/*
 * How single texts of a pipeline file must look: names, globs, schedules, windows. A rule has a pattern that the JSON
 * Schema shows too, a check in C where a pattern is not enough, or both. Private to common/lang.
 */

#include "common/err.h"
#include "common/str.h"

enum lang_syntax {
	SYNTAX_ANY,
	SYNTAX_NAME,        /* of a pipeline, stage, job or service */
	SYNTAX_IDENTIFIER,  /* of an input, output or matrix axis: expressions and variables name it */
	SYNTAX_VARIABLE,    /* of an environment variable that a file may set */
	SYNTAX_SECRET,      /* of a secret: it becomes a variable */
	SYNTAX_LABEL,       /* of a worker */
	SYNTAX_GROUP,       /* of people */
	SYNTAX_ENVIRONMENT, /* "prod", "sandbox/ann" */
	SYNTAX_SHELL,       /* a program */
	SYNTAX_GLOB,        /* of names; a leading "!" takes out again */
	SYNTAX_PATHS,       /* a glob of files below the workspace */
	SYNTAX_PATH,        /* one file below the workspace */
	SYNTAX_CRON,
	SYNTAX_TIME_ZONE,
	SYNTAX_WINDOW,
	SYNTAX_REGEX,
	SYNTAX_TIME,
	SYNTAX_DURATION,
	SYNTAX_VERSIONED, /* NAME@VERSION */
	SYNTAX_COUNT_OF_PEOPLE,
	SYNTAX_ACCOUNT, /* of a person, or a group as the configuration makes it */
	SYNTAX_REPOSITORY,
	SYNTAX_URL, /* http or https */
	SYNTAX_COUNT
};

struct lang_syntax_rule {
	const char *pattern; /* a regular expression that both PCRE and ECMAScript know; NULL: any text */
	const char *words;   /* "a name is ..." */
	const char *format;  /* of the reference: "glob" */
	bool (*check)(struct str text, struct err *err); /* NULL: the pattern is enough */
	/* A word of small letters, digits and these is right without asking the pattern: nearly all names are such. */
	const char *plain;
};

extern const struct lang_syntax_rule lang_syntax_rules[SYNTAX_COUNT];

bool lang_syntax_check(enum lang_syntax syntax, struct str text, struct err *err);

/* The zones of the time zone database, NULL-terminated and sorted. */
extern const char *const lang_time_zones[];

#endif
