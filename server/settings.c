#include "server/settings.h"

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

static const struct config_row rows[] = {
	CONFIG(struct server_settings, listen_address, CONFIG_TEXT, "127.0.0.1",
		"the address to listen on; 0.0.0.0 for every one of this machine", .flags = 0),
	CONFIG(struct server_settings, listen_port, CONFIG_NUMBER, "7070",
		"the port of web pages, API and webhooks; 0: any", .min = 0, .max = 65535),
	CONFIG(struct server_settings, worker_port, CONFIG_NUMBER, "0",
		"a port of its own for workers, with smaller buffers; 0: they use listen_port", .min = 0, .max = 65535),
	CONFIG(struct server_settings, database_url, CONFIG_TEXT, NULL, "the PostgreSQL database, as libpq takes it",
		.environment = "DATABASE_URL", .flags = CONFIG_REQUIRED | CONFIG_SECRET),
	CONFIG(struct server_settings, connections, CONFIG_NUMBER, "4", "connections to the database", .min = 1,
		.max = 64),
	CONFIG(struct server_settings, data_dir, CONFIG_TEXT, "/var/lib/penstock",
		"the folder of mirrors, blobs and the key; every server of a database needs the same", .flags = 0),
	CONFIG(struct server_settings, web_dir, CONFIG_TEXT, "",
		"the folder of the built web pages; empty: looked for beside the program", .flags = 0),
	CONFIG(struct server_settings, public_url, CONFIG_TEXT, "",
		"the address that people and forges use, such as https://ci.example.org; empty: http, address and port",
		.flags = 0),
	CONFIG(struct server_settings, tls_certificate_file, CONFIG_TEXT, "",
		"a certificate chain in PEM; empty: plain HTTP", .flags = 0),
	CONFIG(struct server_settings, tls_key_file, CONFIG_TEXT, "", "its private key in PEM", .flags = 0),
	CONFIG(struct server_settings, poll_interval, CONFIG_DURATION, "60s",
		"how often repositories are looked at for pushes whose webhook was lost", .min = 1000, .max = 86400000),
	CONFIG(struct server_settings, source_cache_size, CONFIG_SIZE, "2GiB",
		"how much of sources made ready for workers is kept below data_dir; what was used longest ago goes first",
		.min = 1 << 20, .max = INT64_MAX),
	CONFIG(struct server_settings, migrate, CONFIG_BOOL, "true", "bring an older schema up to date at the start",
		.flags = 0),
	CONFIG(struct server_settings, routes, CONFIG_BOOL, "false", "print the routes of the API and leave",
		.flags = 0),
	CONFIG(struct server_settings, states, CONFIG_BOOL, "false",
		"print the states of runs, stages, jobs and gates and leave", .flags = 0),
	CONFIG(struct server_settings, settings, CONFIG_BOOL, "false", "print these settings as Markdown and leave",
		.flags = 0),
	CONFIG(struct server_settings, log_level, CONFIG_CHOICE, "info", "the least level that is logged",
		.choices = log_levels),
	CONFIG_END,
};

const struct config server_config = {
	.program = "penstock-server",
	.summary = "The coordinator of Penstock: API, web pages, webhooks, scheduling.",
	.prefix = "PENSTOCK_SERVER_",
	.rows = rows,
};
