#include "server/configuration/configurations.h"

#include "common/log.h"
#include "common/mem.h"
#include "server/events/events.h"
#include "server/settings.h"
#include "server/store/db.h"
#include "server/store/first_configuration.h"

#include <stdatomic.h>
#include <stdlib.h>

struct snapshot {
	struct configuration_snapshot shown; /* first: what others have is a pointer to it */
	atomic_size_t references;
	struct arena arena;
};

struct waiter {
	struct waiter *next;
	void (*done)(void *arg);
	void *arg;
};

struct configurations {
	struct server *server;
	struct snapshot *now;
	bool is_looking;
	bool is_asked;                         /* while it looked: what it sees may be older than that */
	struct waiter *waiting, *next_waiting; /* for the look under way, and for the one behind it */
	void (*closed)(void *arg);
	void *closed_arg;
};

/* --- snapshots --- */

static void read_text(struct snapshot *made)
{
	struct lang_errors errors = {.arena = &made->arena};
	struct configuration_snapshot *shown = &made->shown;
	if (configuration_load(shown->text, "configuration", &made->arena, &shown->configuration, &errors))
		return;
	shown->problem = lang_error_text(&errors.items[0], &made->arena);
	shown->configuration = arena_new(&made->arena, struct configuration);
	log_error("configuration.unreadable", F("version", shown->version), F("problem", shown->problem));
}

static void copy_versions(struct snapshot *made, const struct freeze_versions *versions)
{
	struct arena *arena = &made->arena;
	made->shown.versions.count = versions->count;
	made->shown.versions.items = arena_array(arena, struct freeze_version, versions->count);
	for (size_t i = 0; i < versions->count; i++)
		made->shown.versions.items[i] = (struct freeze_version){
			arena_str(arena, versions->items[i].environment), versions->items[i].version};
}

static struct snapshot *snapshot_new(int64_t version, struct str text, const struct freeze_blockers *blockers,
	const struct freeze_versions *versions)
{
	struct snapshot *made = mem_alloc(sizeof *made);
	struct arena *arena = &made->arena;
	atomic_init(&made->references, 1);
	made->shown.version = version;
	made->shown.text = arena_str(arena, text);
	made->shown.blockers.count = blockers->count;
	made->shown.blockers.items = arena_array(arena, struct freeze_blocker, blockers->count);
	for (size_t i = 0; i < blockers->count; i++) {
		struct freeze_blocker *blocker = &made->shown.blockers.items[i];
		*blocker = blockers->items[i];
		blocker->service = arena_str(arena, blocker->service);
		blocker->environment = arena_str(arena, blocker->environment);
		blocker->reason = arena_str(arena, blocker->reason);
		blocker->placed_by = arena_str(arena, blocker->placed_by);
	}
	copy_versions(made, versions);
	read_text(made);
	return made;
}

static struct snapshot *snapshot_of(const struct configuration_snapshot *shown)
{
	return (struct snapshot *)(uintptr_t)shown;
}

const struct configuration_snapshot *configuration_ref(const struct configuration_snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot_of(snapshot)->references, 1, memory_order_relaxed);
	return snapshot;
}

void configuration_unref(const struct configuration_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot_of(snapshot)->references, 1, memory_order_acq_rel) > 1)
		return;
	struct snapshot *last = snapshot_of(snapshot);
	arena_done(&last->arena);
	free(last);
}

const struct configuration_snapshot *configurations_now(const struct configurations *configurations)
{
	return &configurations->now->shown;
}

/* --- looking --- */

static const struct field blocker_fields[] = {
	FIELD(struct freeze_blocker, id, FIELD_I64, 0),
	FIELD(struct freeze_blocker, service, FIELD_STR, 0),
	FIELD(struct freeze_blocker, environment, FIELD_STR, 0),
	FIELD(struct freeze_blocker, reason, FIELD_STR, 0),
	FIELD(struct freeze_blocker, placed_by, FIELD_STR, 0),
	FIELD(struct freeze_blocker, placed_at, FIELD_TIME, 0),
	FIELD_END,
};

static const struct field version_fields[] = {
	FIELD(struct freeze_version, environment, FIELD_STR, 0),
	FIELD(struct freeze_version, version, FIELD_I64, 0),
	FIELD_END,
};

/* A stop is placed and lifted, and never changed in between. */
static bool are_same_blockers(const struct freeze_blockers *a, const struct freeze_blockers *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (a->items[i].id != b->items[i].id)
			return false;
	return a->count == b->count;
}

