/* penstock-worker: settings, signals and order of starting and stopping; the work itself is runner.h's. */

#include "common/failpoint.h"
#include "common/hex.h"
#include "common/io/http_client.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"
#include "worker/account.h"
#include "worker/files.h"
#include "worker/runner.h"
#include "worker/sandbox/client.h"
#include "worker/settings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

extern char **environ;

enum { STOP_MS = 30000 };

struct program {
	struct worker_settings settings;
	struct arena arena;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t patience;
	struct sandbox *sandbox;
	struct http_client *http;
	struct runner *runner;
	int asked_to_stop;
	int exit_code;
};

static void on_http_closed(void *arg)
{
	struct program *program = arg;
	program->http = NULL;
}

static void on_runner_closed(void *arg)
{
	struct program *program = arg;
	program->runner = NULL;
	if (program->http)
		http_client_close(program->http, on_http_closed, program);
}

static void leave(struct program *program)
{
	for (size_t i = 0; i < COUNT_OF(program->signals); i++)
		if (!uv_is_closing((uv_handle_t *)&program->signals[i]))
			uv_close((uv_handle_t *)&program->signals[i], NULL);
	if (!uv_is_closing((uv_handle_t *)&program->patience))
		uv_close((uv_handle_t *)&program->patience, NULL);
	if (program->runner)
		runner_close(program->runner, on_runner_closed, program);
}

static void on_finished(void *arg, const struct err *err)
{
	struct program *program = arg;
	if (err) {
		log_error("worker.failed", F("error", err));
		program->exit_code = err_exit_code(err->kind);
	}
	log_info("worker.leaves", F("exit_code", program->exit_code));
	leave(program);
}

static void on_patience(uv_timer_t *timer)
{
	struct program *program = timer->data;
	log_warn("worker.leaves", F("reason", "not everything could be reported in time; the next start does it"));
	leave(program);
}

