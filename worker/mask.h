#ifndef WORKER_MASK_H
#define WORKER_MASK_H

/*
 * Keeps secret values out of a log that comes in pieces of any size. A value is found as it is, in hex,
 * percent-encoded, and in base64 wherever it begins inside the encoded text; each line of a value of several lines
 * counts by itself too. What matches becomes "***"; overlapping matches become one. Bytes that may be the beginning of
 * a value are held back until it is decided, so no value ever leaves in two halves. Pure.
 *
 * The set is built once and may serve any number of streams; it must outlive them.
 */

#include "common/buf.h"
#include "common/str.h"

enum {
	MASK_VALUE_MIN = 4, /* shorter values would hide half of every log; they are not masked */
	MASK_VALUE_MAX = 64 << 10,
};

struct mask_set;

/* NULL when there is nothing to mask. */
struct mask_set *mask_set_new(const struct str_list *values);
void mask_set_free(struct mask_set *set);

struct mask_stream {
	const struct mask_set *set; /* may be NULL: everything passes */
	struct buf held;
	uint32_t state;
	size_t match_from; /* the undecided match, as offsets in `held`; from == to: none */
	size_t match_to;
};

void mask_stream_init(struct mask_stream *stream, const struct mask_set *set);
void mask_stream_done(struct mask_stream *stream);
/* Adds what can be decided to `out`, which must have room for held bytes and piece together. */
void mask_stream_write(struct mask_stream *stream, struct str piece, struct buf *out);
/* Adds what was held back: the source has ended, nothing can complete a value any more. */
void mask_stream_flush(struct mask_stream *stream, struct buf *out);

#endif
