#ifndef COMMON_LANG_BLOCK_H
#define COMMON_LANG_BLOCK_H

/*
 * The description of the language: one table per block of a pipeline file, one row per key. Reading, merging, checking
 * of single values, the JSON Schema and the reference tables of docs/language.md all walk these tables, so they cannot
 * disagree. Private to common/lang.
 */

#include "common/lang/pipeline.h"
#include "common/lang/syntax.h"

enum lang_kind {
	LANG_TEXT,        /* struct lang_text */
	LANG_NUMBER,      /* struct lang_number */
	LANG_THOUSANDTHS, /* struct lang_number; a decimal number in the file */
	LANG_REAL,        /* struct lang_real; any decimal number */
	LANG_FLAG,        /* struct lang_flag */
	LANG_DURATION,    /* struct lang_duration */
	LANG_SIZE,        /* struct lang_size */
	LANG_CHOICE,      /* struct lang_choice, by `names` */
	LANG_TEXTS,       /* struct lang_texts */
	LANG_CHOICES,     /* LANG_LIST(struct lang_choice), by `names` */
	LANG_PAIRS,       /* struct lang_pairs; `names`, if given, are the only names allowed */
	LANG_ROWS,        /* LANG_LIST(struct lang_pairs) */
	LANG_BLOCK,       /* a struct by value, by `block` */
	LANG_BLOCKS,      /* LANG_LIST of such structs */
	LANG_NAMED,       /* the same, from a mapping: each struct's second member is its name */
};

enum {
	KEY_REQUIRED = 1,       /* in the finished pipeline; a file that builds on another may leave it to that one */
	KEY_IDENTIFIES = 2,     /* required even so: merging goes by it */
	KEY_MERGES = 4,         /* with that of the base: by name or key by key; without, it replaces */
	KEY_TEMPLATE = 8,       /* may hold ${{ }} */
	KEY_PLANNED = 16,       /* its ${{ }} must be known when the run is planned: nothing of other jobs */
	KEY_ONCE = 512,         /* in the deploy block: worked out once in a run, before any target */
	KEY_CONDITION = 32,     /* a bare expression */
	KEY_SCRIPT = 64,        /* refuses ${{ }} with the advice for scripts */
	KEY_MAY_BE_EMPTY = 128, /* "" is a value */
	KEY_LATER = 256,        /* read, checked and planned, but a run that asks for it is refused in this version */
};

struct lang_block;

struct lang_key {
	const char *name;
	const char *help; /* one sentence */
	enum lang_kind kind;
	unsigned flags;
	size_t offset;
	const char *const *names;
	const struct lang_block *block;
	int64_t min, max; /* of numbers, thousandths, milliseconds, bytes; of lists the least count; max 0: no limit */
	enum lang_syntax syntax;      /* of a text, or each text of a list or pair */
	enum lang_syntax name_syntax; /* of the names of pairs and named blocks */
};

/* What expressions in a block stand in. */
enum lang_scope { LANG_SCOPE_SAME, LANG_SCOPE_STAGE, LANG_SCOPE_JOB, LANG_SCOPE_STEP, LANG_SCOPE_DEPLOY };

enum {
	BLOCK_MAY_BE_NULL = 1, /* `push:` alone means no restriction */
	BLOCK_ONLY_SHORT = 2,  /* written by its shorthand alone: a matrix axis */
	BLOCK_NAMES_KEYS = 4,  /* a text or a list names its keys: `on: [push, manual]` */
};

/* What others write, and the key that it is here; with a blank in it, `ours` is a sentence. */
struct lang_foreign {
	const char *theirs;
	const char *ours;
};

struct lang_block {
	const char *id;    /* in the schema and as the heading of the reference: "stage" */
	const char *title; /* with its article: "a stage" */
	const char *help;
	size_t size;
	unsigned flags;
	enum lang_scope scope;
	const struct lang_key *keys; /* ends with a NULL name */
	const struct lang_key *rest; /* LANG_NAMED: takes the keys that `keys` does not know */
	const char *shorthand;       /* a text or list stands for this key */
	const char *word;            /* a plain word that may stand for the block, and the bool that it sets */
	size_t word_offset;
	const char *const *one_of;          /* exactly one of these keys, NULL-terminated */
	const struct lang_foreign *foreign; /* ends with NULL */
};

extern const struct lang_block lang_pipeline_block;      /* the root: all others hang below it */
extern const struct lang_block lang_configuration_block; /* the root of the other document: configuration.h */
extern const struct lang_block lang_alarm_block;
extern const struct lang_block lang_job_block;
extern const struct lang_block lang_test_block;
extern const struct lang_block lang_step_block;
extern const struct lang_block lang_stage_block;
extern const struct lang_block lang_gate_block;
extern const struct lang_block lang_deploy_block;
extern const struct lang_block lang_retry_block;
extern const struct lang_block lang_resources_block;
extern const struct lang_block lang_id_token_block;

/* Keys of a stage that mean nothing without an environment; NULL-terminated. */
extern const char *const lang_delivery_keys[];

/* Shared by all LANG_LISTs of structs. */
struct lang_items {
	struct lang_place at;
	void *items;
	size_t count;
};

/* Entries of one list or mapping. */
enum { LANG_ITEMS_MAX = 1000 };

const struct lang_key *lang_find_key(const struct lang_block *block, struct str name);
size_t lang_kind_size(const struct lang_key *key);
static inline void *lang_member(const struct lang_key *key, const void *base)
{
	return (char *)(uintptr_t)base + key->offset;
}
static inline bool lang_is_set(const struct lang_key *key, const void *base)
{
	return ((const struct lang_place *)lang_member(key, base))->line != 0;
}

/* What follows the kind: the help sentence, then further members by name. */
#define KEY(type, member, kind_, ...)                                                                                  \
	{                                                                                                              \
		.name = #member, .kind = (kind_), .offset = offsetof(type, member), .help = __VA_ARGS__                \
	}
#define KEY_AS(type, member, name_, kind_, ...)                                                                        \
	{                                                                                                              \
		.name = (name_), .kind = (kind_), .offset = offsetof(type, member), .help = __VA_ARGS__                \
	}
#define KEY_END                                                                                                        \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

#endif