/* The first asks to finish what runs, the second to cancel it, the third to go. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;
	(void)number;
	switch (++program->asked_to_stop) {
	case 1:
		log_info("worker.drains", F("signal", number));
		runner_drain(program->runner);
		return;
	case 2:
		log_info("worker.cancels", F("signal", number));
		runner_stop(program->runner);
		uv_timer_start(&program->patience, on_patience, STOP_MS, 0);
		return;
	}
	leave(program);
}

static struct worker_layer *describe_layers(const struct sandbox_facts *facts, struct arena *arena)
{
	static const char *const names[] = {
#define X(constant, name, purpose) name,
		SANDBOX_LAYERS(X)
#undef X
	};
	struct worker_layer *layers = arena_array(arena, struct worker_layer, SANDBOX_LAYER_COUNT);
	for (size_t i = 0; i < SANDBOX_LAYER_COUNT; i++)
		layers[i] = (struct worker_layer){
			.name = str_of(names[i]), .state = str_of(facts->layers & 1u << i ? "on" : "missing")};
	return layers;
}

static struct worker_register describe(struct program *program)
{
	const struct sandbox_facts *facts = sandbox_facts(program->sandbox);
	unsigned char instance[12];
	random_bytes(instance, sizeof instance);
	return (struct worker_register){
		.name = program->settings.name,
		.version = STR(PENSTOCK_VERSION),
		.instance = hex_encode(&program->arena, (struct str){(const char *)instance, sizeof instance}),
		.labels = program->settings.labels,
		.slots = (int32_t)program->settings.slots,
		.profile = facts->profile == SANDBOX_PROFILE_FULL ? STR("full") : STR("user"),
		.layers = describe_layers(facts, &program->arena),
		.layer_count = SANDBOX_LAYER_COUNT,
	};
}

static bool start_sandbox(struct program *program, struct err *err)
{
	const struct worker_settings *settings = &program->settings;
	if (!files_make_directory(settings->work_dir.p, err))
		return false;
	struct sandbox_options options = {
		.state_dir = arena_printf(&program->arena, "%s/sandbox", settings->work_dir.p).p,
		.slots = (unsigned)settings->slots,
		.first_range = (unsigned)settings->first_range,
	};
	if (!sandbox_start(&options, &program->sandbox, err))
		return false;
	const struct sandbox_facts *facts = sandbox_facts(program->sandbox);
	if (settings->profile == PROFILE_FULL && facts->profile != SANDBOX_PROFILE_FULL)
		return err_set(err, ERR_UNSUPPORTED, "profile is \"full\", but this machine gives \"user\" only: %s",
			facts->cgroup_obstacle[0] ? facts->cgroup_obstacle : "run `penstock doctor`");
	if (settings->user.n && getuid() == 0)
		return account_become(arena_str(&program->arena, settings->user).p, settings->work_dir.p, err);
	return true;
}

static bool start(struct program *program, struct err *err)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	const struct worker_settings *settings = &program->settings;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		uv_signal_init(&program->loop, &program->signals[i]);
		program->signals[i].data = program;
		uv_signal_start(&program->signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&program->loop, &program->patience);
	program->patience.data = program;
	const char *ca_file = settings->ca_file.n ? arena_str(&program->arena, settings->ca_file).p : NULL;
	if (!http_client_open(&program->loop, ca_file, &program->http, err))
		return false;
	struct runner_options options = {
		.loop = &program->loop,
		.http = program->http,
		.sandbox = program->sandbox,
		.url = settings->server_url.p,
		.token = settings->token.p,
		.work_dir = settings->work_dir.p,
		.cache_bytes = settings->cache_size,
		.self = describe(program),
		.finished = on_finished,
		.arg = program,
	};
	return runner_open(&options, &program->runner, err);
}

static int run(struct program *program)
{
	struct err err = {0};
	bool has_begun = start_sandbox(program, &err);
	uv_loop_init(&program->loop);
	if (has_begun && !start(program, &err)) {
		leave(program);
		if (program->http)
			http_client_close(program->http, on_http_closed, program);
	}
	if (err.kind != ERR_NONE) {
		log_error("worker.failed", F("error", &err));
		program->exit_code = err_exit_code(err.kind);
	}
	uv_run(&program->loop, UV_RUN_DEFAULT);
	uv_loop_close(&program->loop);
	sandbox_stop(program->sandbox);
	return program->exit_code;
}

int main(int argc, char **argv)
{
	struct program program = {.exit_code = 0};
	struct config_sources sources = {(const char *const *)argv, (const char *const *)environ};
	enum config_wish wish;
	struct err err;
	if (failpoint_list(argc, argv))
		return 0;
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (!failpoint_arm(getenv("PENSTOCK_FAILPOINT"), &err) ||
		!config_load(&worker_config, &sources, &program.settings, &program.arena, &wish, &err)) {
		fprintf(stderr, "penstock-worker: %s\n", err.text);
		return err_exit_code(ERR_INVALID);
	}
	if (wish == CONFIG_SHOW_VERSION) {
		puts("penstock-worker " PENSTOCK_VERSION);
		return 0;
	}
	if (wish == CONFIG_SHOW_HELP || program.settings.settings) {
		auto_buf text = BUF_INIT(1 << 20);
		if (wish == CONFIG_SHOW_HELP)
			config_write_help(&worker_config, &text);
		else
			config_write_markdown(&worker_config, &text);
		fputs(buf_c(&text), stdout);
		arena_done(&program.arena);
		return 0;
	}
	log_init("penstock-worker", (enum log_level)program.settings.log_level);
	if (!worker_settings_complete(&program.settings, &program.arena, &err)) {
		fprintf(stderr, "penstock-worker: %s\n", err.text);
		return err_exit_code(ERR_INVALID);
	}
	int exit_code = run(&program);
	arena_done(&program.arena);
	return exit_code;
}
