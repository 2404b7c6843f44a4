// links: penstock_ingest
// max_len: 16384
/*
 * Deliveries of forges: the input is a byte for the forge, one for its event, and a body. Whatever the body says, it is
 * an event whose parts are checked, or a refusal; what is stored of an event reads back as the same; a signature fits
 * its own body and secret alone.
 */
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "server/ingest/forge.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "phs_0123456789abcdef"

static const struct forge *const forges[] = {&forge_git, &forge_github, &forge_gitlab, &forge_gitea};
static const char *const events[] = {"push", "pull_request", "pull_request_review", "ping", "create", "Push Hook",
	"Tag Push Hook", "Merge Request Hook", "pull_request_approved", "pull_request_sync", "release", ""};

static bool is_commit(struct str text)
{
	return (text.n == 40 || text.n == 64) && str_has_only(text, "0123456789abcdef");
}

static void check_event(const struct forge_event *event)
{
	switch (event->kind) {
	case FORGE_PUSH:
		for (size_t i = 0; i < event->update_count; i++) {
			const struct ref_update *update = &event->updates[i];
			BUG_ON(update->ref.n == 0 || !is_commit(update->before) || !is_commit(update->after));
		}
		break;
	case FORGE_PULL_REQUEST:
		BUG_ON(event->pull.number <= 0 || event->pull.base.n == 0 || event->pull.head.n == 0);
		break;
	case FORGE_IGNORED:
		BUG_ON(event->reason.n == 0 || !str_is_utf8(event->reason));
		break;
	}
}

/* As the row of a delivery has it. */
static void check_stored(const struct forge_event *event, struct arena *arena)
{
	struct forge_event again = {0};
	struct err err;
	if (event->kind == FORGE_IGNORED)
		return;
	json_auto_t *json = fields_write(forge_event_fields, event);
	if (!fields_read(forge_event_fields, json, &again, arena, &err))
		BUG("a stored delivery that cannot be read: %s", err.text);
	json_auto_t *twice = fields_write(forge_event_fields, &again);
	BUG_ON(!json_equal(json, twice));
}

/* Whatever header is asked for. */
static bool get_header(void *arg, const char *name, struct str *ret)
{
	(void)name;
	*ret = *(const struct str *)arg;
	return true;
}

/* The plain forges' scheme: an HMAC over the body, in hex. */
static void check_signature(const struct forge *forge, struct str body, struct arena *arena)
{
	uint8_t mac[DIGEST_BYTES];
	char text[DIGEST_TEXT_BYTES];
	struct str header;
	struct forge_delivery delivery = {get_header, &header, body, .now_us = 0};
	digest_hmac(STR(SECRET), body, mac);
	hex_write(mac, sizeof mac, text);
	header = arena_printf(arena, "sha256=%s", text);
	bool is_signed = forge_has_hmac(&delivery, "X-Hub-Signature-256", "sha256=", STR(SECRET));
	BUG_ON(!is_signed || forge_has_hmac(&delivery, "X-Hub-Signature-256", "sha256=", STR(SECRET "x")));
	/* What a stranger sends instead of one. */
	header = str_head(body, 200);
	BUG_ON(forge->verify(&delivery, STR(SECRET), arena) == FORGE_SIGNED && !str_eq(header, STR(SECRET)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena arena = {0};
	struct str rest = fuzz_input(data, size);
	const struct forge *forge = forges[fuzz_byte(&rest) % (sizeof forges / sizeof forges[0])];
	struct str event_name = str_of(events[fuzz_byte(&rest) % (sizeof events / sizeof events[0])]);
	struct forge_event event = {0};
	struct err err = {0};
	check_signature(forge, rest, &arena);
	json_auto_t *body = json_loadb(rest.p ? rest.p : "", rest.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body))
		return 0;
	if (!forge->read(event_name, body, &event, &arena, &err)) {
		BUG_ON(err.kind == ERR_NONE || !str_is_utf8(str_of(err.text)));
		return 0;
	}
	check_event(&event);
	check_stored(&event, &arena);
	return 0;
}
