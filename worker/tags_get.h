#ifndef WORKER_TAGS_GET_H
#define WORKER_TAGS_GET_H

/* The tags that a workspace with all history is to know, as the server tells them (struct worker_tags as JSON). */

#include "common/err.h"
#include "common/fields.h"

struct http_client;
struct tags;

/* `done` runs once, later: with the text, which lives until it returns and is "" where the server knows no such
 * question, or with err. `url` is copied. */
void tags_get(struct http_client *http, struct str url, const struct pair_list *headers,
	void (*done)(void *arg, struct str text, const struct err *err), void *arg, struct tags **ret);
/* Ends it early; `done` still runs, with an error. */
void tags_cancel(struct tags *tags);

#endif
