#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

/* The settings of penstock-server: read once, then still. docs/configuration.md is printed from the table. */

#include "common/config.h"
#include "common/log.h"

struct server_settings {
	struct str listen_address;
	int64_t listen_port;
	int64_t worker_port; /* 0: workers use listen_port */
	struct str database_url;
	int64_t connections;
	struct str data_dir;
	struct str web_dir;
	struct str public_url; /* "" : http://listen_address:listen_port */
	struct str tls_certificate_file;
	struct str tls_key_file;
	int64_t poll_interval;     /* ms */
	int64_t source_cache_size; /* bytes */
	int64_t lease;             /* ms */
	/* What is kept, in ms; 0: for ever. */
	int64_t keep_runs;
	int64_t keep_newest; /* runs of each pipeline and branch, however old */
	int64_t keep_logs;
	int64_t keep_artifacts; /* whose pipeline does not say */
	int64_t keep_unused;    /* blobs that nothing names */
	int64_t retention_interval;
	bool migrate;
	bool routes;   /* print the table of routes and leave */
	bool states;   /* print docs/states.md and leave */
	bool settings; /* print the server's part of docs/configuration.md and leave */
	enum log_level log_level;
};

extern const struct config server_config;

#endif
