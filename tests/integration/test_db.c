// links: penstock_store penstock_test_pg
#include "server/store/db.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "tests/support/pg.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* The driver against a real PostgreSQL, with statements of its own in place of the product's. */

static const char schema[] =
	"create table item (id bigint primary key, name text not null constraint item_name unique,"
	"	n bigint not null default 0 constraint item_n check (n >= 0), made bigint generated always as identity);"
	"create function expect_rows(actual bigint, expected bigint) returns void language plpgsql as $$ begin"
	"	if actual is distinct from expected then raise exception 'item is stale' using errcode = 'PS001'; end if;"
	"end $$;"
	"create function raise_code(code text) returns void language plpgsql as $$ begin"
	"	raise exception 'raised' using errcode = code;"
	"end $$;"
	"create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;"
	"create constraint trigger late after insert on item deferrable initially deferred for each row when (new.name = 'late')"
	"	execute function refuse()";

enum {
	ITEM_INSERT,
	ITEM_BUMP,
	ITEM_LIST,
	ITEM_COUNT,
	ECHO_VALUES,
	ECHO_ARRAYS,
	NUMBER,
	TEXT,
	SLEEP,
	MATCH,
	DIVIDE,
	LOCK_ITEM,
	RAISE,
	STATEMENT_COUNT,
};
#define Q(statement) ((enum query)(statement))

/* Initialisers for tables; STR() and its like are no constants. */
#define LIT(literal)                                                                                                   \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}
#define TEXT_OF(text_)                                                                                                 \
	{                                                                                                              \
		.kind = DB_PARAM_TEXT, .text = LIT(text_)                                                              \
	}
#define I64_OF(value)                                                                                                  \
	{                                                                                                              \
		.kind = DB_PARAM_I64, .number = (value)                                                                \
	}
#define NULL_OF                                                                                                        \
	{                                                                                                              \
		.kind = DB_PARAM_NULL                                                                                  \
	}

static const struct db_statement statements[STATEMENT_COUNT + 1] = {
	[ITEM_INSERT] = {.name = "item_insert", .text = "insert into item (id, name, n) values ($1, $2, $3)"},
	/* A guarded write, as the product's are. */
	[ITEM_BUMP] = {.name = "item_bump",
		.text = "with bumped as (update item set n = n + 1 where id = $1 and n = $2 returning 1)"
			"select expect_rows((select count(*) from bumped), 1)"},
	[ITEM_LIST] = {.name = "item_list", .text = "select id, name from item order by made"},
	[ITEM_COUNT] = {.name = "item_count", .text = "select count(*) from item"},
	[ECHO_VALUES] = {.name = "echo",
		.text = "select $1::bigint as number, $2::float8 as real, $3::boolean as flag, $4::text as text,"
			"	$5::bytea as bytes, $6::timestamptz as at, $7::jsonb as document, $8::text as color,"
			"	$7::jsonb as pairs",
		.is_planned_each_time = true},
	[ECHO_ARRAYS] = {.name = "echo_arrays",
		.text = "select $1::text[] as texts, $2::bigint[]::text[] as numbers,"
			"	(select array_agg(extract(epoch from t)::bigint::text)"
			"		from unnest($3::timestamptz[]) as t) as times"},
	[NUMBER] = {.name = "number", .text = "select $1::integer as number"},
	[TEXT] = {.name = "text", .text = "select $1::text as text"},
	[SLEEP] = {.name = "sleep", .text = "select pg_sleep($1)::text"},
	[MATCH] = {.name = "match", .text = "select 1 as id, 'x' as name, 2 as more"},
	[DIVIDE] = {.name = "divide", .text = "select 1 / $1::integer", .is_planned_each_time = true},
	[LOCK_ITEM] = {.name = "lock_item", .text = "select id from item where id = $1 for update"},
	[RAISE] = {.name = "raise", .text = "select raise_code($1)"},
};

static uv_loop_t loop;
static char *url;
static struct db *db;

static void open_with(struct db_options options)
{
	struct err err;
	options.url = url;
	if (!options.connections)
		options.connections = 1;
	if (!options.statements)
		options.statements = statements;
	if (!db_open(&loop, &options, &db, &err))
		ck_abort_msg("db_open: %s", err.text);
}

static void set_up(void)
{
	uv_loop_init(&loop);
	url = test_pg_empty_database();
	test_pg_run(url, schema);
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
	uv_stop(&loop);
}

static void close_db(void)
{
	bool is_closed = false;
	db_close(db, set_flag, &is_closed);
	db = NULL;
	while (!is_closed)
		uv_run(&loop, UV_RUN_DEFAULT);
}

static void tear_down(void)
{
	if (db)
		close_db();
	ck_assert_int_eq(uv_loop_close(&loop), 0); /* no handle is left */
	test_pg_drop(url);
}

