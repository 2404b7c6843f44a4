/* Who the open streams belong to: how many each may have, and that none outlives its token or session. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/events/events_internal.h"
#include "server/store/db.h"

#include <stdlib.h>

#define CHECK_US (2 * US_PER_SECOND)

size_t events_count_of(const struct events *events, int64_t account)
{
	size_t count = 0;
	for (int kind = 0; kind < WATCH_KIND_COUNT; kind++)
		for (const struct watch *watch = events->watches[kind]; watch; watch = watch->next)
			count += watch->account == account;
	return count;
}

/* Ending one may free it. */
static void end_where(
	struct events *events, bool (*is_over)(const struct watch *watch, const void *arg), const void *arg)
{
	for (int kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		struct watch *next;
		for (struct watch *watch = events->watches[kind]; watch; watch = next) {
			next = watch->next;
			if (is_over(watch, arg))
				watch_end(watch);
		}
	}
}

static bool is_of_token(const struct watch *watch, const void *token)
{
	return watch->token == *(const int64_t *)token;
}

void events_withdrawn(struct events *events, int64_t token)
{
	end_where(events, is_of_token, &token);
}

/* Those that are asked about, in the order of their streams; a token may stand there more than once. */
struct question {
	struct events *events;
	struct arena arena;
	int64_t *tokens;
	size_t count;
	const struct db_reply *reply;
};

static bool stands(const struct question *question, int64_t token)
{
	for (size_t row = 0; row < db_row_count(question->reply, 0); row++)
		if (db_i64(question->reply, 0, row, 0) == token)
			return true;
	return false;
}

/* A stream that began meanwhile was not asked about. */
static bool is_withdrawn(const struct watch *watch, const void *arg)
{
	const struct question *question = arg;
	for (size_t i = 0; i < question->count; i++)
		if (question->tokens[i] == watch->token)
			return !stands(question, watch->token);
	return false;
}

static void answered(void *arg, struct db_reply *reply)
{
	struct question *question = arg;
	struct events *events = question->events;
	question->reply = reply;
	events->is_checking = false;
	if (db_error(reply))
		log_warn("events.callers", F("err", db_error(reply)));
	else
		end_where(events, is_withdrawn, question);
	db_reply_free(reply);
	arena_done(&question->arena);
	free(question);
}

void events_tick(struct events *events)
{
	int64_t now_us = clock_mono_us();
	if (events->is_checking || events->closed || events->count == 0 || events->checked_at + CHECK_US > now_us)
		return;
	struct question *question = mem_alloc(sizeof *question);
	question->events = events;
	for (int kind = 0; kind < WATCH_KIND_COUNT; kind++)
		for (const struct watch *watch = events->watches[kind]; watch; watch = watch->next) {
			question->tokens = arena_grow(
				&question->arena, question->tokens, sizeof *question->tokens, question->count);
			question->tokens[question->count++] = watch->token;
		}
	events->checked_at = now_us;
	events->is_checking = true;
	struct db_batch *batch = db_batch_new(events->server->db);
	db_add(batch, QUERY_TOKENS_STANDING, DB_I64S(question->tokens, question->count));
	db_submit(batch, answered, question);
}
