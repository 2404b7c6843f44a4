#include "worker/mask.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

/* One node of the Aho-Corasick automaton; children are a list, since most nodes have one. Node 0 is the root. */
struct node {
	uint32_t child;
	uint32_t sibling;
	uint32_t fail;
	uint32_t depth;
	uint32_t match; /* length of the longest value that ends here, 0: none */
	unsigned char byte;
};

struct mask_set {
	struct node *nodes;
	uint32_t count;
	uint32_t capacity;
	uint32_t first[256]; /* children of the root: most bytes of a log end here */
	uint32_t depth_max;
};

static uint32_t child_of(const struct mask_set *set, uint32_t at, unsigned char byte)
{
	if (at == 0)
		return set->first[byte];
	for (uint32_t child = set->nodes[at].child; child; child = set->nodes[child].sibling)
		if (set->nodes[child].byte == byte)
			return child;
	return 0;
}

static uint32_t add_child(struct mask_set *set, uint32_t at, unsigned char byte)
{
	if (set->count == set->capacity) {
		set->capacity = set->capacity ? set->capacity * 2 : 256;
		set->nodes = mem_resize(set->nodes, set->capacity * sizeof *set->nodes);
	}
	uint32_t made = set->count++;
	set->nodes[made] = (struct node){.depth = made ? set->nodes[at].depth + 1 : 0, .byte = byte};
	if (made == 0)
		return 0;
	if (at == 0) {
		set->first[byte] = made;
	} else {
		set->nodes[made].sibling = set->nodes[at].child;
		set->nodes[at].child = made;
	}
	return made;
}

static void add_pattern(struct mask_set *set, struct str pattern)
{
	if (pattern.n < MASK_VALUE_MIN)
		return;
	uint32_t at = 0;
	for (size_t i = 0; i < pattern.n; i++) {
		unsigned char byte = (unsigned char)pattern.p[i];
		uint32_t next = child_of(set, at, byte);
		at = next ? next : add_child(set, at, byte);
	}
	set->nodes[at].match = (uint32_t)pattern.n;
	if (set->depth_max < pattern.n)
		set->depth_max = (uint32_t)pattern.n;
}

static void add_hex(struct mask_set *set, struct str value, const char *digits)
{
	auto_buf text = BUF_INIT(2 * MASK_VALUE_MAX);
	for (size_t i = 0; i < value.n; i++) {
		buf_add_char(&text, digits[(unsigned char)value.p[i] >> 4]);
		buf_add_char(&text, digits[(unsigned char)value.p[i] & 15]);
	}
	add_pattern(set, buf_str(&text));
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c);
}

static void add_percent(struct mask_set *set, struct str value, const char *digits)
{
	auto_buf text = BUF_INIT(3 * MASK_VALUE_MAX);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c && is_unreserved(c)) {
			buf_add_char(&text, c);
			continue;
		}
		buf_add_char(&text, '%');
		buf_add_char(&text, digits[(unsigned char)c >> 4]);
		buf_add_char(&text, digits[(unsigned char)c & 15]);
	}
	add_pattern(set, buf_str(&text));
}

/* `skip` bytes of something else stand before the value in its group of three: only the characters that depend on the
 * value alone are a pattern. */
static void add_base64(struct mask_set *set, struct str value, size_t skip, const char *alphabet)
{
	auto_buf text = BUF_INIT(2 * MASK_VALUE_MAX);
	size_t bits = 8 * value.n;
	for (size_t bit = skip == 0 ? 0 : skip == 1 ? 4 : 2; bit + 6 <= bits; bit += 6) {
		unsigned pair = (unsigned)(unsigned char)value.p[bit / 8] << 8;
		if (bit / 8 + 1 < value.n)
			pair |= (unsigned char)value.p[bit / 8 + 1];
		buf_add_char(&text, alphabet[pair >> (10 - bit % 8) & 63]);
	}
	add_pattern(set, buf_str(&text));
}

static void add_value(struct mask_set *set, struct str value)
{
	static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	if (value.n < MASK_VALUE_MIN)
		return;
	value = str_head(value, MASK_VALUE_MAX);
	add_pattern(set, value);
	add_hex(set, value, "0123456789abcdef");
	add_hex(set, value, "0123456789ABCDEF");
	add_percent(set, value, "0123456789abcdef");
	add_percent(set, value, "0123456789ABCDEF");
	for (size_t skip = 0; skip < 3; skip++) {
		add_base64(set, value, skip, standard);
		add_base64(set, value, skip, url);
	}
}