/* One batch whose reply a test waits for. */
struct wait {
	struct db_reply *reply;
	int times;
};

static void keep(void *arg, struct db_reply *reply)
{
	struct wait *wait = arg;
	wait->reply = reply;
	wait->times++;
	uv_stop(&loop);
}

static struct db_reply *finish(struct wait *wait)
{
	while (!wait->times)
		uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(wait->times, 1);
	return wait->reply;
}

static struct db_reply *run(struct db_batch *batch)
{
	struct wait wait = {0};
	db_submit(batch, keep, &wait);
	ck_assert_int_eq(wait.times, 0); /* never inside the call */
	return finish(&wait);
}

static void assert_fine(const struct db_reply *reply)
{
	const struct err *err = db_error(reply);
	ck_assert_msg(!err, "%s", err ? err->text : "");
}

static int64_t count_items(void)
{
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ITEM_COUNT));
	struct db_reply *reply = run(batch);
	assert_fine(reply);
	int64_t count = db_i64(reply, 0, 0, 0);
	db_reply_free(reply);
	return count;
}

enum color { RED, GREEN };
static const char *const color_names[] = {"red", "green", NULL};

struct row {
	int64_t number;
	double real;
	bool flag;
	struct str text;
	struct str bytes;
	int64_t at;
	const json_t *document;
	enum color color;
	struct pair_list pairs;
};

static const struct field row_fields[] = {
	FIELD(struct row, number, FIELD_I64, 0),
	FIELD(struct row, real, FIELD_F64, 0),
	FIELD(struct row, flag, FIELD_BOOL, 0),
	FIELD(struct row, text, FIELD_STR, 0),
	FIELD(struct row, bytes, FIELD_STR, 0),
	FIELD(struct row, at, FIELD_TIME, 0),
	FIELD(struct row, document, FIELD_JSON, 0),
	FIELD_ENUM(struct row, color, color_names, 0),
	FIELD(struct row, pairs, FIELD_PAIRS, 0),
	FIELD_END,
};

static const struct {
	int64_t number;
	double real;
	bool flag;
	struct str text;
	struct str bytes;
	int64_t at_us;
	const char *document;
	const char *color;
} values[] = {
	{1, 0.5, true, LIT("plain"), LIT("bytes"), 1795248073000042, "{\"a\": \"b\"}", "green"},
	/* the ends of the ranges; a double that needs all its digits; what SQL, arrays and JSON would quote */
	{INT64_MIN, 0.1, false, LIT("'; drop table item; -- \\ \" \xc3\xa4\n"), LIT("\0\xff\\x00"), 1,
		"{\"quo\\\"te\": \"\\u00e4\"}", "red"},
	{INT64_MAX, -1e300, true, LIT("{a,NULL}"), LIT(""), 253402300799999999, "{}", "red"},
	{0, 0, false, LIT(""), LIT("\\x"), -1, "{\"\": \"\"}", "red"}, /* an empty text is not null; before 1970 */
};

START_TEST(values_come_back)
{
	open_with((struct db_options){0});
	json_t *document = json_loads(values[_i].document, 0, NULL);
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ECHO_VALUES), DB_I64(values[_i].number), DB_F64(values[_i].real), DB_BOOL(values[_i].flag),
		DB_TEXT(values[_i].text), DB_BYTES(values[_i].bytes), DB_TIME(values[_i].at_us), DB_JSON(document),
		DB_TEXT(str_of(values[_i].color)));
	struct db_reply *reply = run(batch);
	assert_fine(reply);

	auto_arena arena = {0};
	struct err err;
	struct row row = {0};
	ck_assert_msg(db_read_row(reply, 0, 0, row_fields, &row, &arena, &err), "%s", err.text);
	ck_assert_int_eq(row.number, values[_i].number);
	ck_assert_double_eq(row.real, values[_i].real);
	ck_assert_int_eq(row.flag, values[_i].flag);
	ck_assert(str_eq(row.text, values[_i].text));
	ck_assert(str_eq(row.bytes, values[_i].bytes));
	ck_assert_int_eq(row.at, values[_i].at_us);
	ck_assert(json_equal(row.document, document));
	ck_assert_pstr_eq(color_names[row.color], values[_i].color);
	ck_assert_uint_eq(row.pairs.count, json_object_size(document));
	/* The accessors say the same. */
	ck_assert_int_eq(db_i64(reply, 0, 0, 0), row.number);
	ck_assert_int_eq(db_bool(reply, 0, 0, 2), row.flag);
	ck_assert(str_eq(db_text(reply, 0, 0, 4), row.bytes));
	ck_assert_int_eq(db_time(reply, 0, 0, 5), row.at);
	ck_assert(!db_is_null(reply, 0, 0, 3));
	db_reply_free(reply);
	json_decref(document);
}
END_TEST

