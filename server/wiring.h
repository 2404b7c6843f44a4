#ifndef SERVER_WIRING_H
#define SERVER_WIRING_H

/* Makes the parts of the coordinator in order and ends them in reverse. Only main calls this. */

#include "common/err.h"
#include "server/settings.h"

struct uv_loop_s;
struct wiring;

/* Serves when it returns true. On failure the process has to end: *ret may hold what was made until then. */
bool wiring_open(struct uv_loop_s *loop, const struct server_settings *settings, struct wiring **ret, struct err *err);
/* Orderly: answers who waits, finishes what is under way; the loop runs empty afterwards. */
void wiring_close(struct wiring *wiring);
/* After the loop has ended. */
void wiring_free(struct wiring *wiring);

#endif
