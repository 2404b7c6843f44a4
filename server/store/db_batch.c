#include "server/store/db_internal.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

struct db_batch *db_batch_new(struct db *db)
{
	struct db_batch *batch = mem_alloc(sizeof *batch);
	batch->db = db;
	batch->reply = db_reply_new(db);
	return batch;
}

void db_batch_drop(struct db_batch *batch)
{
	arena_done(&batch->arena);
	free(batch);
}

void db_batch_free(struct db_batch *batch)
{
	if (!batch)
		return;
	db_reply_free(batch->reply);
	db_batch_drop(batch);
}

static void add_quoted(struct buf *to, struct str item)
{
	buf_add_char(to, '"');
	for (size_t i = 0; i < item.n; i++) {
		if (item.p[i] == '"' || item.p[i] == '\\')
			buf_add_char(to, '\\');
		buf_add_char(to, item.p[i]);
	}
	buf_add_char(to, '"');
}

void db_array_of_texts(struct buf *to, const struct str *items, size_t count)
{
	buf_add_char(to, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(to, ',');
		if (items[i].p)
			add_quoted(to, items[i]);
		else
			buf_add_c(to, "NULL");
	}
	buf_add_char(to, '}');
}

static void array_of_numbers(struct buf *to, const int64_t *items, size_t count)
{
	buf_add_char(to, '{');
	for (size_t i = 0; i < count; i++)
		buf_addf(to, "%s%lld", i ? "," : "", (long long)items[i]);
	buf_add_char(to, '}');
}

static void array_of_times(struct buf *to, const int64_t *items, size_t count)
{
	char text[CLOCK_TEXT_BYTES] = "NULL";
	buf_add_char(to, '{');
	for (size_t i = 0; i < count; i++) {
		if (items[i])
			clock_format(items[i], text);
		buf_addf(to, "%s%s", i ? "," : "", items[i] ? text : "NULL");
	}
	buf_add_char(to, '}');
}

/* PostgreSQL's text cannot hold a zero byte, and libpq would cut the value there without a word. */
static bool has_zero(struct str text)
{
	return text.n && memchr(text.p, 0, text.n);
}

static struct str encode_array(struct db_batch *batch, const struct db_param *param)
{
	auto_buf text = BUF_INIT(BATCH_MAX_BYTES);
	if (param->kind == DB_PARAM_TEXTS) {
		const struct str *items = param->items;
		for (size_t i = 0; i < param->count; i++)
			if (has_zero(items[i]))
				err_set(&batch->err, ERR_INVALID, "item %zu holds a zero byte", i);
		db_array_of_texts(&text, items, param->count);
	} else if (param->kind == DB_PARAM_TIMES) {
		array_of_times(&text, param->items, param->count);
	} else {
		array_of_numbers(&text, param->items, param->count);
	}
	if (text.is_full)
		err_set(&batch->err, ERR_TOO_LARGE, "more than %d MiB", BATCH_MAX_BYTES >> 20);
	return arena_str(&batch->arena, buf_str(&text));
}

static struct str encode_json(struct db_batch *batch, const json_t *json)
{
	auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		err_set(&batch->err, ERR_INVALID, "not valid JSON");
	return arena_str(&batch->arena, str_of(text));
}

static struct str encode(struct db_batch *batch, const struct db_param *param)
{
	struct arena *arena = &batch->arena;
	char time[CLOCK_TEXT_BYTES];
	switch (param->kind) {
	case DB_PARAM_NULL:
		return (struct str){0};
	case DB_PARAM_I64:
		return arena_printf(arena, "%lld", (long long)param->number);
	case DB_PARAM_F64:
		return arena_printf(arena, "%.17g", param->real);
	case DB_PARAM_BOOL:
		return param->number ? STR("t") : STR("f");
	case DB_PARAM_TIME:
		clock_format(param->number, time);
		return arena_str(arena, str_of(time));
	case DB_PARAM_TEXT:
		if (has_zero(param->text))
			err_set(&batch->err, ERR_INVALID, "holds a zero byte");
		return arena_str(arena, param->text);
	case DB_PARAM_BYTES:
		return arena_str(arena, param->text);
	case DB_PARAM_JSON:
		return encode_json(batch, param->json);
	case DB_PARAM_I64S:
	case DB_PARAM_TEXTS:
	case DB_PARAM_TIMES:
		return encode_array(batch, param);
	}
	BUG("parameter kind %d", (int)param->kind);
}

void db_add_params(struct db_batch *batch, enum query query, const struct db_param *params, size_t count)
{
	const struct db *db = batch->db;
	if ((size_t)query >= db->statement_count)
		BUG("statement %d of %zu", (int)query, db->statement_count);
	const char *name = db->statements[query].name;
	if (count != (size_t)db->param_counts[query])
		BUG("%s takes %d parameters, got %zu", name, db->param_counts[query], count);

	struct db_command *command = arena_new(&batch->arena, struct db_command);
	command->query = (unsigned)query;
	command->count = (int)count;
	command->values = arena_array(&batch->arena, const char *, count);
	command->lengths = arena_array(&batch->arena, int, count);
	command->formats = arena_array(&batch->arena, int, count);
	for (size_t i = 0; i < count; i++) {
		bool was_ok = batch->err.kind == ERR_NONE;
		struct str value = params[i].kind != DB_PARAM_BYTES || params[i].text.n < BATCH_MAX_BYTES
					   ? encode(batch, &params[i])
					   : (struct str){0};
		if (was_ok && batch->err.kind != ERR_NONE)
			err_wrap(&batch->err, "%s: parameter $%zu", name, i + 1);
		command->values[i] = value.p;
		command->lengths[i] = (int)value.n;
		command->formats[i] = params[i].kind == DB_PARAM_BYTES;
		batch->bytes += value.n;
	}
	if (batch->last)
		batch->last->next = command;
	else
		batch->first = command;
	batch->last = command;
	db_reply_expect(batch->reply, command->query);
}