START_TEST(nulls_come_back)
{
	open_with((struct db_options){0});
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ECHO_VALUES), DB_ID_OR_NULL(0), DB_NULL, DB_NULL, DB_TEXT_OR_NULL(STR("")), DB_NULL, DB_TIME(0),
		DB_JSON(NULL), DB_NULL);
	struct db_reply *reply = run(batch);
	assert_fine(reply);
	auto_arena arena = {0};
	struct row row = {.number = 7, .color = GREEN};
	ck_assert(db_read_row(reply, 0, 0, row_fields, &row, &arena, NULL));
	ck_assert_int_eq(row.number, 7); /* what the caller had put there */
	ck_assert_int_eq(row.color, GREEN);
	ck_assert_ptr_null(row.text.p);
	ck_assert_ptr_null(row.document);
	for (size_t column = 0; column < 9; column++)
		ck_assert(db_is_null(reply, 0, 0, column));
	ck_assert_int_eq(db_i64(reply, 0, 0, 0), 0);
	ck_assert_ptr_null(db_text(reply, 0, 0, 3).p);
	ck_assert_int_eq(db_time(reply, 0, 0, 5), 0);
	db_reply_free(reply);
}
END_TEST

struct lists {
	struct str_list texts, numbers, times;
};

static const struct field list_fields[] = {
	FIELD(struct lists, texts, FIELD_STRS, 0),
	FIELD(struct lists, numbers, FIELD_STRS, 0),
	FIELD(struct lists, times, FIELD_STRS, 0),
	FIELD_END,
};

START_TEST(arrays_come_back)
{
	static const struct str texts[] = {LIT("a"), LIT(""), {0}, LIT("NULL"), LIT("b,c"), LIT("{\"\\}"), LIT(" ")};
	static const int64_t numbers[] = {INT64_MIN, 0, INT64_MAX};
	static const int64_t times[] = {1000000, 0};
	open_with((struct db_options){0});
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ECHO_ARRAYS), DB_TEXTS(texts, COUNT_OF(texts)), DB_I64S(numbers, COUNT_OF(numbers)),
		DB_TIMES(times, COUNT_OF(times)));
	db_add(batch, Q(ECHO_ARRAYS), DB_TEXTS(NULL, 0), DB_I64S(NULL, 0), DB_TIMES(NULL, 0));
	struct db_reply *reply = run(batch);
	assert_fine(reply);

	auto_arena arena = {0};
	struct err err;
	struct lists lists = {0};
	ck_assert_msg(db_read_row(reply, 0, 0, list_fields, &lists, &arena, &err), "%s", err.text);
	ck_assert_uint_eq(lists.texts.count, COUNT_OF(texts));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ck_assert(str_eq(lists.texts.items[i], texts[i]));
		ck_assert_int_eq(!lists.texts.items[i].p, !texts[i].p); /* null and "" stay apart */
	}
	ck_assert_uint_eq(lists.numbers.count, 3);
	ck_assert(str_is(lists.numbers.items[0], "-9223372036854775808"));
	ck_assert(str_is(lists.numbers.items[2], "9223372036854775807"));
	ck_assert_uint_eq(lists.times.count, 2);
	ck_assert(str_is(lists.times.items[0], "1"));
	ck_assert_ptr_null(lists.times.items[1].p);

	struct lists none = {0};
	ck_assert(db_read_row(reply, 1, 0, list_fields, &none, &arena, &err));
	ck_assert_uint_eq(none.texts.count + none.numbers.count + none.times.count, 0);
	db_reply_free(reply);
}
END_TEST

struct item {
	int64_t id;
	struct str name;
};

static const struct field item_fields[] = {
	FIELD(struct item, id, FIELD_I64, 0),
	FIELD(struct item, name, FIELD_STR, 0),
	FIELD_END,
};

