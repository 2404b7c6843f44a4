// links: penstock_http
/*
 * How fast the HTTP server is: small requests over keep-alive connections, answered at once and on a later turn of the
 * loop, and the memory of requests that are held. Client and server share the machine, so the last column counts by the
 * processor time of the server's thread alone. Usage: bench_http [SECONDS [CONNECTIONS]]. Prints a table.
 */

#include "common/clock.h"
#include "common/mem.h"
#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { LATER_MAX = 4096, HELD = 1000 };

static struct {
	uv_loop_t loop;
	uv_async_t stop;
	uv_timer_t turn;
	struct http_server *server;
	struct http_exchange *later[LATER_MAX];
	size_t later_count;
} site;

static void answer_now(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_answer(exchange, 200, "application/json", STR("{\"ok\":true}"));
}

static void on_turn(uv_timer_t *turn)
{
	(void)turn;
	while (site.later_count > 0)
		answer_now(site.later[--site.later_count], NULL);
}

static void answer_later(struct http_exchange *exchange, void *context)
{
	(void)context;
	BUG_ON(site.later_count == LATER_MAX);
	site.later[site.later_count++] = exchange;
	uv_timer_start(&site.turn, on_turn, 0, 0);
}

static void answer_gone(void *exchange)
{
	answer_now(exchange, NULL);
}

static void hold(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_on_gone(exchange, answer_gone, exchange);
}

static const struct http_route routes[] = {
	{"GET", "/now", answer_now, 0, false, 0},
	{"POST", "/now", answer_now, 4096, false, 0},
	{"GET", "/later", answer_later, 0, false, 0},
	{"GET", "/hold", hold, 0, false, 0},
	{NULL, NULL, NULL, 0, false, 0},
};

static void on_stop(uv_async_t *async)
{
	http_server_close(site.server, 1000, NULL, NULL);
	uv_close((uv_handle_t *)async, NULL);
	uv_close((uv_handle_t *)&site.turn, NULL);
}

static void *serve(void *arg)
{
	(void)arg;
	uv_run(&site.loop, UV_RUN_DEFAULT);
	return NULL;
}

static int connect_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		fprintf(stderr, "bench_http: connect: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static void send_all(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text)) {
		fprintf(stderr, "bench_http: send: %s\n", strerror(errno));
		exit(1);
	}
}

static int64_t thread_cpu_us(pthread_t thread)
{
	clockid_t clock;
	struct timespec time;
	pthread_getcpuclockid(thread, &clock);
	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * US_PER_SECOND + time.tv_nsec / 1000;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Each connection has one request under way; small answers come in one piece. */
static void measure(pthread_t server, const char *name, const char *request, int seconds, int connections)
{
	enum { SAMPLES = 1 << 20 };
	int port = http_server_port(site.server), poll = epoll_create1(EPOLL_CLOEXEC);
	auto_free int *fds = mem_alloc((size_t)connections * sizeof *fds);
	auto_free int64_t *sent_us = mem_alloc((size_t)connections * sizeof *sent_us);
	auto_free int64_t *samples = mem_alloc(SAMPLES * sizeof *samples);
	size_t count = 0;
	int64_t cpu_us = thread_cpu_us(server), began_us = clock_mono_us(), now_us = began_us;
	for (int i = 0; i < connections; i++) {
		fds[i] = connect_to(port);
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &event);
		sent_us[i] = clock_mono_us();
		send_all(fds[i], request);
	}
	while (now_us - began_us < seconds * US_PER_SECOND) {
		struct epoll_event events[64];
		char answer[1024];
		int ready = epoll_wait(poll, events, COUNT_OF(events), 1000);
		now_us = clock_mono_us();
		for (int i = 0; i < ready; i++) {
			uint32_t at = events[i].data.u32;
			ssize_t n = recv(fds[at], answer, sizeof answer, 0);
			if (n < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
				fprintf(stderr, "bench_http: %s: no answer\n", name);
				exit(1);
			}
			samples[count++ % SAMPLES] = now_us - sent_us[at];
			sent_us[at] = now_us;
			send_all(fds[at], request);
		}
	}
	cpu_us = thread_cpu_us(server) - cpu_us;
	double elapsed = (double)(now_us - began_us) / US_PER_SECOND;
	size_t kept = count < SAMPLES ? count : SAMPLES;
	qsort(samples, kept, sizeof *samples, compare_times);
	printf("%-24s %10.0f %12lld %12lld %14.0f\n", name, (double)count / elapsed,
		kept ? (long long)samples[kept / 2] : 0, kept ? (long long)samples[kept * 99 / 100] : 0,
		(double)count * US_PER_SECOND / (double)cpu_us);
	for (int i = 0; i < connections; i++)
		close(fds[i]);
	close(poll);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void measure_held(void)
{
	static int fds[HELD];
	struct http_server_stats stats = {0};
	long before = resident_kib();
	for (int i = 0; i < HELD; i++) {
		fds[i] = connect_to(http_server_port(site.server));
		send_all(fds[i], "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	}
	/* The counter is the loop thread's; a look now and then is all that is needed here. */
	while (http_server_stats(site.server, &stats), stats.suspended < HELD)
		usleep(1000);
	printf("\n%d held requests: %.1f KiB of memory each\n", HELD, (double)(resident_kib() - before) / HELD);
	for (int i = 0; i < HELD; i++)
		close(fds[i]);
}

int main(int argc, char **argv)
{
	int64_t seconds = 3, connections = 32;
	pthread_t thread;
	struct err err = {0};
	struct rlimit files = {8192, 8192};
	setrlimit(RLIMIT_NOFILE, &files);
	if ((argc > 1 && !str_to_i64(str_of(argv[1]), &seconds)) ||
		(argc > 2 && !str_to_i64(str_of(argv[2]), &connections))) {
		fprintf(stderr, "usage: bench_http [SECONDS [CONNECTIONS]]\n");
		return 2;
	}
	struct http_server_options options = {
		.address = "127.0.0.1", .connection_bytes = 8192, .connections_max = LATER_MAX, .routes = routes};
	uv_loop_init(&site.loop);
	uv_async_init(&site.loop, &site.stop, on_stop);
	uv_timer_init(&site.loop, &site.turn);
	if (!http_server_open(&site.loop, &options, &site.server, &err)) {
		fprintf(stderr, "bench_http: %s\n", err.text);
		return 1;
	}
	pthread_create(&thread, NULL, serve, NULL);
	printf("%-24s %10s %12s %12s %14s\n", "request", "per second", "median us", "p99 us", "per cpu second");
	measure(thread, "GET, at once", "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", (int)seconds, (int)connections);
	measure(thread, "POST 16 bytes, at once",
		"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n\r\n0123456789abcdef", (int)seconds,
		(int)connections);
	measure(thread, "GET, later", "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", (int)seconds, (int)connections);
	measure_held();
	uv_async_send(&site.stop);
	pthread_join(thread, NULL);
	uv_loop_close(&site.loop);
	return 0;
}
