#include "server/store/db_internal.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BYTEA = 17, MAX_COLUMNS = 96 };

struct db_reply *db_reply_new(const struct db *db)
{
	struct db_reply *reply = mem_alloc(sizeof *reply);
	reply->statements = db->statements;
	return reply;
}

void db_reply_free(struct db_reply *reply)
{
	if (!reply)
		return;
	for (size_t i = 0; i < reply->count; i++)
		PQclear(reply->results[i].result);
	free(reply->results);
	json_decref(reply->documents);
	arena_done(&reply->arena);
	free(reply);
}

void db_reply_expect(struct db_reply *reply, unsigned query)
{
	if (reply->count % 8 == 0)
		reply->results = mem_resize(reply->results, (reply->count + 8) * sizeof *reply->results);
	reply->results[reply->count++] = (struct db_result){.query = query};
}

/* A longer code stands before its class. What is not listed is ours: a wrong statement, a broken expectation. */
static const struct {
	const char *code;
	enum err_kind kind;
} sqlstates[] = {
	{"PS001", ERR_CONFLICT}, /* a guard met a state that was no longer there */
	{"40", ERR_CONFLICT},    /* serialisation failure, deadlock */
	{"23505", ERR_CONFLICT}, /* unique */
	{"23P01", ERR_CONFLICT}, /* exclusion */
	{"23", ERR_INVALID},     /* check, foreign key, not null */
	{"22", ERR_INVALID},     /* a value that does not fit its type */
	{"P0001", ERR_INVALID},  /* raised without a code */
	{"55P03", ERR_TIMEOUT},  /* lock_timeout */
	{"57014", ERR_TIMEOUT},  /* statement_timeout */
	{"53", ERR_BUSY},        /* out of disk, memory, connections */
	{"57", ERR_UPSTREAM},    /* shutting down, starting up */
	{"08", ERR_UPSTREAM},    /* connection */
	{"25006", ERR_UPSTREAM}, /* read only: a standby */
	{"58", ERR_UPSTREAM},    /* the server's own I/O */
};

void db_result_error(const PGresult *result, const char *statement, struct err *err)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	enum err_kind kind = ERR_BUG;
	for (size_t i = 0; code && i < COUNT_OF(sqlstates); i++) {
		if (strncmp(code, sqlstates[i].code, strlen(sqlstates[i].code)) == 0) {
			kind = sqlstates[i].kind;
			break;
		}
	}
	err_set(err, kind, "%s: %s (%s)", statement, text ? text : "failed", code ? code : "no SQLSTATE");
}

void db_reply_fail(struct db_reply *reply, const struct err *err)
{
	if (reply->err.kind == ERR_NONE)
		reply->err = *err;
}

static void take_error(struct db_reply *reply, const PGresult *result, const char *statement)
{
	if (reply->err.kind != ERR_NONE)
		return;
	db_result_error(result, statement, &reply->err);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	snprintf(reply->constraint, sizeof reply->constraint, "%s", constraint ? constraint : "");
}

void db_reply_take(struct db_reply *reply, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool is_ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (reply->taken == reply->count) {
		/* All statements went well, and the commit did not: a deferred trigger raised, a disk is full. */
		BUG_ON(is_ok);
		take_error(reply, result, "commit");
		PQclear(result);
		return;
	}
	struct db_result *slot = &reply->results[reply->taken++];
	if (is_ok) {
		slot->result = result;
		return;
	}
	/* The statements behind a failed one come back as PGRES_PIPELINE_ABORTED: the first error is the one to tell.
	 */
	if (status != PGRES_PIPELINE_ABORTED)
		take_error(reply, result, reply->statements[slot->query].name);
	PQclear(result);
}

const struct err *db_error(const struct db_reply *reply)
{
	return reply->err.kind == ERR_NONE ? NULL : &reply->err;
}

struct str db_constraint(const struct db_reply *reply)
{
	return str_of(reply->constraint);
}

static const char *name_of(const struct db_reply *reply, size_t statement)
{
	return reply->statements[reply->results[statement].query].name;
}

static PGresult *result_of(const struct db_reply *reply, size_t statement)
{
	if (reply->err.kind != ERR_NONE)
		BUG("reading a failed reply: %s", reply->err.text);
	if (statement >= reply->count)
		BUG("statement %zu of %zu", statement, reply->count);
	return reply->results[statement].result;
}

static PGresult *cell_of(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	PGresult *result = result_of(reply, statement);
	if (row >= (size_t)PQntuples(result) || column >= (size_t)PQnfields(result))
		BUG("%s: row %zu of %d, column %zu of %d", name_of(reply, statement), row, PQntuples(result), column,
			PQnfields(result));
	return result;
}

