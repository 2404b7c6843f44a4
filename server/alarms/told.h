#ifndef SERVER_ALARMS_TOLD_H
#define SERVER_ALARMS_TOLD_H

/* What both webhooks of alarms begin with: the secrets, and whether the sender knows one. Private to server/alarms. */

#include "server/alarms/alarms_internal.h"

#include <jansson.h>

struct told {
	struct flow flow;
	struct alarms *alarms;
	struct http_exchange *exchange;
	json_t *body, *answer;
};

/* Loads the secrets of this name. */
enum flow_next told_find_secrets(struct told *told, struct str name);
/* Whether `fits` says so for one of them, in the time that two take, whatever there is. Behind told_find_secrets(). */
bool told_check(
	struct told *told, struct str name, bool (*fits)(struct told *told, struct str secret), struct err *err);
bool told_read_body(struct told *told, struct err *err);
/* The end of such a flow: answers with 200 and `answer`, or with the error, and frees. */
void told_ended(struct flow *flow);

#endif
