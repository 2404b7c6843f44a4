#ifndef CLI_API_H
#define CLI_API_H

/*
 * Talking to the server. Where it is and who we are comes from --url and --token-file, PENSTOCK_URL and PENSTOCK_TOKEN,
 * or the data directory of a `penstock up` on this machine (--dir, ./penstock-data, /var/lib/penstock).
 */

#include "cli/cli.h"
#include "common/fields.h"

#include <jansson.h>

struct api {
	struct str url;
	struct str token;    /* empty: none */
	struct str remedy;   /* what to do when nobody answers */
	const char *session; /* headers of a session instead of a token: its cookie, and what shows that no page misuses
				it */
	const char *csrf;
	bool is_for_people; /* not --json: answers of api_call() then hold no control characters */
	struct arena *arena;
};

bool api_open(struct cli *cli, struct api *ret, struct err *err);
/* body may be NULL. *ret: a new reference, NULL for an empty answer. A refusal of the server comes back as its own
 * words. */
bool api_call(
	const struct api *api, const char *method, struct str path, const json_t *body, json_t **ret, struct err *err);
/* Begins a session with a name and a password; *ret is `api` within it. Whoever began it ends it: POST /api/v1/logout.
 */
bool api_login(const struct api *api, const char *name, const char *password, struct api *ret, struct err *err);
/* Bytes of an answer as they come; false from `piece` ends the call (which then still succeeds). */
bool api_read(
	const struct api *api, struct str path, bool (*piece)(void *arg, struct str bytes), void *arg, struct err *err);

struct api_listener {
	bool (*event)(void *arg, struct str name, const json_t *data); /* false: enough */
	void (*tick)(void *arg); /* about once a second, whether or not there was an event; may be NULL */
	void *arg;
};

/* Server-sent events, in order; reconnects with Last-Event-ID until `event` returns false. */
bool api_follow(const struct api *api, struct str path, const struct api_listener *listener, struct err *err);
/* Percent-encoded, for one segment of a path or a query value. */
struct str api_quote(struct str text, struct arena *arena);

/* Bytes with headers of their own ("Name: value", NULL-terminated) and no token, to a whole URL: what the hook sends.
 */
bool api_post(const char *url, struct str body, const char *const *headers, int64_t timeout_ms, struct err *err);
/* Whether a GET is answered with 200. */
bool api_probe(const char *url, const char *path, int64_t timeout_ms);

#endif