size_t db_row_count(const struct db_reply *reply, size_t statement)
{
	return (size_t)PQntuples(result_of(reply, statement));
}

size_t db_changed_count(const struct db_reply *reply, size_t statement)
{
	int64_t count = 0;
	str_to_i64(str_of(PQcmdTuples(result_of(reply, statement))), &count);
	return (size_t)count;
}

bool db_is_null(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	return PQgetisnull(cell_of(reply, statement, row, column), (int)row, (int)column);
}

static int nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* bytea comes as \x and lower-case hex: bytea_output is set on every connection. */
static struct str decode_bytes(struct str text, struct arena *arena)
{
	BUG_ON(!str_starts(text, STR("\\x")) || text.n % 2 != 0);
	text = str_skip(text, 2);
	char *bytes = arena_alloc(arena, text.n / 2 + 1);
	for (size_t i = 0; i < text.n / 2; i++)
		bytes[i] = (char)(nibble(text.p[2 * i]) << 4 | nibble(text.p[2 * i + 1]));
	return (struct str){bytes, text.n / 2};
}

static struct str text_at(PGresult *result, size_t row, size_t column)
{
	return (struct str){
		PQgetvalue(result, (int)row, (int)column), (size_t)PQgetlength(result, (int)row, (int)column)};
}

struct str db_text(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	PGresult *result = cell_of(reply, statement, row, column);
	if (PQgetisnull(result, (int)row, (int)column))
		return (struct str){0};
	struct str text = text_at(result, row, column);
	if (PQftype(result, (int)column) != OID_BYTEA)
		return text;
	return decode_bytes(text, (struct arena *)(uintptr_t)&reply->arena);
}

int64_t db_i64(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	struct str text = db_text(reply, statement, row, column);
	int64_t number = 0;
	if (text.p && !str_to_i64(text, &number))
		BUG("%s: column %zu is no number: \"%.*s\"", name_of(reply, statement), column, STR_ARG(text));
	return number;
}

bool db_bool(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	struct str text = db_text(reply, statement, row, column);
	if (text.p && !str_is(text, "t") && !str_is(text, "f"))
		BUG("%s: column %zu is no boolean: \"%.*s\"", name_of(reply, statement), column, STR_ARG(text));
	return str_is(text, "t");
}

int64_t db_time(const struct db_reply *reply, size_t statement, size_t row, size_t column)
{
	struct str text = db_text(reply, statement, row, column);
	int64_t when_us = 0;
	if (text.p && !clock_parse(text, &when_us))
		BUG("%s: column %zu is no time: \"%.*s\"", name_of(reply, statement), column, STR_ARG(text));
	return when_us;
}

/* columns[i] is where field i stands. Both ways: a column that nobody reads is as wrong as a field that nobody fills.
 */
static bool match_columns(PGresult *result, const struct field *fields, int columns[MAX_COLUMNS], struct err *err)
{
	size_t count = 0;
	for (const struct field *field = fields; field->name; field++, count++) {
		BUG_ON(count == MAX_COLUMNS);
		columns[count] = -1;
		for (int column = 0; column < PQnfields(result); column++)
			if (strcmp(PQfname(result, column), field->name) == 0)
				columns[count] = column;
		if (columns[count] < 0)
			return err_set(err, ERR_BUG, "the field \"%s\" has no column", field->name);
	}
	for (int column = 0; column < PQnfields(result); column++) {
		size_t i = 0;
		while (i < count && columns[i] != column)
			i++;
		if (i == count)
			return err_set(err, ERR_BUG, "the column \"%s\" has no field", PQfname(result, column));
	}
	return true;
}

/* One dimension, as the server writes it: {plain,"quo\"ted",NULL}. */
static bool read_texts(struct str text, struct str_list *ret, struct arena *arena, struct err *err)
{
	if (text.n < 2 || text.p[0] != '{' || text.p[text.n - 1] != '}')
		return err_set(err, ERR_BUG, "expected an array of texts, got \"%.*s\"", STR_ARG(text));
	struct str_list list = {0};
	const char *p = text.p + 1, *stop = text.p + text.n - 1;
	char *to = arena_alloc(arena, text.n); /* each item and its zero take no more than they do in the text */
	while (p < stop) {
		char *item = to;
		bool is_quoted = *p == '"';
		p += is_quoted;
		while (p < stop && (is_quoted ? *p != '"' : *p != ',')) {
			if (*p == '\\' && p + 1 < stop)
				p++;
			*to++ = *p++;
		}
		p += is_quoted;
		if (p < stop)
			p++; /* the comma */
		struct str value = {item, (size_t)(to++ - item)};
		if (!is_quoted && str_is(value, "NULL"))
			value = (struct str){0};
		list.items = arena_grow(arena, list.items, sizeof *list.items, list.count);
		list.items[list.count++] = value;
	}
	*ret = list;
	return true;
}

