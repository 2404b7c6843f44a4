#ifndef SERVER_ENGINE_PLAN_PRINT_H
#define SERVER_ENGINE_PLAN_PRINT_H

/* A plan as people read it: what `penstock plan` shows. Pure. */

#include "common/buf.h"
#include "server/engine/plan.h"

void plan_print(const struct plan *plan, bool has_color, struct buf *out);

#endif
