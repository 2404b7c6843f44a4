#ifndef SERVER_INGEST_REMOTE_H
#define SERVER_INGEST_REMOTE_H

/* A repository as it stands where it came from: its address, its forge, and what opens both. */

#include "server/git/git_remote.h"
#include "server/ingest/forge.h"
#include "server/store/db.h"

struct server;

struct remote {
	struct str name; /* of the repository, here */
	const struct forge *forge;
	struct str default_branch;
	struct git_remote git;
	struct str project, api_url; /* as its forge's API has them; "": none */
};

/* Adds the query whose row remote_read() wants. */
void remote_find(struct db_batch *batch, int64_t repository);
/* With its secrets opened, in the arena. ERR_NOT_FOUND: the repository is gone. */
bool remote_read(struct remote *ret, struct server *server, const struct db_reply *reply, size_t statement,
	struct arena *arena, struct err *err);
/* There is an API, and a token for it. */
bool remote_has_api(const struct remote *remote);

#endif
