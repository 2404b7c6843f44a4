/* Approving reviews on a forge become decisions at the gates that are open for their commit, whichever came first, and
 * are taken back with them. */
#include "common/log.h"
#include "common/mem.h"
#include "server/ingest/ingest_internal.h"
#include "server/shell/shell.h"

#include <stdlib.h>

enum { REVIEWS_MAX = 32 };

struct review_row {
	int64_t review, run, gate;
	struct str forge, login;
	struct person person;
};

static const struct field review_fields[] = {
	FIELD(struct review_row, review, FIELD_I64, 0),
	FIELD(struct review_row, run, FIELD_I64, 0),
	FIELD(struct review_row, gate, FIELD_I64, 0),
	FIELD(struct review_row, forge, FIELD_STR, 0),
	FIELD(struct review_row, login, FIELD_STR, 0),
	FIELD_AS(struct review_row, person.account, "account", FIELD_I64, 0),
	FIELD_AS(struct review_row, person.name, "name", FIELD_STR, 0),
	FIELD_AS(struct review_row, person.email, "email", FIELD_STR, 0),
	FIELD_AS(struct review_row, person.role, "role", FIELD_STR, 0),
	FIELD_AS(struct review_row, person.groups, "groups", FIELD_STRS, 0),
	FIELD_AS(struct review_row, person.logins, "logins", FIELD_STRS, 0),
	FIELD_END,
};

/* One review on its way to one gate. */
struct telling {
	struct ingest *ingest;
	int64_t review, gate;
};

static void noted(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	ingest_ended(arg);
}

/* A gate that was decided meanwhile, or that does not take this person: it hears of it once. */
static void told(void *arg, const struct err *err)
{
	struct telling *telling = arg;
	struct ingest *ingest = telling->ingest;
	bool may_pass = err && err->kind != ERR_DENIED && err->kind != ERR_CONFLICT && err->kind != ERR_INVALID;
	if (may_pass) {
		log_warn("ingest.review", F("review", telling->review), F("gate", telling->gate), F("err", err));
		ingest_ended(ingest);
	} else {
		struct db_batch *batch = db_batch_new(ingest->server->db);
		db_add(batch, QUERY_REVIEW_TOLD, DB_I64(telling->review), DB_I64(telling->gate),
			DB_TEXT(err ? str_of(err->text) : STR("")));
		db_submit(batch, noted, ingest);
	}
	free(telling);
}

static void tell(struct ingest *ingest, const struct review_row *row, struct arena *arena)
{
	struct telling *telling = mem_alloc(sizeof *telling);
	*telling = (struct telling){ingest, row->review, row->gate};
	struct engine_event event = {
		.kind = ENGINE_DECIDED,
		.person = &row->person,
		.gate = row->gate,
		.is_approval = true,
		.text = arena_printf(
			arena, "approving review by %.*s on %.*s", STR_ARG(row->login), STR_ARG(row->forge)),
	};
	ingest->active++;
	shell_apply(ingest->server->shell, row->run, &event, told, telling);
}

/* --- and back --- */

/* A gate that was decided meanwhile is decided; what has failed is found again. */
static void taken_back(void *arg, const struct err *err)
{
	struct ingest *ingest = arg;
	if (err && err->kind != ERR_CONFLICT)
		log_warn("ingest.review_back", F("err", err));
	ingest_ended(ingest);
}

static void take_back(struct ingest *ingest, const struct review_row *row, struct arena *arena)
{
	struct engine_event event = {.kind = ENGINE_UNDECIDED, .person = &row->person, .gate = row->gate};
	(void)arena;
	ingest->active++;
	shell_apply(ingest->server->shell, row->run, &event, taken_back, ingest);
}

/* --- looking --- */

typedef void each_review(struct ingest *ingest, const struct review_row *row, struct arena *arena);

static bool for_each(struct ingest *ingest, const struct db_reply *reply, size_t statement, each_review *act,
	struct arena *arena, struct err *err)
{
	void *rows;
	size_t count;
	if (!db_read_rows(reply, statement, review_fields, sizeof(struct review_row), &rows, &count, arena, err))
		return false;
	for (size_t i = 0; i < count && !ingest->closed; i++)
		act(ingest, (const struct review_row *)rows + i, arena);
	return true;
}

static void found(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	auto_arena arena = {0};
	struct err err = {0};
	ingest->is_looking_at_reviews = false;
	if (db_error(reply))
		err = *db_error(reply);
	else if (for_each(ingest, reply, 0, take_back, &arena, &err))
		for_each(ingest, reply, 1, tell, &arena, &err);
	if (err.kind != ERR_NONE)
		log_warn("ingest.reviews", F("err", &err));
	db_reply_free(reply);
	ingest_ended(ingest);
}

void ingest_look_at_reviews(struct ingest *ingest)
{
	if (ingest->is_looking_at_reviews || ingest->closed)
		return;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_REVIEWS_WITHDRAWN, DB_I64(REVIEWS_MAX));
	db_add(batch, QUERY_REVIEWS_DUE, DB_I64(REVIEWS_MAX));
	ingest->is_looking_at_reviews = true;
	ingest->active++;
	db_submit(batch, found, ingest);
}
