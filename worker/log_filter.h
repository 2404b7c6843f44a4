#ifndef WORKER_LOG_FILTER_H
#define WORKER_LOG_FILTER_H

/*
 * What a step prints on its way to the log: secrets masked, endless lines cut, the whole capped. Everything else stays
 * as it is, bytes that are no text included. One filter a job; the counts are those of what came out. Pure.
 */

#include "worker/mask.h"

enum { LOG_LINE_MAX = 64 << 10 };

struct log_filter {
	struct mask_stream mask;
	struct buf masked;
	int64_t max_bytes;
	int64_t bytes;     /* let through so far */
	int64_t lines;     /* line ends among them */
	size_t line_bytes; /* of the line at hand */
	bool is_line_cut;
	bool is_over; /* the cap is reached: nothing passes any more, the job is to end */
};

/* max_bytes 0: the default of 64 MiB. `set` may be NULL and must outlive the filter. */
void log_filter_init(struct log_filter *filter, const struct mask_set *set, int64_t max_bytes);
void log_filter_done(struct log_filter *filter);
/* Adds what passes to `out`. When the cap is reached the last thing added says so. */
void log_filter_write(struct log_filter *filter, struct str piece, struct buf *out);
/* Between steps and at the end: lets go what was held back, and ends a line that was left open. */
void log_filter_flush(struct log_filter *filter, struct buf *out);

#endif
