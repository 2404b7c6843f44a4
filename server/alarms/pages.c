/* Alarms that go on after the way back: people are called, once. */
#include "common/clock.h"
#include "common/log.h"
#include "server/alarms/alarms_internal.h"
#include "server/configuration/configurations.h"

#define AFTER_MS INT64_C(600000) /* where the environment says nothing */

enum { PAGED_RUN, PAGED_ALARM, PAGED_ENVIRONMENT };

static void paged(void *arg, struct db_reply *reply)
{
	struct alarms *alarms = arg;
	alarms->is_paging = false;
	if (db_error(reply))
		log_warn("alarm.pages", F("err", db_error(reply)));
	for (size_t i = 0; !db_error(reply) && i < db_row_count(reply, 0); i++)
		log_warn("alarm.stays", F("alarm", db_text(reply, 0, i, PAGED_ALARM)),
			F("environment", db_text(reply, 0, i, PAGED_ENVIRONMENT)),
			F("run", db_text(reply, 0, i, PAGED_RUN)));
	db_reply_free(reply);
	alarms_ended(alarms);
}

void alarm_pages_look(struct alarms *alarms)
{
	auto_arena arena = {0};
	const struct configuration *all = configurations_now(alarms->server->configurations)->configuration;
	size_t max = all->environments.count, n = 0;
	struct str *names = arena_array(&arena, struct str, max + 1), *urls = arena_array(&arena, struct str, max + 1);
	int64_t *after = arena_array(&arena, int64_t, max + 1);
	if (alarms->is_paging)
		return;
	for (size_t i = 0; i < max; i++) {
		const struct configuration_environment *environment = &all->environments.items[i];
		if (!LANG_IS_SET(environment->page))
			continue;
		names[n] = environment->name.text;
		urls[n] = str_or_empty(environment->page.url.text);
		after[n++] = LANG_IS_SET(environment->page.after) ? environment->page.after.ms : AFTER_MS;
	}
	struct db_batch *batch = db_batch_new(alarms->server->db);
	db_add(batch, QUERY_PAGES_DUE, DB_TEXTS(names, n), DB_I64S(after, n), DB_TEXTS(urls, n), DB_I64(AFTER_MS));
	alarms->is_paging = true;
	alarms->active++;
	db_submit(batch, paged, alarms);
}
