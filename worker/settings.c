#include "worker/settings.h"

#include "worker/files.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const profile_names[] = {"any", "full", NULL};
static const char *const log_level_names[] = {"debug", "info", "warn", "error", NULL};

static const struct config_row rows[] = {
	CONFIG(struct worker_settings, server_url, CONFIG_TEXT, "http://127.0.0.1:7070",
		"where the server is: http:// or https://, host and port", .environment = "PENSTOCK_URL"),
	CONFIG(struct worker_settings, ca_file, CONFIG_TEXT, "",
		"certificates to trust for https, in one file; by default the system's"),
	CONFIG(struct worker_settings, token, CONFIG_TEXT, "", "the worker's token", .flags = CONFIG_SECRET),
	CONFIG(struct worker_settings, token_file, CONFIG_TEXT, "", "a file that holds the worker's token"),
	CONFIG(struct worker_settings, name, CONFIG_TEXT, "",
		"what the worker is called, once in the pool; by default the machine's name"),
	CONFIG(struct worker_settings, slots, CONFIG_NUMBER, "0", "jobs at a time; 0: one for each core", .min = 0,
		.max = 1024),
	CONFIG(struct worker_settings, labels, CONFIG_LIST, "", "what jobs may ask for, such as linux,amd64,deploy"),
	CONFIG(struct worker_settings, work_dir, CONFIG_TEXT, "/var/lib/penstock-worker",
		"cache, spool and workspaces; an absolute path, for this worker alone"),
	CONFIG(struct worker_settings, cache_size, CONFIG_SIZE, "10GiB",
		"how much of sources and artifacts is kept to save work", .min = 1 << 20, .max = INT64_MAX),
	CONFIG(struct worker_settings, profile, CONFIG_CHOICE, "any",
		"full: do not start where a layer of the full sandbox is missing", .choices = profile_names),
	CONFIG(struct worker_settings, first_range, CONFIG_NUMBER, "0",
		"as root, slots use the ids from 100000 + 65536 * this; workers of one machine must not overlap",
		.min = 0, .max = 60000),
	CONFIG(struct worker_settings, user, CONFIG_TEXT, "",
		"started as root, the account to go on as once the sandbox launcher runs; by default root"),
	CONFIG(struct worker_settings, settings, CONFIG_BOOL, "false", "print these settings as Markdown and leave"),
	CONFIG(struct worker_settings, log_level, CONFIG_CHOICE, "info", "the least that is logged",
		.choices = log_level_names),
	CONFIG_END,
};

const struct config worker_config = {
	.program = "penstock-worker",
	.summary = "Takes jobs from a Penstock server and runs them in sandboxes.",
	.prefix = "PENSTOCK_WORKER_",
	.rows = rows,
};

static bool read_token(struct worker_settings *settings, struct arena *arena, struct err *err)
{
	if (settings->token_file.n) {
		const char *path = arena_str(arena, settings->token_file).p;
		settings->token = str_trim(files_read_small(path, 4096, arena));
		if (!settings->token.n)
			return err_set(err, ERR_INVALID, "the token file %s is missing, empty or not to be read", path);
	}
	size_t at;
	if (!settings->token.n)
		return err_set(err, ERR_INVALID,
			"no token; set PENSTOCK_WORKER_TOKEN or token_file, `penstock worker token` makes one");
	if (str_find_char(settings->token, '\n', &at) || str_find_char(settings->token, '\r', &at))
		return err_set(err, ERR_INVALID, "the token has more than one line");
	settings->token = arena_str(arena, settings->token);
	return true;
}

static int64_t count_cores(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

bool worker_settings_complete(struct worker_settings *settings, struct arena *arena, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "worker";
	struct str url = settings->server_url;
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
		return err_set(err, ERR_INVALID, "server_url \"%.*s\": expected http:// or https://", STR_ARG(url));
	settings->server_url = arena_str(arena, url);
	if (!str_starts(settings->work_dir, STR("/")))
		return err_set(
			err, ERR_INVALID, "work_dir \"%.*s\": expected an absolute path", STR_ARG(settings->work_dir));
	settings->work_dir = arena_str(arena, settings->work_dir);
	if (!settings->name.n) {
		gethostname(host, sizeof host - 1);
		settings->name = arena_str(arena, str_of(host));
	}
	if (!settings->slots)
		settings->slots = count_cores();
	return read_token(settings, arena, err);
}
