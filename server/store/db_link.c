#include "server/store/db_link.h"

#include "common/mem.h"
#include "common/str.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_LIMIT_MS = 10 * 1000,
	BACK_OFF_FIRST_MS = 100,
	BACK_OFF_LAST_MS = 5 * 1000,
	OLDEST_SERVER = 130000,
};

/* Its own allocation: libuv keeps it until its close callback, a link may have a new one by then. */
struct link_poll {
	uv_poll_t handle;
	int fd;
	int events; /* watched for now, or 0 */
	struct db_link *link;
};

static void on_poll(uv_poll_t *handle, int status, int events);

/* Entries in front of dbname give way to what the URL says, the ones behind it do not. A peer that vanished without a
 * word is noticed within half a minute. */
static const char *const keywords[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"tcp_user_timeout", "fallback_application_name", "options", "dbname", "client_encoding", NULL};

/* Every statement here is prepared once, often while its tables are still empty, and finds a few rows by key or in the
 * order of an index. The plan that reads a small table whole, or sorts all that there is, would be kept until
 * autovacuum first looks, through the busiest minute of a new server. Costs are no measure then, so nothing is compiled
 * for them. */
#define PLAN_BY_KEY                                                                                                    \
	"-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"

static void connect_values(const char *url, const char *values[COUNT_OF(keywords)])
{
	const char *const all[COUNT_OF(keywords)] = {
		"10", "10", "5", "3", "20000", "penstock", PLAN_BY_KEY, url, "UTF8", NULL};
	memcpy(values, all, sizeof all);
}

static bool check_version(PGconn *pg, struct err *err)
{
	int version = PQserverVersion(pg);
	return version >= OLDEST_SERVER ||
	       err_set(err, ERR_UNSUPPORTED, "PostgreSQL %d is too old: Penstock needs %d or newer", version / 10000,
		       OLDEST_SERVER / 10000);
}

bool db_link_error(PGconn *pg, const char *what, struct err *err)
{
	struct str text = str_trim(str_of(pg ? PQerrorMessage(pg) : "out of memory")), line = text;
	str_cut(&text, '\n', &line);
	return err_set(err, ERR_UPSTREAM, "%s: %.*s", what, STR_ARG(line));
}

