// links: penstock_lang
// max_len: 512
/*
 * The small languages inside the pipeline language: globs, cron lines, windows. The input is a pattern, a line end, a
 * text. A refused pattern matches nothing; a text with every special character escaped matches itself; a list that
 * takes out what it took matches nothing; cron lines come due after the time they are asked for, at times that they
 * name.
 */
#include "common/buf.h"
#include "common/glob.h"
#include "common/lang/due.h"
#include "common/lang/when.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { TEXT_MAX = 4096 };

static void check_escaped(struct str text)
{
	auto_buf pattern = BUF_INIT(TEXT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		if (memchr("*?[]{}\\!,", text.p[i], 9))
			buf_add_char(&pattern, '\\');
		buf_add_char(&pattern, text.p[i]);
	}
	struct str escaped = buf_str(&pattern);
	if (glob_check(escaped, NULL) && !glob_match(escaped, text))
		BUG("%.*s does not match %.*s", STR_ARG(escaped), STR_ARG(text));
}

/* What globs are asked about: paths in a commit, names of refs and targets. */
static bool is_path(struct str text)
{
	size_t at;
	return text.n && text.p[0] != '/' && text.p[text.n - 1] != '/' && !str_starts(text, STR("./")) &&
	       !str_find(text, STR("//"), &at);
}

static void try_glob(struct str pattern, struct str text)
{
	auto_buf taken_out = BUF_INIT(TEXT_MAX);
	struct str whole = str_starts(pattern, STR("!")) ? str_skip(pattern, 1) : pattern;
	buf_add_char(&taken_out, '!');
	buf_add_str(&taken_out, whole);
	struct str items[] = {whole, buf_str(&taken_out)};
	struct str_list both = {items, 2}, last = {items + 1, 1};
	check_escaped(text);
	if (str_starts(whole, STR("!")))
		return; /* only the first one means something */
	bool is_good = glob_check(whole, NULL), matches = glob_match(whole, text);
	/* Except that two slashes are refused inside a class too, where they are only one too many. */
	size_t at;
	BUG_ON(!is_good && matches && is_path(text) && !str_find(whole, STR("//"), &at));
	BUG_ON(is_good && glob_list_match(&both, text));
	BUG_ON(is_good && glob_list_match(&last, text) == matches);
}

/* Clocks go forward at 1,000,000 and back at 2,000,000. */
static void try_cron(struct str line, uint32_t seed)
{
	struct zone_change changes[] = {{1000000, 7200}, {2000000, 3600}};
	struct zone zone = {.first = 3600, .changes = changes, .count = 2};
	struct lang_cron cron;
	struct err err = {0};
	if (!lang_cron_parse(line, &cron, &err)) {
		BUG_ON(lang_cron_check(line, NULL) || err.text[0] == 0);
		return;
	}
	BUG_ON(!cron.minutes || !cron.hours || !cron.months || (!cron.days && !cron.weekdays));
	int64_t after = seed % 4000000, first, second;
	if (!lang_cron_next(&cron, &zone, after, &first))
		return;
	BUG_ON(first <= after);
	int64_t local = first + zone_offset(&zone, first);
	BUG_ON(!cron.is_time_of_day && !(cron.minutes >> (local / 60 % 60) & 1));
	if (!lang_cron_next(&cron, &zone, first, &second))
		return;
	BUG_ON(second <= first);
	BUG_ON(lang_cron_latest(&cron, &zone, first, second - 1) != first);
	BUG_ON(lang_cron_latest(&cron, &zone, first, second) != second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = fuzz_input(data, size), pattern = fuzz_part(&rest, '\n');
	struct lang_window window = {0};
	uint32_t seed = 0;
	for (size_t i = 0; i < rest.n; i++)
		seed = seed * 31 + (uint8_t)rest.p[i];
	try_glob(pattern, rest);
	try_cron(pattern, seed);
	if (lang_window_parse(pattern, &window, NULL))
		BUG_ON(!window.is_any && (!window.weekdays || window.from_minute < 0 || window.until_minute > 24 * 60));
	lang_time_zone_check(pattern, NULL);
	return 0;
}