START_TEST(a_batch_is_one_transaction)
{
	open_with((struct db_options){.connections = 2});
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ITEM_INSERT), DB_I64(1), DB_TEXT(STR("one")), DB_I64(0));
	db_add(batch, Q(ITEM_INSERT), DB_I64(2), DB_TEXT(STR("two")), DB_I64(0));
	db_add(batch, Q(ITEM_LIST));
	struct db_reply *reply = run(batch);
	assert_fine(reply);
	ck_assert_uint_eq(db_row_count(reply, 0), 0);
	ck_assert_uint_eq(db_changed_count(reply, 0), 1);
	auto_arena arena = {0};
	struct err err;
	void *items;
	size_t count;
	ck_assert_msg(
		db_read_rows(reply, 2, item_fields, sizeof(struct item), &items, &count, &arena, &err), "%s", err.text);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(((struct item *)items)[1].id, 2);
	ck_assert(str_is(((struct item *)items)[1].name, "two"));
	db_reply_free(reply);

	/* The guard raises last: nothing of its batch stays. */
	batch = db_batch_new(db);
	db_add(batch, Q(ITEM_INSERT), DB_I64(3), DB_TEXT(STR("three")), DB_I64(0));
	db_add(batch, Q(ITEM_BUMP), DB_I64(1), DB_I64(0));
	db_add(batch, Q(ITEM_BUMP), DB_I64(2), DB_I64(41));
	db_add(batch, Q(ITEM_LIST));
	reply = run(batch);
	ck_assert_ptr_nonnull(db_error(reply));
	ck_assert_int_eq(db_error(reply)->kind, ERR_CONFLICT);
	ck_assert_pstr_eq(db_error(reply)->text, "item_bump: item is stale (PS001)");
	db_reply_free(reply);
	ck_assert_int_eq(count_items(), 2);

	/* And the connection goes on: the bump of item 1 was rolled back, so its n is still 0. */
	batch = db_batch_new(db);
	db_add(batch, Q(ITEM_BUMP), DB_I64(1), DB_I64(0));
	reply = run(batch);
	assert_fine(reply);
	db_reply_free(reply);
}
END_TEST

START_TEST(an_empty_batch_completes)
{
	open_with((struct db_options){0});
	struct db_reply *reply = run(db_batch_new(db));
	assert_fine(reply);
	db_reply_free(reply);
	db_batch_free(db_batch_new(db)); /* one that is never submitted */
}
END_TEST

static const struct {
	int statement;
	struct db_param params[3];
	size_t count;
	enum err_kind kind;
	const char *text;
	const char *constraint;
} failures[] = {
	{ITEM_INSERT, {I64_OF(2), TEXT_OF("one"), I64_OF(0)}, 3, ERR_CONFLICT, "(23505)", "item_name"}, /* unique */
	{ITEM_INSERT, {I64_OF(1), TEXT_OF("two"), I64_OF(0)}, 3, ERR_CONFLICT, "(23505)", "item_pkey"},
	{ITEM_INSERT, {I64_OF(2), TEXT_OF("two"), I64_OF(-1)}, 3, ERR_INVALID, "(23514)", "item_n"}, /* check */
	{ITEM_INSERT, {I64_OF(2), NULL_OF, I64_OF(0)}, 3, ERR_INVALID, "(23502)", ""},               /* not null */
	{NUMBER, {I64_OF(INT64_MAX)}, 1, ERR_INVALID, "(22003)", ""}, /* does not fit an integer */
	{NUMBER, {TEXT_OF("seven")}, 1, ERR_INVALID, "(22P02)", ""},
	{TEXT, {TEXT_OF("\xff")}, 1, ERR_INVALID, "(22021)", ""}, /* not UTF-8 */
	{TEXT, {TEXT_OF("a\0b")}, 1, ERR_INVALID, "text: parameter $1: holds a zero byte", ""},
	{DIVIDE, {I64_OF(0)}, 1, ERR_INVALID, "(22012)", ""},
	{ITEM_BUMP, {I64_OF(9), I64_OF(0)}, 2, ERR_CONFLICT, "(PS001)", ""}, /* a guard on a row that is not there */
	/* only the commit fails */
	{ITEM_INSERT, {I64_OF(2), TEXT_OF("late"), I64_OF(0)}, 3, ERR_INVALID, "commit: refused (P0001)", ""},
};

START_TEST(failures_have_kinds)
{
	test_pg_run(url, "insert into item (id, name) values (1, 'one')");
	open_with((struct db_options){0});
	struct db_batch *batch = db_batch_new(db);
	db_add_params(batch, Q(failures[_i].statement), failures[_i].params, failures[_i].count);
	struct db_reply *reply = run(batch);
	ck_assert_ptr_nonnull(db_error(reply));
	ck_assert_msg(db_error(reply)->kind == failures[_i].kind && strstr(db_error(reply)->text, failures[_i].text),
		"%s: %s", err_kind_name(db_error(reply)->kind), db_error(reply)->text);
	ck_assert(str_is(db_constraint(reply), failures[_i].constraint));
	db_reply_free(reply);
	ck_assert_int_eq(count_items(), 1);
}
END_TEST

