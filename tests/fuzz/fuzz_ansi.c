// links: penstock_cli penstock_worker
// max_len: 2048
/*
 * What steps print: escape sequences, secrets, bytes of any kind. The input is a byte that says how the output is cut
 * into pieces, a list of secrets by lines, a line with nothing, then the output. In pieces or at once, the log is the
 * same; no secret is left in it; and without a secret it is as it was printed. What a command shows of it has nothing
 * for a terminal to obey but colours, and fits into its columns.
 */
#include "cli/print.h"
#include "common/arena.h"
#include "common/buf.h"
#include "tests/fuzz/fuzz.h"
#include "worker/log_filter.h"
#include "worker/mask.h"

#include <locale.h>

enum { SECRETS_MAX = 4, OUT_MAX = 1 << 20, LOG_CAP = 1000 };

/* Piece lengths that differ from each other, the first by the seed. */
static struct str next_piece(struct str *rest, uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	struct str piece = str_head(*rest, 1 + (*seed >> 24) % 37);
	*rest = str_skip(*rest, piece.n);
	return piece;
}

static void mask_in_pieces(const struct mask_set *set, struct str text, uint32_t seed, struct buf *out)
{
	struct mask_stream stream;
	mask_stream_init(&stream, set);
	while (text.n)
		mask_stream_write(&stream, next_piece(&text, &seed), out);
	mask_stream_flush(&stream, out);
	mask_stream_done(&stream);
}

static void mask_at_once(const struct mask_set *set, struct str text, struct buf *out)
{
	struct mask_stream stream;
	mask_stream_init(&stream, set);
	mask_stream_write(&stream, text, out);
	mask_stream_flush(&stream, out);
	mask_stream_done(&stream);
}

/* Of the values as they are; their encodings are for the unit tests. */
static void check_hidden(const struct str_list *secrets, struct str out)
{
	size_t at;
	for (size_t i = 0; i < secrets->count; i++) {
		struct str secret = str_head(secrets->items[i], MASK_VALUE_MAX);
		/* The three stars that stand for one value may, with what is beside them, look like another. */
		if (secret.n < MASK_VALUE_MIN || str_find_char(secret, '*', &at))
			continue;
		BUG_ON(str_find(out, secret, &at));
	}
}

static void try_mask(const struct mask_set *set, const struct str_list *secrets, struct str text, uint32_t seed)
{
	auto_buf pieces = BUF_INIT(OUT_MAX), whole = BUF_INIT(OUT_MAX);
	mask_in_pieces(set, text, seed, &pieces);
	mask_at_once(set, text, &whole);
	if (!str_eq(buf_str(&pieces), buf_str(&whole)))
		BUG("in pieces \"%.*s\", at once \"%.*s\"", STR_ARG(buf_str(&pieces)), STR_ARG(buf_str(&whole)));
	check_hidden(secrets, buf_str(&whole));
	if (!set)
		BUG_ON(!str_eq(buf_str(&whole), text));
}

static void check_counts(const struct log_filter *filter, struct str out)
{
	int64_t lines = 0;
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	BUG_ON(filter->bytes != (int64_t)out.n || filter->lines != lines);
}

static void try_filter(const struct mask_set *set, const struct str_list *secrets, struct str text, uint32_t seed)
{
	auto_buf out = BUF_INIT(OUT_MAX);
	struct log_filter filter;
	log_filter_init(&filter, set, LOG_CAP);
	while (text.n)
		log_filter_write(&filter, next_piece(&text, &seed), &out);
	log_filter_flush(&filter, &out);
	check_counts(&filter, buf_str(&out));
	/* One note of less than a hundred bytes may stand behind the cap. */
	BUG_ON(filter.bytes > LOG_CAP + 100);
	BUG_ON(out.n && out.p[out.n - 1] != '\n');
	/* A secret may be a word of the note itself. */
	if (!filter.is_over)
		check_hidden(secrets, buf_str(&out));
	log_filter_done(&filter);
}

static void try_terminal(struct str text, size_t columns)
{
	auto_arena arena = {0};
	auto_buf cut = BUF_INIT(OUT_MAX);
	print_cut(&cut, text, columns);
	BUG_ON(columns && print_width(buf_str(&cut)) > columns);
	struct str shown = arena_str(&arena, text);
	str_blank_controls((char *)(uintptr_t)shown.p, shown.n);
	BUG_ON(str_is_utf8(text) && !str_is_utf8(shown));
	while (str_is_utf8(text) && shown.n) {
		uint32_t c = str_next_char(&shown);
		BUG_ON(c < ' ' || (c >= 0x7f && c < 0xa0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str items[SECRETS_MAX], rest = fuzz_input(data, size);
	struct str_list secrets = {items, 0};
	uint32_t seed = fuzz_byte(&rest);
	while (secrets.count < SECRETS_MAX) {
		struct str secret = fuzz_part(&rest, '\n');
		if (secret.n == 0)
			break;
		items[secrets.count++] = secret;
	}
	struct mask_set *set = mask_set_new(&secrets);
	try_mask(set, &secrets, rest, seed);
	try_filter(set, &secrets, rest, seed);
	mask_set_free(set);
	setlocale(LC_CTYPE, "C.UTF-8");
	try_terminal(rest, seed % 50);
	return 0;
}
