#ifndef SERVER_API_CONFIGURATION_CHANGE_H
#define SERVER_API_CONFIGURATION_CHANGE_H

/*
 * The steps by which a text becomes the configuration in force, shared by all requests that bring one: apply, revert,
 * and the making of an environment. A request fills in a struct change, its own steps first, then goes through
 * change_read, change_look_up and either change_show or change_store, change_stored and change_answer. One that only
 * compares two stored versions has change_read_versions in place of change_read. Private to server/api.
 */

#include "common/lang/configuration.h"
#include "server/api/handler.h"
#include "server/configuration/configurations.h"

struct change {
	struct api_request api;
	const struct configuration_snapshot *before; /* a reference, from change_read() until the end */
	struct str text;
	int64_t expected;     /* the version that the text stands on */
	int64_t from_version; /* whose text it is again; 0: a new one. Of change_read_versions: that of `earlier` */
	struct str comment;
	struct str earlier; /* of change_read_versions: what the text is compared with */
	/* Made on the way. */
	const struct configuration *made; /* NULL: errors say why */
	struct lang_errors errors;
	json_t *differences;
	int64_t version; /* that it became, or whose text it is */
};

/* Starts the request; its ending lets go of what it holds. */
void change_start(struct http_exchange *exchange, void *context, flow_step *const *steps);
/* "version" of the body, or If-Match: which one the caller has seen. */
bool change_expected(struct change *change, struct err *err);

flow_step change_read; /* reads and compares on a pool thread */
flow_step change_read_versions;
flow_step change_look_up; /* names that only the database knows */
flow_step change_show;    /* the difference alone; the end */
flow_step change_store;
flow_step change_stored;
flow_step change_answer; /* the end */

#endif
