#ifndef SERVER_STORE_DELIVERY_STORE_H
#define SERVER_STORE_DELIVERY_STORE_H

/*
 * Waves, deployments and lanes of environment stages between rows and the engine: the part of run_store.h that runs
 * without such stages do without. Private to server/store.
 */

#include "server/store/run_store.h"

/* One statement of run_store_load(); `statement` is its index in the reply. */
bool delivery_store_read(const struct db_reply *reply, size_t statement, struct run_graph *graph, struct err *err);
void delivery_store_save(struct db_batch *batch, const struct run_graph *graph, const struct effects *effects);

#endif