static const struct {
	const char *code;
	enum err_kind kind;
} codes[] = {
	{"PS001", ERR_CONFLICT}, /* the guards' */
	{"40001", ERR_CONFLICT}, /* serialisation failure */
	{"40P01", ERR_CONFLICT}, /* deadlock */
	{"23P01", ERR_CONFLICT}, /* exclusion */
	{"23503", ERR_INVALID},  /* foreign key */
	{"P0001", ERR_INVALID},  /* raised without a code */
	{"53100", ERR_BUSY},     /* disk full */
	{"55P03", ERR_TIMEOUT},  /* lock_timeout */
	{"57014", ERR_TIMEOUT},  /* statement_timeout */
	{"57P01", ERR_UPSTREAM}, /* shutting down */
	{"25006", ERR_UPSTREAM}, /* a standby */
	{"58030", ERR_UPSTREAM}, /* the server's I/O */
	{"42883", ERR_BUG},      /* no such function */
	{"XX000", ERR_BUG},      /* internal error */
};

START_TEST(codes_have_kinds)
{
	open_with((struct db_options){0});
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(RAISE), DB_TEXT(str_of(codes[_i].code)));
	struct db_reply *reply = run(batch);
	ck_assert_ptr_nonnull(db_error(reply));
	ck_assert_int_eq(db_error(reply)->kind, codes[_i].kind);
	ck_assert_ptr_nonnull(strstr(db_error(reply)->text, codes[_i].code));
	db_reply_free(reply);
	ck_assert_int_eq(count_items(), 0); /* the connection goes on */
}
END_TEST

static const struct field without_more[] = {
	FIELD(struct item, id, FIELD_I64, 0),
	FIELD(struct item, name, FIELD_STR, 0),
	FIELD_END,
};
static const struct field with_other[] = {
	FIELD(struct item, id, FIELD_I64, 0),
	FIELD(struct item, name, FIELD_STR, 0),
	FIELD_AS(struct item, name, "other", FIELD_STR, 0),
	FIELD_AS(struct item, id, "more", FIELD_I64, 0),
	FIELD_END,
};
static const struct field with_wrong_type[] = {
	FIELD(struct item, id, FIELD_I64, 0),
	FIELD_AS(struct item, id, "name", FIELD_I64, 0),
	FIELD_AS(struct item, id, "more", FIELD_I64, 0),
	FIELD_END,
};

static const struct {
	const struct field *fields;
	const char *text;
} mismatches[] = {
	{without_more, "match: the column \"more\" has no field"},
	{with_other, "match: the field \"other\" has no column"},
	{with_wrong_type, "match: row 0: name: expected a number, got \"x\""},
};

START_TEST(rows_and_tables_must_match)
{
	open_with((struct db_options){0});
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(MATCH));
	struct db_reply *reply = run(batch);
	assert_fine(reply);
	auto_arena arena = {0};
	struct item item;
	struct err err;
	void *items = NULL;
	size_t count = 7;
	ck_assert(!db_read_row(reply, 0, 0, mismatches[_i].fields, &item, &arena, &err));
	ck_assert_pstr_eq(err.text, mismatches[_i].text);
	ck_assert_int_eq(err.kind, ERR_BUG);
	ck_assert(!db_read_rows(reply, 0, mismatches[_i].fields, sizeof item, &items, &count, &arena, &err));
	ck_assert_pstr_eq(err.text, mismatches[_i].text);
	ck_assert_ptr_null(items);
	ck_assert_uint_eq(count, 7);
	db_reply_free(reply);
}
END_TEST

START_TEST(a_wrong_count_of_parameters_is_a_bug)
{
	open_with((struct db_options){0});
	db_add(db_batch_new(db), Q(ITEM_BUMP), DB_I64(1));
}
END_TEST

static const struct {
	const char *sql;
	const char *text;
} wrong_statements[] = {
	{"select no_such from item", "prepare, at character 8: second: column \"no_such\" does not exist (42703)"},
	{"selec 1", "prepare, at character 1: second: syntax error at or near \"selec\" (42601)"},
};

START_TEST(a_wrong_statement_stops_the_start)
{
	const struct db_statement list[] = {{"first", "select 1", false}, {"second", wrong_statements[_i].sql, false},
		{"third", "select 1", false}, {0}};
	struct err err;
	ck_assert(!db_open(&loop, &(struct db_options){.url = url, .connections = 1, .statements = list}, &db, &err));
	ck_assert_pstr_eq(err.text, wrong_statements[_i].text);
}
END_TEST