static bool are_same_versions(const struct freeze_versions *a, const struct freeze_versions *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (a->items[i].version != b->items[i].version ||
			!str_eq(a->items[i].environment, b->items[i].environment))
			return false;
	return a->count == b->count;
}

/* What is read first is the oldest. */
enum { LOOK_VERSIONS, LOOK_CONFIGURATION, LOOK_BLOCKERS };

static bool adopt(struct configurations *self, const struct db_reply *reply, struct err *err)
{
	auto_arena arena = {0};
	const struct configuration_snapshot *old = configurations_now(self);
	struct freeze_blockers blockers = {0};
	struct freeze_versions versions = {0};
	void *items, *version_items;
	if (!db_read_rows(reply, LOOK_BLOCKERS, blocker_fields, sizeof *blockers.items, &items, &blockers.count, &arena,
		    err) ||
		!db_read_rows(reply, LOOK_VERSIONS, version_fields, sizeof *versions.items, &version_items,
			&versions.count, &arena, err))
		return false;
	blockers.items = items;
	versions.items = version_items;
	bool is_newer = db_row_count(reply, LOOK_CONFIGURATION) > 0;
	if (!is_newer && are_same_blockers(&old->blockers, &blockers) && are_same_versions(&old->versions, &versions))
		return true;
	struct snapshot *made = snapshot_new(is_newer ? db_i64(reply, LOOK_CONFIGURATION, 0, 0) : old->version,
		is_newer ? db_text(reply, LOOK_CONFIGURATION, 0, 1) : old->text, &blockers, &versions);
	configuration_unref(old);
	self->now = made;
	if (is_newer)
		events_configuration_changed(self->server->events, made->shown.version);
	return true;
}

static void tell(struct waiter *waiter)
{
	while (waiter) {
		struct waiter *next = waiter->next;
		waiter->done(waiter->arg);
		free(waiter);
		waiter = next;
	}
}

static void looked(void *arg, struct db_reply *reply)
{
	struct configurations *self = arg;
	struct err err = {0};
	struct waiter *waiting = self->waiting;
	if (db_error(reply))
		log_warn("configuration.look", F("err", db_error(reply)));
	else if (!adopt(self, reply, &err))
		log_warn("configuration.look", F("err", (const struct err *)&err));
	db_reply_free(reply);
	self->is_looking = false;
	self->waiting = self->next_waiting;
	self->next_waiting = NULL;
	tell(waiting);
	if (self->closed) {
		tell(self->waiting);
		self->waiting = NULL;
		self->closed(self->closed_arg);
	} else if (self->is_asked) {
		self->is_asked = false;
		configurations_look(self);
	}
}

void configurations_look(struct configurations *self)
{
	if (self->closed)
		return;
	if (self->is_looking) {
		self->is_asked = true;
		return;
	}
	struct db_batch *batch = db_batch_new(self->server->db);
	db_add(batch, QUERY_ENVIRONMENT_VERSIONS);
	db_add(batch, QUERY_CONFIGURATION_NEWER, DB_I64(configurations_now(self)->version));
	db_add(batch, QUERY_BLOCKERS_STANDING);
	self->is_looking = true;
	db_submit(batch, looked, self);
}

void configurations_changed(struct configurations *self, void (*done)(void *arg), void *arg)
{
	struct waiter *waiter = mem_alloc(sizeof *waiter);
	struct waiter **list = self->is_looking ? &self->next_waiting : &self->waiting;
	*waiter = (struct waiter){.next = *list, .done = done, .arg = arg};
	*list = waiter;
	db_notify(self->server->db, STR("f"));
	configurations_look(self);
}

/* --- life --- */

bool configurations_open(struct server *server, struct configurations **ret, struct err *err)
{
	auto_arena arena = {0};
	struct first_configuration first;
	if (!first_configuration(server->settings->database_url.p, &arena, &first, err))
		return false;
	struct configurations *self = mem_alloc(sizeof *self);
	self->server = server;
	self->now = snapshot_new(first.version, first.text, &first.blockers, &first.versions);
	*ret = self;
	return true;
}

void configurations_close(struct configurations *self, void (*closed)(void *arg), void *arg)
{
	self->closed = closed;
	self->closed_arg = arg;
	if (!self->is_looking)
		closed(arg);
}

void configurations_free(struct configurations *self)
{
	if (!self)
		return;
	configuration_unref(&self->now->shown);
	free(self);
}
