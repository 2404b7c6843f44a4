/* A git repository without a forge: `penstock hook post` tells of its pushes. */
#include "server/ingest/forge.h"

enum { UPDATES_MAX = 1000 };
static const struct str no_commit = {"0000000000000000000000000000000000000000", 40};

static enum forge_trust verify(const struct forge_delivery *delivery, struct str secret, struct arena *arena)
{
	(void)arena;
	return forge_has_hmac(delivery, "X-Penstock-Signature", "sha256=", secret) ? FORGE_SIGNED : FORGE_UNSIGNED;
}

static bool id(const struct forge_delivery *delivery, struct str *ret)
{
	return delivery->header(delivery->arg, "X-Penstock-Delivery", ret);
}

static bool read_updates(const json_t *list, struct forge_event *event, struct arena *arena, struct err *err)
{
	static const char *const names[] = {"ref", "before", "after"};
	event->update_count = json_array_size(list);
	event->updates = arena_array(arena, struct ref_update, event->update_count);
	for (size_t i = 0; i < event->update_count; i++) {
		const json_t *item = json_array_get(list, i);
		struct ref_update *update = &event->updates[i];
		struct str *const texts[] = {&update->ref, &update->before, &update->after};
		for (size_t j = 0; j < 3; j++) {
			if (!json_is_string(json_object_get(item, names[j])))
				return err_set(err, ERR_INVALID, "updates[%zu].%s is no text", i, names[j]);
			*texts[j] = forge_text(item, names[j]);
			/* A notice made by hand may leave out the zeros. */
			if (j > 0 && texts[j]->n == 0)
				*texts[j] = no_commit;
		}
		if (!forge_check_update(update, err))
			return err_wrap(err, "updates[%zu]", i);
	}
	return true;
}

static void read_options(const json_t *list, struct forge_event *event, struct arena *arena)
{
	event->options.items = arena_array(arena, struct str, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (json_is_string(item))
			event->options.items[event->options.count++] =
				(struct str){json_string_value(item), json_string_length(item)};
	}
}

static bool read(struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err)
{
	(void)event;
	const json_t *updates = json_object_get(body, "updates");
	if (!json_is_array(updates))
		return err_set(err, ERR_INVALID, "the body is no JSON object with a list \"updates\"");
	if (json_array_size(updates) > UPDATES_MAX)
		return err_set(err, ERR_INVALID, "more than %d updates in one notice", UPDATES_MAX);
	ret->kind = FORGE_PUSH;
	ret->actor = forge_text(body, "pusher");
	read_options(json_object_get(body, "options"), ret, arena);
	return read_updates(updates, ret, arena, err);
}

const struct forge forge_git = {
	.name = "git",
	.user = "git",
	.secret = forge_random_secret,
	.verify = verify,
	.id = id,
	.read = read,
};
