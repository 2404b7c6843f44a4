#include "common/buf.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf)BUF_INIT(max);
}

void buf_done(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf)BUF_INIT(buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->is_full = false;
	if (buf->p)
		buf->p[0] = 0;
}

char *buf_reserve(struct buf *buf, size_t n)
{
	BUG_ON(buf->max == 0);
	if (n > buf->max || buf->n > buf->max - n) {
		buf->is_full = true;
		return NULL;
	}
	if (buf->n + n + 1 > buf->capacity) {
		size_t wanted = buf->capacity ? buf->capacity * 2 : 64;
		while (wanted < buf->n + n + 1)
			wanted *= 2;
		buf->p = mem_resize(buf->p, wanted);
		buf->capacity = wanted;
	}
	return buf->p + buf->n;
}

bool buf_add(struct buf *buf, const void *p, size_t n)
{
	char *to = buf_reserve(buf, n);
	if (!to)
		return false;
	if (n)
		memcpy(to, p, n);
	buf->n += n;
	buf->p[buf->n] = 0;
	return true;
}

bool buf_add_str(struct buf *buf, struct str s)
{
	return buf_add(buf, s.p, s.n);
}

bool buf_add_c(struct buf *buf, const char *c_string)
{
	return buf_add(buf, c_string, strlen(c_string));
}

bool buf_add_char(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

bool buf_vaddf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	BUG_ON(n < 0);
	char *to = buf_reserve(buf, (size_t)n);
	if (to) {
		vsnprintf(to, (size_t)n + 1, format, again);
		buf->n += (size_t)n;
	}
	va_end(again);
	return to != NULL;
}

bool buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bool ok = buf_vaddf(buf, format, args);
	va_end(args);
	return ok;
}

bool buf_add_utf8(struct buf *buf, struct str text)
{
	while (text.n) {
		size_t n = str_utf8_length(text);
		if (!(n ? buf_add(buf, text.p, n) : buf_add(buf, "\xef\xbf\xbd", 3)))
			return false;
		text = str_skip(text, n ? n : 1);
	}
	return true;
}

void buf_drop(struct buf *buf, size_t n)
{
	BUG_ON(n > buf->n);
	if (n == 0)
		return;
	memmove(buf->p, buf->p + n, buf->n - n);
	buf->n -= n;
	buf->p[buf->n] = 0;
}

struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->p, buf->n};
}

const char *buf_c(struct buf *buf)
{
	return buf->n ? buf->p : "";
}

char *buf_take(struct buf *buf)
{
	char *p = buf->p ? buf->p : mem_strdup("");
	*buf = (struct buf)BUF_INIT(buf->max);
	return p;
}
