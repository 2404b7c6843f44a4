/* penstock-server: settings, signals, one loop. */
#include "common/buf.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "server/api/routes.h"
#include "server/engine/states_print.h"
#include "server/wiring.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

extern char **environ;

struct program {
	uv_loop_t loop;
	uv_signal_t interrupt, terminate;
	struct wiring *wiring;
	bool is_stopping;
};

static void stop(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;
	if (program->is_stopping) {
		log_warn("server.stopped_at_once", F("signal", number));
		_exit(EXIT_FAILURE);
	}
	program->is_stopping = true;
	log_info("server.stopping", F("signal", number));
	wiring_close(program->wiring);
	/* A second signal still ends it at once; these two do not keep the loop. */
	uv_unref((uv_handle_t *)&program->interrupt);
	uv_unref((uv_handle_t *)&program->terminate);
}

static void watch_signals(struct program *program)
{
	uv_signal_init(&program->loop, &program->interrupt);
	uv_signal_init(&program->loop, &program->terminate);
	program->interrupt.data = program->terminate.data = program;
	uv_signal_start(&program->interrupt, stop, SIGINT);
	uv_signal_start(&program->terminate, stop, SIGTERM);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int serve(const struct server_settings *settings)
{
	static struct program program; /* what a failed start leaves is not lost, it ends with the process */
	struct err err = {0};
	uv_loop_init(&program.loop);
	if (!wiring_open(&program.loop, settings, &program.wiring, &err)) {
		fprintf(stderr, "penstock-server: %s\n", err.text);
		return err_exit_code(err.kind);
	}
	watch_signals(&program);
	uv_run(&program.loop, UV_RUN_DEFAULT);
	uv_walk(&program.loop, close_handle, NULL);
	uv_run(&program.loop, UV_RUN_DEFAULT);
	wiring_free(program.wiring);
	uv_loop_close(&program.loop);
	uv_library_shutdown();
	log_info("server.stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct server_settings settings = {0};
	auto_arena arena = {0};
	struct config_sources sources = {(const char *const *)argv, (const char *const *)environ};
	enum config_wish wish;
	struct err err = {0};
	if (failpoint_list(argc, argv))
		return EXIT_SUCCESS;
	if (!failpoint_arm(getenv("PENSTOCK_FAILPOINT"), &err) ||
		!config_load(&server_config, &sources, &settings, &arena, &wish, &err)) {
		fprintf(stderr, "penstock-server: %s\n", err.text);
		return err_exit_code(err.kind);
	}
	auto_buf help = BUF_INIT(1 << 20);
	switch (wish) {
	case CONFIG_SHOW_HELP:
		config_write_help(&server_config, &help);
		fputs(buf_c(&help), stdout);
		return EXIT_SUCCESS;
	case CONFIG_SHOW_VERSION:
		puts("penstock-server " PENSTOCK_VERSION);
		return EXIT_SUCCESS;
	case CONFIG_RUN:
		break;
	}
	if (settings.states || settings.settings) {
		if (settings.states)
			states_print(&help);
		else
			config_write_markdown(&server_config, &help);
		fputs(buf_c(&help), stdout);
		return EXIT_SUCCESS;
	}
	if (settings.routes) {
		for (const struct http_route *route = api_routes; route->method; route++)
			printf("%s %s\n", route->method, route->pattern);
		return EXIT_SUCCESS;
	}
	log_init("penstock-server", settings.log_level);
	return serve(&settings);
}