static json_t *parse_document(struct db_reply *reply, struct str text, struct err *err)
{
	json_error_t where;
	json_t *document = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
	if (!document) {
		err_set(err, ERR_BUG, "not JSON: %s", where.text);
		return NULL;
	}
	if (!reply->documents)
		reply->documents = json_array();
	json_array_append_new(reply->documents, document);
	return document;
}

static bool read_document(struct db_reply *reply, const struct field *field, struct str text, void *ret,
	struct arena *arena, struct err *err)
{
	json_t *document = parse_document(reply, text, err);
	if (!document)
		return err_wrap(err, "%s", field->name);
	/* Loosely: another version of Penstock may have written it. */
	const struct field one[] = {*field, FIELD_END};
	json_t *object = json_object();
	json_object_set(object, field->name, document);
	bool is_ok = fields_read_loose(one, object, ret, arena, err);
	json_decref(object);
	return is_ok;
}

static bool read_cell(struct db_reply *reply, const struct field *field, struct str text, bool is_bytes, void *ret,
	struct arena *arena, struct err *err)
{
	switch (field->kind) {
	case FIELD_BOOL:
	case FIELD_I32:
	case FIELD_I64:
	case FIELD_F64:
	case FIELD_ENUM_OF:
	case FIELD_TIME:
		return field_from_text(field, text, ret, arena, err);
	case FIELD_STR:
		if (!is_bytes)
			return field_from_text(field, text, ret, arena, err);
		*(struct str *)(void *)((char *)ret + field->offset) = decode_bytes(text, arena);
		return true;
	case FIELD_STRS:
		return read_texts(text, (struct str_list *)(void *)((char *)ret + field->offset), arena, err) ||
		       err_wrap(err, "%s", field->name);
	case FIELD_JSON:
	case FIELD_OBJECT:
	case FIELD_POINTER:
	case FIELD_LIST:
	case FIELD_PAIRS:
		return read_document(reply, field, text, ret, arena, err);
	}
	BUG("field kind %d", (int)field->kind);
}

static bool read_fields(struct db_reply *reply, PGresult *result, size_t row, const struct field *fields,
	const int *columns, void *ret, struct arena *arena, struct err *err)
{
	for (size_t i = 0; fields[i].name; i++) {
		if (PQgetisnull(result, (int)row, columns[i]))
			continue;
		bool is_bytes = PQftype(result, columns[i]) == OID_BYTEA;
		if (!read_cell(
			    reply, &fields[i], text_at(result, row, (size_t)columns[i]), is_bytes, ret, arena, err)) {
			/* The row contradicts the program, whatever a reader of outside data would call it. */
			if (err)
				err->kind = ERR_BUG;
			return false;
		}
	}
	return true;
}

bool db_read_rows(const struct db_reply *reply, size_t statement, const struct field *fields, size_t size,
	void **ret_items, size_t *ret_count, struct arena *arena, struct err *err)
{
	PGresult *result = result_of(reply, statement);
	int columns[MAX_COLUMNS] = {0};
	if (!match_columns(result, fields, columns, err))
		return err_wrap(err, "%s", name_of(reply, statement));
	size_t count = (size_t)PQntuples(result);
	char *items = arena_alloc_array(arena, size, count);
	for (size_t row = 0; row < count; row++)
		if (!read_fields((struct db_reply *)(uintptr_t)reply, result, row, fields, columns, items + row * size,
			    arena, err))
			return err_wrap(err, "%s: row %zu", name_of(reply, statement), row);
	*ret_items = items;
	*ret_count = count;
	return true;
}

bool db_read_row(const struct db_reply *reply, size_t statement, size_t row, const struct field *fields, void *ret,
	struct arena *arena, struct err *err)
{
	PGresult *result = cell_of(reply, statement, row, 0);
	int columns[MAX_COLUMNS] = {0};
	if (!match_columns(result, fields, columns, err))
		return err_wrap(err, "%s", name_of(reply, statement));
	if (!read_fields((struct db_reply *)(uintptr_t)reply, result, row, fields, columns, ret, arena, err))
		return err_wrap(err, "%s: row %zu", name_of(reply, statement), row);
	return true;
}