bool db_connect_blocking(const char *url, PGconn **ret, struct err *err)
{
	const char *values[COUNT_OF(keywords)];
	connect_values(url, values);
	PGconn *pg = PQconnectdbParams(keywords, values, 1);
	bool is_ok = PQstatus(pg) == CONNECTION_OK ? check_version(pg, err) : db_link_error(pg, "database", err);
	if (!is_ok) {
		PQfinish(pg);
		return false;
	}
	*ret = pg;
	return true;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct link_poll *poll = handle->data;
	struct db_link *link = poll->link;
	free(poll);
	--*link->handles;
	link->on_handle_closed(link->arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct db_link *link = handle->data;
	--*link->handles;
	link->on_handle_closed(link->arg);
}

static void unwatch(struct db_link *link)
{
	if (!link->poll)
		return;
	uv_close((uv_handle_t *)&link->poll->handle, on_poll_closed);
	link->poll = NULL;
}

static void watch(struct db_link *link, int events)
{
	int fd = PQsocket(link->pg);
	if (link->poll && link->poll->fd != fd)
		unwatch(link);
	if (!link->poll) {
		link->poll = mem_alloc(sizeof *link->poll);
		link->poll->link = link;
		link->poll->fd = fd;
		link->poll->handle.data = link->poll;
		int failed = uv_poll_init(link->loop, &link->poll->handle, fd);
		if (failed)
			BUG("uv_poll_init on libpq's socket: %s", uv_strerror(failed));
		++*link->handles;
	}
	if (link->poll->events == events)
		return;
	link->poll->events = events;
	uv_poll_start(&link->poll->handle, events, on_poll);
}

static void hang_up(struct db_link *link)
{
	unwatch(link); /* before libpq closes the socket */
	PQfinish(link->pg);
	link->pg = NULL;
}

static void attempt(struct db_link *link);

bool db_link_is_last_word(struct db_link *link, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (severity && strcmp(severity, "FATAL") != 0 && strcmp(severity, "PANIC") != 0)
		return false;
	if (severity && text)
		snprintf(link->last_words, sizeof link->last_words, "%s", text);
	return severity || PQresultStatus(result) == PGRES_FATAL_ERROR;
}

/* The last word of a server to a connection that waits for nothing comes as a notice. */
static void on_notice(void *arg, const PGresult *notice)
{
	db_link_is_last_word(arg, notice);
}

/* What the server said before it went is read first. */
static void report_loss(struct db_link *link)
{
	struct err err;
	unwatch(link); /* libpq has closed the socket, its number may soon be another's */
	db_link_error(link->pg, "database", &err);
	link->calls->on_ready(link);
	if (link->state != LINK_CONNECTED)
		return;
	if (link->last_words[0])
		err_set(&err, ERR_UPSTREAM, "database: %s", link->last_words);
	db_link_drop(link, &err);
}

static void on_timer(uv_timer_t *timer)
{
	struct db_link *link = timer->data;
	struct err err;
	switch (link->state) {
	case LINK_DOWN:
		attempt(link);
		return;
	case LINK_CONNECTING:
		err_set(&err, ERR_UPSTREAM, "database: no answer within %d s", CONNECT_LIMIT_MS / 1000);
		db_link_drop(link, &err);
		return;
	case LINK_CONNECTED:
		report_loss(link);
		return;
	case LINK_CLOSED:
		return;
	}
}

/* Half of the step is chance, so that many servers do not come back in the same millisecond. */
static uint64_t back_off_ms(unsigned failures)
{
	uint32_t step = BACK_OFF_LAST_MS;
	if (failures < 6 && (uint32_t)BACK_OFF_FIRST_MS << failures < step)
		step = (uint32_t)BACK_OFF_FIRST_MS << failures;
	return step / 2 + randombytes_uniform(step / 2 + 1);
}

void db_link_drop(struct db_link *link, const struct err *err)
{
	BUG_ON(link->state == LINK_CLOSED);
	link->last_err = *err;
	hang_up(link);
	link->state = LINK_DOWN;
	uv_timer_start(&link->timer, on_timer, back_off_ms(link->failures++), 0);
	link->calls->on_lost(link, &link->last_err);
}

static void connected(struct db_link *link)
{
	struct err err;
	if (!check_version(link->pg, &err)) {
		db_link_drop(link, &err);
		return;
	}
	uv_timer_stop(&link->timer);
	link->state = LINK_CONNECTED;
	PQsetnonblocking(link->pg, 1);
	watch(link, UV_READABLE);
	link->calls->on_connected(link);
}

static void advance(struct db_link *link)
{
	struct err err;
	if (link->poll) {
		/* libpq may close its socket here and get the same number again, which epoll cannot see. */
		uv_poll_stop(&link->poll->handle);
		link->poll->events = 0;
	}
	switch (PQconnectPoll(link->pg)) {
	case PGRES_POLLING_READING:
		watch(link, UV_READABLE);
		return;
	case PGRES_POLLING_WRITING:
		watch(link, UV_WRITABLE);
		return;
	case PGRES_POLLING_OK:
		connected(link);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		break;
	}
	db_link_error(link->pg, "database", &err);
	db_link_drop(link, &err);
}

static void attempt(struct db_link *link)
{
	struct err err;
	const char *values[COUNT_OF(keywords)];
	connect_values(link->url, values);
	link->pg = PQconnectStartParams(keywords, values, 1);
	if (PQstatus(link->pg) == CONNECTION_BAD) {
		db_link_error(link->pg, "database", &err);
		db_link_drop(link, &err);
		return;
	}
	link->state = LINK_CONNECTING;
	link->last_words[0] = 0;
	PQsetNoticeReceiver(link->pg, on_notice, link);
	uv_timer_start(&link->timer, on_timer, CONNECT_LIMIT_MS, 0);
	watch(link, UV_WRITABLE);
}

void db_link_start(struct db_link *link, PGconn *pg)
{
	uv_timer_init(link->loop, &link->timer);
	link->timer.data = link;
	++*link->handles;
	if (pg) {
		link->pg = pg;
		link->state = LINK_CONNECTED;
		PQsetNoticeReceiver(pg, on_notice, link);
		PQsetnonblocking(pg, 1);
		watch(link, UV_READABLE);
		return;
	}
	/* From the loop: an attempt that fails at once must not call the owner back inside his own start. */
	link->state = LINK_DOWN;
	uv_timer_start(&link->timer, on_timer, 0, 0);
}

void db_link_flush(struct db_link *link)
{
	if (link->state != LINK_CONNECTED)
		return;
	int left = PQflush(link->pg);
	if (PQstatus(link->pg) == CONNECTION_OK) {
		watch(link, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
		return;
	}
	unwatch(link);
	uv_timer_start(&link->timer, on_timer, 0, 0);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	(void)events;
	struct db_link *link = ((struct link_poll *)handle->data)->link;
	if (link->state == LINK_CONNECTING) {
		advance(link);
		return;
	}
	/* With an error on the socket too: libpq finds out which. */
	bool is_read = PQconsumeInput(link->pg) == 1;
	if (status != 0 || !is_read || PQstatus(link->pg) != CONNECTION_OK) {
		report_loss(link);
		return;
	}
	db_link_flush(link);
	link->calls->on_ready(link);
	if (link->state == LINK_CONNECTED && PQstatus(link->pg) != CONNECTION_OK)
		report_loss(link);
}

void db_link_worked(struct db_link *link)
{
	link->failures = 0;
}

void db_link_close(struct db_link *link)
{
	BUG_ON(link->state == LINK_CLOSED);
	link->state = LINK_CLOSED;
	hang_up(link);
	uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}
