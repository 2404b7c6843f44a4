#ifndef SERVER_SHELL_SHELL_INTERNAL_H
#define SERVER_SHELL_SHELL_INTERNAL_H

/* What the visits of runs and of lanes share. Private to server/shell. */

#include "common/id_map.h"
#include "server/shell/graph_cache.h"
#include "server/shell/shell.h"

struct shell {
	struct db *db;
	struct plan_cache *plans;
	struct shell_hooks hooks;
	struct graph_cache graphs;
	struct id_map visits;      /* run: struct visit */
	struct id_map lane_visits; /* lane: struct lane_visit */
	struct shell_stats stats;
	bool is_ticking;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* Called when a visit has ended. */
void shell_check_closed(struct shell *shell);

#endif
