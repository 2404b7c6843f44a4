#include "worker/log_filter.h"

#include "common/err.h"

#include <inttypes.h>
#include <string.h>

enum { LOG_BYTES_DEFAULT = 64 << 20, PIECE_MAX = 64 << 10 };

void log_filter_init(struct log_filter *filter, const struct mask_set *set, int64_t max_bytes)
{
	*filter = (struct log_filter){.max_bytes = max_bytes > 0 ? max_bytes : LOG_BYTES_DEFAULT};
	mask_stream_init(&filter->mask, set);
	/* A piece, and all that the mask may have held back before it. */
	buf_init(&filter->masked, PIECE_MAX + filter->mask.held.max + 64);
}

void log_filter_done(struct log_filter *filter)
{
	mask_stream_done(&filter->mask);
	buf_done(&filter->masked);
}

/* Everything that comes out goes through here, notes included, so that the counts are true. */
static void put(struct log_filter *filter, struct str bytes, int64_t newlines, struct buf *out)
{
	BUG_ON(!buf_add_str(out, bytes));
	filter->bytes += (int64_t)bytes.n;
	filter->lines += newlines;
}

static void put_note(struct log_filter *filter, struct buf *out, struct str before, int64_t limit, struct str after)
{
	auto_buf note = BUF_INIT(200);
	buf_add_str(&note, before);
	buf_addf(&note, "%" PRId64, limit);
	buf_add_str(&note, after);
	put(filter, buf_str(&note), str_ends(after, STR("\n")) + str_starts(before, STR("\n")), out);
}

/* Part of one line; `is_ended` when its line end is the last byte. */
static void put_line(struct log_filter *filter, struct str part, bool is_ended, struct buf *out)
{
	size_t text = part.n - is_ended;
	size_t room = filter->line_bytes < LOG_LINE_MAX ? LOG_LINE_MAX - filter->line_bytes : 0;
	filter->line_bytes += text;
	if (text <= room && !filter->is_line_cut) {
		put(filter, part, is_ended, out);
	} else {
		if (!filter->is_line_cut) {
			put(filter, str_head(part, room), 0, out);
			put_note(filter, out, STR(" [line cut after "), LOG_LINE_MAX, STR(" bytes]"));
		}
		filter->is_line_cut = true;
		if (is_ended)
			put(filter, STR("\n"), 1, out);
	}
	if (is_ended) {
		filter->line_bytes = 0;
		filter->is_line_cut = false;
	}
}

static void put_lines(struct log_filter *filter, struct str text, struct buf *out)
{
	while (text.n && !filter->is_over) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) + 1 : text.n;
		/* The line that would pass the cap is left out whole, unless the cap is within its first part. */
		if (filter->bytes + (int64_t)n > filter->max_bytes) {
			struct str before = STR("\n[the log ends here: it reached its limit of ");
			put_note(filter, out, filter->line_bytes ? before : str_skip(before, 1), filter->max_bytes,
				STR(" bytes]\n"));
			filter->line_bytes = 0;
			filter->is_over = true;
			return;
		}
		put_line(filter, str_head(text, n), end != NULL, out);
		text = str_skip(text, n);
	}
}

void log_filter_write(struct log_filter *filter, struct str piece, struct buf *out)
{
	while (piece.n && !filter->is_over) {
		struct str part = str_head(piece, PIECE_MAX);
		piece = str_skip(piece, part.n);
		if (!filter->mask.set) {
			put_lines(filter, part, out);
			continue;
		}
		buf_clear(&filter->masked);
		mask_stream_write(&filter->mask, part, &filter->masked);
		put_lines(filter, buf_str(&filter->masked), out);
	}
}

void log_filter_flush(struct log_filter *filter, struct buf *out)
{
	buf_clear(&filter->masked);
	mask_stream_flush(&filter->mask, &filter->masked);
	put_lines(filter, buf_str(&filter->masked), out);
	if (filter->line_bytes && !filter->is_over)
		put_line(filter, STR("\n"), true, out);
}
