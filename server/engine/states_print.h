#ifndef SERVER_ENGINE_STATES_PRINT_H
#define SERVER_ENGINE_STATES_PRINT_H

/* docs/states.md, from the tables of states.h. */

#include "common/buf.h"

void states_print(struct buf *to);

#endif