/* Breadth first, so that a node's fail link and its match are known before its children's. */
static void link_nodes(struct mask_set *set)
{
	auto_free uint32_t *queue = mem_alloc(set->count * sizeof *queue);
	uint32_t head = 0, tail = 0;
	for (size_t byte = 0; byte < 256; byte++)
		if (set->first[byte])
			queue[tail++] = set->first[byte];
	while (head < tail) {
		uint32_t at = queue[head++];
		for (uint32_t child = set->nodes[at].child; child; child = set->nodes[child].sibling) {
			unsigned char byte = set->nodes[child].byte;
			uint32_t fail = set->nodes[at].fail;
			while (fail && !child_of(set, fail, byte))
				fail = set->nodes[fail].fail;
			fail = child_of(set, fail, byte);
			set->nodes[child].fail = fail;
			if (!set->nodes[child].match)
				set->nodes[child].match = set->nodes[fail].match;
			queue[tail++] = child;
		}
	}
}

struct mask_set *mask_set_new(const struct str_list *values)
{
	struct mask_set *set = mem_alloc(sizeof *set);
	add_child(set, 0, 0);
	for (size_t i = 0; i < values->count; i++) {
		struct str value = values->items[i], line;
		add_value(set, value);
		add_value(set, str_trim(value));
		while (str_cut(&value, '\n', &line))
			add_value(set, str_trim(line));
	}
	if (set->count == 1) {
		mask_set_free(set);
		return NULL;
	}
	link_nodes(set);
	return set;
}

void mask_set_free(struct mask_set *set)
{
	if (!set)
		return;
	/* The nodes spell the secrets. */
	if (set->nodes)
		explicit_bzero(set->nodes, set->count * sizeof *set->nodes);
	free(set->nodes);
	free(set);
}

void mask_stream_init(struct mask_stream *stream, const struct mask_set *set)
{
	*stream = (struct mask_stream){.set = set};
	/* The longest pattern, and a match that was extended by overlaps up to it again. */
	buf_init(&stream->held, set ? 16 * (size_t)set->depth_max + 64 : 64);
}

void mask_stream_done(struct mask_stream *stream)
{
	buf_done(&stream->held);
}

/* Moves out what no later byte can make part of a value: all but the last `keep` bytes. */
static void emit(struct mask_stream *stream, size_t keep, struct buf *out)
{
	/* What an overlapped match already took with it is not there to be kept. */
	size_t end = keep < stream->held.n ? stream->held.n - keep : 0;
	if (stream->match_from == stream->match_to) {
		buf_add(out, stream->held.p, end);
		buf_drop(&stream->held, end);
		return;
	}
	if (end <= stream->match_from || end < stream->match_to)
		return;
	buf_add(out, stream->held.p, stream->match_from);
	buf_add_c(out, "***");
	buf_add(out, stream->held.p + stream->match_to, end - stream->match_to);
	stream->match_from = stream->match_to = 0;
	buf_drop(&stream->held, end);
}

/* A match that only ever grows (the value repeated without a gap) must not fill the buffer: what lies before the part
 * that may still matter shrinks to one byte, which the "***" stands for anyway. */
static void shrink_match(struct mask_stream *stream, size_t keep)
{
	size_t spare = stream->match_to - stream->match_from;
	if (stream->held.n < stream->held.max / 2 || spare < 2)
		return;
	size_t decided = keep < stream->held.n ? stream->held.n - keep : 0;
	size_t cut = decided > stream->match_from ? decided - stream->match_from : 0;
	if (cut >= spare)
		cut = spare - 1;
	size_t at = stream->match_from;
	memmove(stream->held.p + at, stream->held.p + at + cut, stream->held.n - at - cut);
	stream->held.n -= cut;
	stream->match_to -= cut;
}

static void add_match(struct mask_stream *stream, size_t length, struct buf *out)
{
	size_t to = stream->held.n, from = length < to ? to - length : 0;
	if (stream->match_from != stream->match_to && from > stream->match_to) {
		/* Apart from the one before: that one is decided. */
		size_t keep = to - stream->match_to;
		emit(stream, keep, out);
		to = stream->held.n;
		from = to - length;
	}
	if (stream->match_from == stream->match_to || from < stream->match_from)
		stream->match_from = from;
	stream->match_to = to;
}

void mask_stream_write(struct mask_stream *stream, struct str piece, struct buf *out)
{
	const struct mask_set *set = stream->set;
	size_t i = 0;
	while (i < piece.n) {
		if (!set || (stream->state == 0 && stream->held.n == 0)) {
			size_t from = i;
			while (i < piece.n && (!set || !set->first[(unsigned char)piece.p[i]]))
				i++;
			buf_add(out, piece.p + from, i - from);
			if (i == piece.n)
				return;
		}
		unsigned char byte = (unsigned char)piece.p[i++];
		uint32_t next = child_of(set, stream->state, byte);
		while (!next && stream->state) {
			stream->state = set->nodes[stream->state].fail;
			next = child_of(set, stream->state, byte);
		}
		stream->state = next;
		BUG_ON(!buf_add_char(&stream->held, (char)byte));
		if (set->nodes[next].match)
			add_match(stream, set->nodes[next].match, out);
		emit(stream, set->nodes[next].depth, out);
		shrink_match(stream, set->nodes[next].depth);
	}
}

void mask_stream_flush(struct mask_stream *stream, struct buf *out)
{
	emit(stream, 0, out);
	stream->state = 0;
}