START_TEST(an_unreachable_server_stops_the_start)
{
	struct err err;
	const struct db_options options = {
		.url = "host=/nonexistent user=x", .connections = 1, .statements = statements};
	ck_assert(!db_open(&loop, &options, &db, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent"));
}
END_TEST

enum { MANY = 10000 };

struct many {
	int64_t next, done;
};

static void on_one_of_many(void *arg, struct db_reply *reply)
{
	struct many *many = arg;
	assert_fine(reply);
	ck_assert_int_eq(db_i64(reply, 1, 0, 0), many->done); /* in the order of db_submit() */
	if (++many->done == MANY)
		uv_stop(&loop);
	db_reply_free(reply);
}

START_TEST(many_batches_keep_their_order)
{
	open_with((struct db_options){0});
	struct many many = {0};
	for (; many.next < MANY; many.next++) {
		struct db_batch *batch = db_batch_new(db);
		auto_buf name = BUF_INIT(32);
		buf_addf(&name, "item %d", (int)many.next);
		db_add(batch, Q(ITEM_INSERT), DB_I64(many.next), DB_TEXT(buf_str(&name)), DB_I64(0));
		db_add(batch, Q(NUMBER), DB_I64(many.next));
		db_submit(batch, on_one_of_many, &many);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(many.done, MANY);
	auto_free char *count = test_pg_value(url, "select count(*) from item");
	ck_assert_pstr_eq(count, "10000");
	auto_free char *disordered = test_pg_value(url,
		"select count(*) from (select id, row_number() over (order by made) - 1 as place from item) as i where id <> place");
	ck_assert_pstr_eq(disordered, "0");
}
END_TEST

/* Larger than any socket's buffer, both ways: the driver must read while it writes. */
START_TEST(large_values_pass)
{
	enum { BYTES = 8 << 20, BATCHES = 4 };
	open_with((struct db_options){0});
	auto_free char *text = mem_alloc(BYTES);
	memset(text, 'x', BYTES);
	struct wait waits[BATCHES] = {0};
	for (int i = 0; i < BATCHES; i++) {
		struct db_batch *batch = db_batch_new(db);
		db_add(batch, Q(TEXT), DB_TEXT(((struct str){text, BYTES})));
		db_submit(batch, keep, &waits[i]);
	}
	for (int i = 0; i < BATCHES; i++) {
		struct db_reply *reply = finish(&waits[i]);
		assert_fine(reply);
		ck_assert_uint_eq(db_text(reply, 0, 0, 0).n, BYTES);
		db_reply_free(reply);
	}
}
END_TEST

/* Ends the driver's connections; repeats until at least one that runs pg_sleep was found. */
static void kill_sleeper(void)
{
	for (bool is_dead = false; !is_dead;) {
		uv_run(&loop, UV_RUN_NOWAIT);
		auto_free char *killed = test_pg_value(url,
			"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
			"	and pid <> pg_backend_pid() and state = 'active' and query like 'select pg_sleep%'");
		is_dead = strcmp(killed, "1") == 0;
	}
}

START_TEST(a_killed_connection_comes_back)
{
	enum { BATCHES = 200 };
	open_with((struct db_options){0});
	struct wait before = {0}, sleeper = {0}, waits[BATCHES] = {0};
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ITEM_INSERT), DB_I64(1), DB_TEXT(STR("before")), DB_I64(0));
	db_submit(batch, keep, &before);
	batch = db_batch_new(db);
	db_add(batch, Q(ITEM_INSERT), DB_I64(2), DB_TEXT(STR("rolled back")), DB_I64(0));
	db_add(batch, Q(SLEEP), DB_I64(600));
	db_submit(batch, keep, &sleeper);
	for (int i = 0; i < BATCHES; i++) {
		batch = db_batch_new(db);
		db_add(batch, Q(NUMBER), DB_I64(i));
		db_submit(batch, keep, &waits[i]);
	}
	kill_sleeper();

	/* What was committed before stays known, what was on its way is unknown, what waited is not hurt. */
	struct db_reply *reply = finish(&before);
	assert_fine(reply);
	db_reply_free(reply);
	reply = finish(&sleeper);
	ck_assert_int_eq(db_error(reply)->kind, ERR_UPSTREAM);
	ck_assert_msg(strncmp(db_error(reply)->text, "outcome unknown: ", 17) == 0, "%s", db_error(reply)->text);
	ck_assert_ptr_nonnull(strstr(db_error(reply)->text, "administrator command"));
	db_reply_free(reply);
	int unknown = 0;
	for (int i = 0; i < BATCHES; i++) {
		reply = finish(&waits[i]);
		unknown += db_error(reply) != NULL;
		ck_assert(!db_error(reply) || db_error(reply)->kind == ERR_UPSTREAM);
		db_reply_free(reply);
	}
	ck_assert_int_gt(unknown, 0);
	ck_assert_int_lt(unknown, BATCHES / 2);
	ck_assert(db_is_up(db));
	ck_assert_int_eq(count_items(), 1);
}
END_TEST

START_TEST(a_restarted_server_is_found_again)
{
	open_with((struct db_options){.connections = 2, .max_waiting = 3});
	ck_assert_int_eq(count_items(), 0);
	test_pg_crash();
	while (db_is_up(db))
		uv_run(&loop, UV_RUN_ONCE);

	struct wait waits[4] = {0};
	for (int i = 0; i < 4; i++) {
		struct db_batch *batch = db_batch_new(db);
		db_add(batch, Q(NUMBER), DB_I64(i));
		db_submit(batch, keep, &waits[i]);
	}
	struct db_reply *reply = finish(&waits[3]); /* one above the ceiling */
	ck_assert_int_eq(db_error(reply)->kind, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(db_error(reply)->text, "the database is down: "));
	db_reply_free(reply);
	ck_assert_int_eq(waits[0].times, 0);

	test_pg_start();
	for (int i = 0; i < 3; i++) {
		reply = finish(&waits[i]);
		assert_fine(reply);
		ck_assert_int_eq(db_i64(reply, 0, 0, 0), i);
		db_reply_free(reply);
	}
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
	open_with((struct db_options){.max_wait_ms = 100});
	test_pg_crash();
	while (db_is_up(db))
		uv_run(&loop, UV_RUN_ONCE);
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(NUMBER), DB_I64(1));
	struct db_reply *reply = run(batch);
	ck_assert_int_eq(db_error(reply)->kind, ERR_BUSY);
	ck_assert_msg(
		strncmp(db_error(reply)->text, "waited too long for a connection, the database is down: ", 56) == 0,
		"%s", db_error(reply)->text);
	db_reply_free(reply);
	test_pg_start();
}
END_TEST

