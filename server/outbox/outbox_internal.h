#ifndef SERVER_OUTBOX_OUTBOX_INTERNAL_H
#define SERVER_OUTBOX_OUTBOX_INTERNAL_H

/* Between the outbox and those who send one kind of message. Private to server/outbox. */

#include "common/fields.h"
#include "server/outbox/outbox.h"

#include <stdint.h>

struct outbox_message {
	int64_t id;
	struct str kind;
	json_t *body;
	int32_t tries;    /* this one is counted */
	bool is_outdated; /* a later one of its key tells more */
};

enum outbox_outcome {
	OUTBOX_SENT,
	OUTBOX_LATER,    /* it may work later */
	OUTBOX_GIVEN_UP, /* it will not */
};

/* What became of it: called once for each message that was handed over. delay_ms 0: as the tries say. */
void outbox_ended(struct outbox *outbox, int64_t id, int32_t tries, enum outbox_outcome outcome, struct str problem,
	int64_t delay_ms);

/* page.c: calls people. Copies the message. */
void outbox_send_page(struct outbox *outbox, struct server *server, const struct outbox_message *message);
/* status.c: tells a forge what became of a commit. Copies the message. */
void outbox_send_status(struct outbox *outbox, struct server *server, const struct outbox_message *message);

#endif
