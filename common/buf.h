#ifndef COMMON_BUF_H
#define COMMON_BUF_H

/*
 * A growing byte buffer with a ceiling. Each add returns false, and adds nothing, when the ceiling would be passed, and
 * from then on the buffer `is_full`: writers of many small pieces may check that once at the end. The bytes are always
 * followed by a zero. Whoever declares one calls buf_done(), or says auto_buf.
 */

#include "common/str.h"

#include <stdarg.h>

struct buf {
	char *p;
	size_t n;
	size_t capacity;
	size_t max;
	bool is_full;
};

#define BUF_INIT(max_bytes)                                                                                            \
	{                                                                                                              \
		.max = (max_bytes)                                                                                     \
	}
#define auto_buf __attribute__((cleanup(buf_done))) struct buf

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
bool buf_add(struct buf *buf, const void *p, size_t n);
bool buf_add_str(struct buf *buf, struct str s);
bool buf_add_c(struct buf *buf, const char *c_string);
bool buf_add_char(struct buf *buf, char c);
bool buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vaddf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* The text with each byte that is no UTF-8 replaced by U+FFFD. */
bool buf_add_utf8(struct buf *buf, struct str text);
/* Room for n more bytes, or NULL at the ceiling; write there, then raise buf->n by what was used. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_drop(struct buf *buf, size_t n); /* the first n bytes */
struct str buf_str(const struct buf *buf);
const char *buf_c(struct buf *buf); /* "" when empty */
char *buf_take(struct buf *buf);    /* the caller frees */

#endif