static const struct {
	const char *spoil, *text, *mend;
} obstacles[] = {
	/* the server refuses the connection */
	{"alter role visitor nologin", "role \"visitor\" is not permitted to log in", "alter role visitor login"},
	/* the connection opens, a statement cannot be prepared any more */
	{"alter table item rename to hidden", "relation \"item\" does not exist", "alter table hidden rename to item"},
};

START_TEST(attempts_go_on_until_one_works)
{
	auto_buf visitor = BUF_INIT(512);
	const char *user = strstr(url, "user=postgres");
	ck_assert_ptr_nonnull(user);
	buf_addf(&visitor, "%.*suser=visitor", (int)(user - url), url);
	test_pg_run(url, "create role visitor login superuser");
	struct err err;
	const struct db_options options = {
		.url = buf_c(&visitor), .connections = 1, .statements = statements, .max_wait_ms = 2000};
	ck_assert_msg(db_open(&loop, &options, &db, &err), "%s", err.text);

	test_pg_run(url, obstacles[_i].spoil);
	test_pg_run(url, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'visitor'");
	while (db_is_up(db))
		uv_run(&loop, UV_RUN_ONCE);
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ITEM_COUNT));
	struct db_reply *reply = run(batch);
	ck_assert_int_eq(db_error(reply)->kind, ERR_BUSY);
	ck_assert_msg(strstr(db_error(reply)->text, obstacles[_i].text), "%s", db_error(reply)->text);
	db_reply_free(reply);

	test_pg_run(url, obstacles[_i].mend);
	while (!db_is_up(db))
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(count_items(), 0);
	close_db();
	test_pg_run(url, "drop role visitor");
}
END_TEST

START_TEST(closing_completes_what_is_under_way)
{
	open_with((struct db_options){0});
	struct wait sleeper = {0}, waits[100] = {0};
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(SLEEP), DB_I64(600));
	db_submit(batch, keep, &sleeper);
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		batch = db_batch_new(db);
		db_add(batch, Q(NUMBER), DB_I64(1));
		db_submit(batch, keep, &waits[i]);
	}
	close_db();
	ck_assert_int_eq(sleeper.times, 1);
	ck_assert_int_eq(db_error(sleeper.reply)->kind, ERR_UPSTREAM);
	db_reply_free(sleeper.reply);
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		ck_assert_int_eq(waits[i].times, 1);
		ck_assert_ptr_nonnull(db_error(waits[i].reply));
		db_reply_free(waits[i].reply);
	}
}
END_TEST

/* What a listener heard, payloads between bars. */
static void hear(void *arg, struct str payload)
{
	struct buf *heard = arg;
	buf_addf(heard, "%.*s|", STR_ARG(payload));
	uv_stop(&loop);
}

