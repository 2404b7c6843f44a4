#include "server/gitops/gitops.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/auth/auth.h"
#include "server/gitops/gitops_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct gitops *gitops_new(struct server *server)
{
	struct gitops *gitops = mem_alloc(sizeof *gitops);
	gitops->server = server;
	return gitops;
}

static void operation_ended(struct gitops *gitops)
{
	BUG_ON(gitops->active == 0);
	gitops->active--;
	if (gitops->closed && gitops->active == 0)
		gitops->closed(gitops->closed_arg);
}

void gitops_close(struct gitops *gitops, void (*closed)(void *arg), void *arg)
{
	gitops->closed = closed;
	gitops->closed_arg = arg;
	gitops->active++;
	for (struct change *change = gitops->changes, *next; change; change = next) {
		next = change->next;
		gitops_change_stop(change);
	}
	operation_ended(gitops);
}

void gitops_free(struct gitops *gitops)
{
	free(gitops);
}

/* --- what is in hand --- */

static void renewed(void *arg, struct db_reply *reply)
{
	struct gitops *gitops = arg;
	gitops->is_renewing = false;
	db_reply_free(reply);
	operation_ended(gitops);
}

void gitops_tick(struct gitops *gitops)
{
	int64_t now_us = clock_mono_us();
	if (!gitops->changes || gitops->is_renewing || gitops->renewed_at + RENEW_MS * US_PER_MS > now_us)
		return;
	auto_arena arena = {0};
	struct str_list owners = {0};
	for (const struct change *change = gitops->changes; change; change = change->next) {
		owners.items = arena_grow(&arena, owners.items, sizeof *owners.items, owners.count);
		owners.items[owners.count++] = str_of(change->owner);
	}
	struct db_batch *batch = db_batch_new(gitops->server->db);
	db_add(batch, QUERY_GITOPS_RENEW, DB_TEXTS(owners.items, owners.count), DB_I64(CLAIM_MS));
	gitops->renewed_at = now_us;
	gitops->is_renewing = true;
	gitops->active++;
	db_submit(batch, renewed, gitops);
}

/* --- turns: two changes of one repository in one server would only make each other try again --- */

bool gitops_take_turn(struct change *change)
{
	for (const struct change *other = change->gitops->changes; other; other = other->next) {
		if (other == change || !other->has_turn || other->target.id != change->target.id)
			continue;
		change->is_waiting = true;
		return false;
	}
	change->has_turn = true;
	return true;
}

/* Who came first stands last in the list. */
static struct change *next_in_turn(const struct gitops *gitops, int64_t target)
{
	struct change *found = NULL;
	for (struct change *change = gitops->changes; change; change = change->next)
		if (change->is_waiting && change->target.id == target)
			found = change;
	return found;
}

void gitops_ended(struct change *change)
{
	struct gitops *gitops = change->gitops;
	for (struct change **at = &gitops->changes; *at; at = &(*at)->next) {
		if (*at == change) {
			*at = change->next;
			break;
		}
	}
	struct change *next = change->has_turn && !gitops->closed ? next_in_turn(gitops, change->target.id) : NULL;
	if (next) {
		next->is_waiting = false;
		next->has_turn = true;
		flow_resume(&next->flow);
	}
	operation_ended(gitops);
}

/* --- asking --- */

static bool read_request(struct http_exchange *exchange, struct change *change, struct err *err)
{
	struct str body = http_body(exchange);
	if (!str_to_i64(http_param(exchange, "job"), &change->job) ||
		!str_to_i64(http_param(exchange, "attempt"), &change->attempt))
		return err_set(err, ERR_INVALID, "an attempt is named by two numbers: job and attempt");
	json_t *json = json_loadb(body.p ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *step = json_object_get(json, "step");
	bool ok = json_is_integer(step) && json_integer_value(step) >= 0 && json_integer_value(step) <= INT32_MAX;
	change->step = ok ? json_integer_value(step) : 0;
	json_decref(json);
	return ok || err_set(err, ERR_INVALID, "the body is {\"step\": index of the step}");
}

void worker_gitops(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct gitops *gitops = server->gitops;
	struct err err = {0};
	struct change read = {0};
	bool ok = read_request(exchange, &read, &err);
	if (ok && gitops->closed)
		ok = err_set(&err, ERR_BUSY, "the server is stopping");
	if (!ok) {
		http_answer_err(exchange, &err);
		return;
	}
	read.gitops = gitops;
	read.exchange = exchange;
	read.token = auth_caller(exchange)->token;
	snprintf(read.owner, sizeof read.owner, "%016llx-%lld", (unsigned long long)random_u64(),
		(long long)++gitops->counter);
	gitops->active++;
	gitops_change_start(&read);
}
