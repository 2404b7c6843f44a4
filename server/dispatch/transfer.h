#ifndef SERVER_DISPATCH_TRANSFER_H
#define SERVER_DISPATCH_TRANSFER_H

/*
 * What workers fetch and bring besides syncs: source packs, artifacts of needed jobs, uploads. Each names an attempt
 * that the asking worker holds; anything else is refused with 409. Context of the handlers: struct server.
 */

#include "server/http/http_server.h"

http_handler worker_source;
http_handler worker_blob_get;
http_handler worker_upload_head;
http_handler worker_upload_put; /* an is_upload route */
http_handler worker_change;     /* change.c */
http_handler worker_tags;       /* tags.c */

#endif