static void wait_for(const struct buf *heard, const char *text)
{
	while (!heard->p || strcmp(heard->p, text) != 0) {
		ck_assert_msg(heard->n <= strlen(text), "heard %s", heard->p);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
}

START_TEST(notifications_reach_the_others)
{
	auto_buf here = BUF_INIT(1024), there = BUF_INIT(1024);
	open_with((struct db_options){.channel = "Penstock \"q", .on_notify = hear, .arg = &there});
	struct db *other = db;
	open_with((struct db_options){.channel = "Penstock \"q", .on_notify = hear, .arg = &here});
	wait_for(&there, "|"); /* connected: look at the rows */
	wait_for(&here, "|");

	db_notify(db, STR("run 1"));
	db_notify(db, STR("run 2, {\"quoted\"}"));
	db_notify(db, STR("run 1")); /* told once */
	wait_for(&there, "|run 1|run 2, {\"quoted\"}|");
	db_notify(other, STR("run 3"));
	wait_for(&here, "|run 3|"); /* and not what it had sent itself */

	/* A lost listener says so when it is back. */
	test_pg_run(url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
			 "	and pid <> pg_backend_pid() and query like '%pg_notify%'");
	wait_for(&here, "|run 3||");
	wait_for(&there, "|run 1|run 2, {\"quoted\"}||");
	db_notify(db, STR("run 4"));
	wait_for(&there, "|run 1|run 2, {\"quoted\"}||run 4|");
	close_db();
	db = other;
}
END_TEST

/* Loads, changes under guard, and starts again when somebody was faster. */
struct bump {
	struct flow flow;
	int loads;
	bool is_ended;
	enum err_kind kind;
};

static struct bump ended;

static enum flow_next load(struct flow *flow)
{
	((struct bump *)flow)->loads++;
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(LOCK_ITEM), DB_I64(1));
	return db_await(flow, batch);
}

static enum flow_next change(struct flow *flow)
{
	ck_assert_int_eq(db_i64(db_reply_of(flow), 0, 0, 0), 1);
	struct db_batch *batch = db_batch_new(db);
	/* The first time with a state that is stale. */
	db_add(batch, Q(ITEM_BUMP), DB_I64(1), DB_I64(((struct bump *)flow)->loads == 1 ? 41 : 0));
	return db_await_conflict(flow, batch);
}

static enum flow_next look(struct flow *flow)
{
	if (db_error(db_reply_of(flow)))
		flow_restart(flow);
	return FLOW_CONTINUE;
}

static enum flow_next fail_unique(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(db);
	db_add(batch, Q(ITEM_INSERT), DB_I64(1), DB_TEXT(STR("again")), DB_I64(0));
	return db_await(flow, batch);
}

static void on_bump_end(struct flow *flow)
{
	ended = *(struct bump *)flow;
	ended.is_ended = true;
	ended.kind = flow->err.kind;
	flow_free(flow);
	uv_stop(&loop);
}

START_TEST(flows_wait_for_batches)
{
	static flow_step *const steps[] = {load, change, look, fail_unique, load, NULL};
	test_pg_run(url, "insert into item (id, name) values (1, 'one')");
	open_with((struct db_options){0});
	flow_start(flow_new(sizeof(struct bump), steps, on_bump_end));
	while (!ended.is_ended)
		uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(ended.loads, 2);
	ck_assert_int_eq(ended.kind, ERR_CONFLICT); /* of the unique violation, which db_await() does not forgive */
	auto_free char *n = test_pg_value(url, "select n from item");
	ck_assert_pstr_eq(n, "1");
}
END_TEST

int main(void)
{
	test_pg_open_private();
	Suite *suite = suite_create("db");
	TCase *cases = tcase_create("db");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, values_come_back, 0, COUNT_OF(values));
	tcase_add_test(cases, nulls_come_back);
	tcase_add_test(cases, arrays_come_back);
	tcase_add_test(cases, a_batch_is_one_transaction);
	tcase_add_test(cases, an_empty_batch_completes);
	tcase_add_loop_test(cases, failures_have_kinds, 0, COUNT_OF(failures));
	tcase_add_loop_test(cases, codes_have_kinds, 0, COUNT_OF(codes));
	tcase_add_loop_test(cases, rows_and_tables_must_match, 0, COUNT_OF(mismatches));
	tcase_add_test_raise_signal(cases, a_wrong_count_of_parameters_is_a_bug, 6);
	tcase_add_loop_test(cases, a_wrong_statement_stops_the_start, 0, COUNT_OF(wrong_statements));
	tcase_add_test(cases, an_unreachable_server_stops_the_start);
	tcase_add_test(cases, many_batches_keep_their_order);
	tcase_add_test(cases, large_values_pass);
	tcase_add_test(cases, a_killed_connection_comes_back);
	tcase_add_test(cases, closing_completes_what_is_under_way);
	tcase_add_test(cases, notifications_reach_the_others);
	tcase_add_test(cases, flows_wait_for_batches);
	tcase_add_loop_test(cases, attempts_go_on_until_one_works, 0, COUNT_OF(obstacles));
	tcase_add_test(cases, nobody_waits_for_ever);
	tcase_add_test(cases, a_restarted_server_is_found_again);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
