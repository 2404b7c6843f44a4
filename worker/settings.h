#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

/* What penstock-worker can be told, by file, environment and flags. Read once, by main. */

#include "common/config.h"

enum worker_profile { PROFILE_ANY, PROFILE_FULL };

struct worker_settings {
	struct str server_url;
	struct str ca_file;
	struct str token;
	struct str token_file;
	struct str name;
	int64_t slots;
	struct str_list labels;
	struct str work_dir;
	int64_t cache_size;
	int profile; /* enum worker_profile */
	int64_t first_range;
	struct str user;
	bool settings; /* print the worker's part of docs/configuration.md and leave */
	int log_level; /* enum log_level */
};

extern const struct config worker_config;

/* Fills in what depends on the machine (name, slots), reads the token's file, and checks the rest. */
bool worker_settings_complete(struct worker_settings *settings, struct arena *arena, struct err *err);

#endif
