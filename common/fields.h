#ifndef COMMON_FIELDS_H
#define COMMON_FIELDS_H

/*
 * One description of a struct, many readers: a table of fields drives reading and writing JSON here, and mapping
 * database rows in the store. Everything read lives in the given arena. Errors carry the path: "jobs[3].timeout_ms:
 * expected a number". Writing and reading the same table gives the same struct.
 *
 *     static const struct field worker_fields[] = {
 *             FIELD(struct worker, id, FIELD_I64, FIELD_REQUIRED),
 *             FIELD_ENUM(struct worker, state, worker_state_names, 0),
 *             FIELD_END,
 *     };
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/str.h"

#include <jansson.h>

enum field_kind {
	FIELD_BOOL,    /* bool */
	FIELD_I32,     /* int32_t */
	FIELD_I64,     /* int64_t */
	FIELD_F64,     /* double */
	FIELD_STR,     /* struct str */
	FIELD_ENUM_OF, /* an enum; `names` maps its values, NULL-terminated */
	FIELD_TIME,    /* int64_t microseconds, RFC 3339 in JSON; 0 is null */
	FIELD_JSON,    /* json_t *, borrowed from the document that was read */
	FIELD_STRS,    /* struct str_list */
	FIELD_OBJECT,  /* a struct, by value, described by `fields` */
	FIELD_POINTER, /* a pointer to a struct described by `fields`, NULL when absent */
	FIELD_LIST,    /* pointer to items at `offset`, size_t count at `count_offset`; items of `size` by `fields` */
	FIELD_PAIRS,   /* struct pair_list: a JSON object of string values, in order */
};

enum {
	FIELD_REQUIRED = 1,   /* reading fails when it is absent */
	FIELD_OMIT_EMPTY = 2, /* writing leaves out 0, false, "", NULL and empty lists */
	FIELD_SECRET = 4,     /* never written to a log or an API answer unless asked */
};

struct pair {
	struct str name;
	struct str value;
};

/* Grown with arena_grow() alone, so that pair_set() may add to any of them. */
struct pair_list {
	struct pair *items;
	size_t count;
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;
	size_t count_offset;
	size_t size;
	const char *const *names;
	const struct field *fields;
};

#define FIELD(type, member, kind_, flags_)                                                                             \
	{                                                                                                              \
		.name = #member, .kind = (kind_), .flags = (flags_), .offset = offsetof(type, member)                  \
	}
/* Where the name outside differs from the member's. */
#define FIELD_AS(type, member, name_, kind_, flags_)                                                                   \
	{                                                                                                              \
		.name = (name_), .kind = (kind_), .flags = (flags_), .offset = offsetof(type, member)                  \
	}
#define FIELD_ENUM(type, member, names_, flags_)                                                                       \
	{                                                                                                              \
		.name = #member, .kind = FIELD_ENUM_OF, .flags = (flags_), .offset = offsetof(type, member),           \
		.names = (names_)                                                                                      \
	}
#define FIELD_STRUCT(type, member, kind_, fields_, flags_)                                                             \
	{                                                                                                              \
		.name = #member, .kind = (kind_), .flags = (flags_), .offset = offsetof(type, member),                 \
		.size = sizeof(*(__typeof__(((type *)0)->member) *)0), .fields = (fields_)                             \
	}
#define FIELD_POINTER_TO(type, member, target, fields_, flags_)                                                        \
	{                                                                                                              \
		.name = #member, .kind = FIELD_POINTER, .flags = (flags_), .offset = offsetof(type, member),           \
		.size = sizeof(target), .fields = (fields_)                                                            \
	}
#define FIELD_LIST_OF(type, member, count_member, item_type, fields_, flags_)                                          \
	{                                                                                                              \
		.name = #member, .kind = FIELD_LIST, .flags = (flags_), .offset = offsetof(type, member),              \
		.count_offset = offsetof(type, count_member), .size = sizeof(item_type), .fields = (fields_)           \
	}
#define FIELD_END                                                                                                      \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* Reads a JSON object into *out (zeroed by the caller, or holding defaults). Unknown names are errors with a
 * suggestion. */
bool fields_read(const struct field *fields, const json_t *object, void *out, struct arena *arena, struct err *err);
/* The same, but unknown names are passed over: for what another version of Penstock wrote. */
bool fields_read_loose(
	const struct field *fields, const json_t *object, void *out, struct arena *arena, struct err *err);
/* A new reference. FIELD_SECRET fields are left out. */
json_t *fields_write(const struct field *fields, const void *in);

/* One value from its text form (a row's column, an environment variable); not for objects and lists. */
bool field_from_text(const struct field *field, struct str text, void *out, struct arena *arena, struct err *err);

bool enum_from_name(const char *const *names, struct str name, int *ret);

/* "" when absent. */
struct str pair_get(const struct pair_list *pairs, struct str name);
bool pair_find(const struct pair_list *pairs, struct str name, struct str *ret);
/* Replaces the value of the name, or adds it behind. */
void pair_set(struct pair_list *pairs, struct arena *arena, struct str name, struct str value);
/* Lists that were grown with arena_grow() alone. */
void str_list_add(struct str_list *list, struct arena *arena, struct str text);
struct str str_list_join(const struct str_list *list, const char *separator, struct arena *arena);

#endif
