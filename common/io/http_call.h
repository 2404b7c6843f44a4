#ifndef COMMON_IO_HTTP_CALL_H
#define COMMON_IO_HTTP_CALL_H

/* Inside of http_client only: one call, and the client it belongs to. http_call.c prepares calls and takes their
 * answers from curl; http_client.c runs them on the loop and completes them. */

#include "common/buf.h"
#include "common/io/http_client.h"

#include <curl/curl.h>
#include <uv.h>

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	char *ca_file;
	uv_timer_t curl_timer;
	uv_timer_t turn; /* starts and ends calls outside of curl's callbacks, where curl allows neither */
	struct http_call *calls;
	bool is_closing;
	unsigned open_handles;
	void (*closed)(void *arg);
	void *closed_arg;
};

enum call_state { CALL_NEW, CALL_RUNNING, CALL_RESTING, CALL_OVER };

struct http_call {
	struct http_client *client;
	struct http_call *next, **at;
	enum call_state state;
	CURL *easy;
	CURLcode code;
	bool is_cancelled;
	int tries;
	uint64_t sent_at, again_at; /* of the loop's clock, ms; again_at: while it rests */
	struct curl_slist *headers;
	struct arena arena;
	struct http_request request; /* its views are in the arena */
	struct str place;            /* "GET http://host/path", for messages */
	struct buf body;
	uint64_t received_bytes;
	struct http_answer answer;
	struct err err; /* found in a callback of curl's, where it only learns that something failed */
	char error_text[CURL_ERROR_SIZE];
	void (*done)(void *arg, const struct http_answer *answer, const struct err *err);
	void *arg;
};

/* Starts new calls and completes ended ones on the loop's next turn. */
void http_client_take_turn(struct http_client *client);
void http_call_free(struct http_call *call);

#endif
