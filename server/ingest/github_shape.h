#ifndef SERVER_INGEST_GITHUB_SHAPE_H
#define SERVER_INGEST_GITHUB_SHAPE_H

/* What GitHub's payloads and calls share with those of Gitea and Forgejo, which follow them. */

#include "server/ingest/forge.h"

/* All but the action, from the object "pull_request". */
void github_shape_read_pull(const json_t *pull, struct forge_pull *ret);
/* POST /repos/OWNER/NAME/statuses/COMMIT; the caller adds who asks. */
void github_shape_status(
	struct str api_url, const struct forge_status *status, struct forge_call *ret, struct arena *arena);

/* GET /repos/OWNER/NAME/pulls; query: what this forge calls order and number. */
void github_shape_list(
	struct str api_url, struct str project, const char *query, struct forge_call *ret, struct arena *arena);
void github_shape_read_listed(const json_t *pull, struct forge_listed *ret);

/* GET /repos/OWNER/NAME/pulls/NUMBER/reviews */
void github_shape_reviews(struct str api_url, struct str project, int64_t number, const char *query, int page,
	struct forge_call *ret, struct arena *arena);
void github_shape_read_review(const json_t *review, struct forge_review *ret);

#endif
