#include "worker/change_get.h"

#include "common/io/http_client.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/proto/policy_proto.h"
#include "worker/files.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMEOUT_MS = 10 * 60 * 1000 };

struct change {
	int fd;
	struct err err;
	struct http_call *call;
	void (*done)(void *arg, int fd, const struct err *err);
	void *arg;
};

static bool write_piece(void *arg, struct str piece)
{
	struct change *change = arg;
	while (piece.n && change->fd >= 0) {
		ssize_t n = write(change->fd, piece.p, piece.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(&change->err, "write the change");
		piece = str_skip(piece, (size_t)n);
	}
	return change->fd >= 0;
}

static void begin_again(void *arg)
{
	struct change *change = arg;
	if (change->fd >= 0 && (ftruncate(change->fd, 0) < 0 || lseek(change->fd, 0, SEEK_SET) < 0))
		err_errno(&change->err, "empty the change");
}

/* The server's sentence, without the JSON around it. */
static void take_refusal(struct change *change, const struct http_answer *answer)
{
	json_t *json = json_loadb(answer->body.p ? answer->body.p : "", answer->body.n, 0, NULL);
	struct str text = json_get_str(json_object_get(json, "error"), "message");
	if (!text.n)
		text = str_head(answer->body, 200);
	err_set(&change->err, ERR_UPSTREAM, "what its policies look at could not be had: %.*s", STR_ARG(text));
	json_decref(json);
}

static void on_answer(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct change *change = arg;
	if (change->err.kind == ERR_NONE && err)
		change->err = *err;
	else if (change->err.kind == ERR_NONE && answer->status != 200)
		take_refusal(change, answer);
	else if (change->err.kind == ERR_NONE && lseek(change->fd, 0, SEEK_SET) < 0)
		err_errno(&change->err, "rewind the change");
	bool ok = change->err.kind == ERR_NONE;
	if (!ok && change->fd >= 0)
		close(change->fd);
	change->done(change->arg, ok ? change->fd : -1, ok ? NULL : &change->err);
	free(change);
}

void change_get(const struct change_request *request, void (*done)(void *arg, int fd, const struct err *err), void *arg,
	struct change **ret)
{
	struct change *change = mem_alloc(sizeof *change);
	change->done = done;
	change->arg = arg;
	change->fd = files_temporary(request->scratch_dir, &change->err);
	const struct http_request get = {
		.method = "GET",
		.url = request->url,
		.headers = request->headers,
		.answer_max_bytes = POLICY_CHANGE_BYTES_MAX,
		.body_write = write_piece,
		.begin_again = begin_again,
		.timeout_ms = TIMEOUT_MS,
		.retry_ms = TIMEOUT_MS,
	};
	http_send(request->http, &get, on_answer, change, &change->call);
	*ret = change;
}

void change_cancel(struct change *change)
{
	http_cancel(change->call);
}
