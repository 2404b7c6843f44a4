#include "server/outbox/outbox.h"

#include "common/failpoint.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/outbox/outbox_internal.h"
#include "server/store/db.h"

#include <stdlib.h>

enum {
	CLAIM_MAX = 16,
	CLAIM_MS = 30 * 1000 /* longer than a call may take */,
	TRIES_MAX = 25,
	DELAY_FIRST_MS = 1000,
	DELAY_MAX_MS = 10 * 60 * 1000
};

struct outbox {
	struct server *server;
	size_t active;
	bool is_looking, is_wanted_again;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct outbox *outbox_new(struct server *server)
{
	struct outbox *outbox = mem_alloc(sizeof *outbox);
	outbox->server = server;
	return outbox;
}

static void operation_ended(struct outbox *outbox)
{
	BUG_ON(outbox->active == 0);
	outbox->active--;
	if (outbox->closed && outbox->active == 0)
		outbox->closed(outbox->closed_arg);
}

void outbox_close(struct outbox *outbox, void (*closed)(void *arg), void *arg)
{
	outbox->closed = closed;
	outbox->closed_arg = arg;
	outbox->active++;
	operation_ended(outbox);
}

void outbox_free(struct outbox *outbox)
{
	free(outbox);
}

/* --- what became of a message --- */

static int64_t delay_of(int32_t tries)
{
	int64_t ms = DELAY_FIRST_MS;
	for (int32_t i = 1; i < tries && ms < DELAY_MAX_MS; i++)
		ms *= 2;
	return ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS;
}

static void noted(void *arg, struct db_reply *reply)
{
	struct outbox *outbox = arg;
	FAILPOINT("message.done");
	db_reply_free(reply);
	outbox_tick(outbox); /* the next of its key */
	operation_ended(outbox);
}

void outbox_ended(struct outbox *outbox, int64_t id, int32_t tries, enum outbox_outcome outcome, struct str problem,
	int64_t delay_ms)
{
	struct db_batch *batch = db_batch_new(outbox->server->db);
	bool is_over = outcome != OUTBOX_LATER || tries >= TRIES_MAX;
	if (outcome != OUTBOX_SENT)
		log_warn("outbox.problem", F("message", id), F("try", tries), F("is_over", is_over),
			F("problem", problem));
	if (is_over)
		db_add(batch, QUERY_OUTBOX_DONE, DB_I64(id), DB_TEXT(problem));
	else
		db_add(batch, QUERY_OUTBOX_LATER, DB_I64(id), DB_TEXT(problem),
			DB_I64(delay_ms ? delay_ms : delay_of(tries)));
	db_submit(batch, noted, outbox);
}

/* --- looking --- */

static const struct field message_fields[] = {
	FIELD(struct outbox_message, id, FIELD_I64, 0),
	FIELD(struct outbox_message, kind, FIELD_STR, 0),
	FIELD(struct outbox_message, body, FIELD_JSON, 0),
	FIELD(struct outbox_message, tries, FIELD_I32, 0),
	FIELD(struct outbox_message, is_outdated, FIELD_BOOL, 0),
	FIELD_END,
};

static void send(struct outbox *outbox, const struct outbox_message *message)
{
	outbox->active++;
	if (message->is_outdated)
		outbox_ended(outbox, message->id, message->tries, OUTBOX_SENT, STR("a later one told more"), 0);
	else if (str_is(message->kind, "status"))
		outbox_send_status(outbox, outbox->server, message);
	else if (str_is(message->kind, "page"))
		outbox_send_page(outbox, outbox->server, message);
	else
		outbox_ended(outbox, message->id, message->tries, OUTBOX_GIVEN_UP, STR("nobody sends this kind"), 0);
}

static void found(void *arg, struct db_reply *reply)
{
	struct outbox *outbox = arg;
	auto_arena arena = {0};
	struct err err = {0};
	void *rows;
	size_t count = 0;
	outbox->is_looking = false;
	if (!db_error(reply) && !outbox->closed) {
		if (!db_read_rows(reply, 0, message_fields, sizeof(struct outbox_message), &rows, &count, &arena, &err))
			log_error("outbox.messages", F("err", &err));
		const struct outbox_message *messages = rows;
		for (size_t i = 0; i < count; i++) {
			FAILPOINT("message.claimed");
			send(outbox, &messages[i]);
		}
	}
	db_reply_free(reply);
	if (outbox->is_wanted_again)
		outbox_tick(outbox);
	operation_ended(outbox);
}

void outbox_tick(struct outbox *outbox)
{
	if (outbox->closed)
		return;
	outbox->is_wanted_again = outbox->is_looking;
	if (outbox->is_looking)
		return;
	outbox->is_looking = true;
	outbox->active++;
	struct db_batch *batch = db_batch_new(outbox->server->db);
	db_add(batch, QUERY_OUTBOX_CLAIM, DB_I64(CLAIM_MAX), DB_I64(CLAIM_MS));
	db_submit(batch, found, outbox);
}
