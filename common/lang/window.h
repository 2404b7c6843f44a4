#ifndef COMMON_LANG_WINDOW_H
#define COMMON_LANG_WINDOW_H

/*
 * When a window is open, over the days on which clocks are set: it is what clocks of its zone show. An hour that comes
 * twice is in it twice, one that is passed over does not come. Pure; seconds since 1970.
 */

#include "common/lang/when.h"
#include "common/zone.h"

bool lang_window_holds(const struct lang_window *window, const struct zone *zone, int64_t at);
/* The first moment behind `at` at which that may become different, and the latest up to `at`; it need not have. false:
 * none within ten days. */
bool lang_window_edge_after(const struct lang_window *window, const struct zone *zone, int64_t at, int64_t *ret);
bool lang_window_edge_before(const struct lang_window *window, const struct zone *zone, int64_t at, int64_t *ret);

#endif
