#ifndef SERVER_INGEST_FORGE_API_H
#define SERVER_INGEST_FORGE_API_H

/* Questions to the forge of a repository, for the flows of server/ingest that ask them: who is asked, with which token,
 * and the sentence that stands on the repository when there is no answer. */

#include "server/ingest/ingest_internal.h"
#include "server/ingest/remote.h"

/* One after the other, of one flow. Zeroed at first. */
struct forge_api {
	struct flow *flow;
	struct ingest *ingest;
	int64_t repository;
	struct arena arena;        /* of what follows */
	struct remote remote;      /* its name is "" when there is no such repository */
	const struct forge *forge; /* NULL: it cannot be asked */
	const char *what;          /* is asked for: "pull requests" */
	bool is_asked;             /* at least once */
	json_t *answer;            /* an array */
	bool has_more;             /* behind it: it is a page */
};

/* Takes the answer of remote_find(). api->forge stays NULL where there is no API, no token or no repository. */
bool forge_api_read(struct forge_api *api, const struct db_reply *reply, size_t statement, struct err *err);
/* Asks, and resumes the flow with the answer, or fails it. */
enum flow_next forge_api_get(struct forge_api *api, const struct forge_call *call, const char *what);
/* Notes on the repository why its forge could not be asked; NULL: it answered. */
void forge_api_note(struct forge_api *api, const struct err *err);
void forge_api_done(struct forge_api *api);

#endif
