#include "worker/policy/allow_file.h"

#include "common/glob.h"

#include <ctype.h>

static bool is_fingerprint(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isxdigit((unsigned char)text.p[i]) || isupper((unsigned char)text.p[i]))
			return false;
	return text.n == FINGERPRINT_BYTES;
}

/* Of "src/?*.c" five characters are the same in all that it matches: that much a pattern must say. */
static bool says_enough(struct str glob)
{
	size_t letters = 0;
	for (size_t i = 0; i < glob.n; i++)
		letters += isalnum((unsigned char)glob.p[i]) != 0;
	return letters >= 3;
}

static struct str cut_word(struct str *rest)
{
	size_t n = 0;
	while (n < rest->n && !isspace((unsigned char)rest->p[n]))
		n++;
	struct str word = str_head(*rest, n);
	*rest = str_trim(str_skip(*rest, n));
	return word;
}

static const char *check(const struct allowance *allowance, struct err *err)
{
	if (!allowance->reason.n)
		return "has no reason; write behind it why it may stand there";
	if (allowance->is_fingerprint)
		return NULL;
	if (str_starts(allowance->what, STR("!")))
		return "begins with \"!\"; a line can only let something pass";
	if (!glob_check(allowance->what, err))
		return err->text;
	return says_enough(allowance->what) ? NULL : "lets everything pass; name a folder, a file or a fingerprint";
}

void allow_file_read(struct str text, struct allow_file *ret, struct arena *arena,
	void (*fault)(void *arg, int32_t line, const char *message), void *arg)
{
	struct allow_file allow = {0};
	struct str line;
	for (int32_t number = 1; str_cut(&text, '\n', &line); number++) {
		struct str rest = str_trim(line);
		struct err err = {0};
		if (!rest.n || rest.p[0] == '#')
			continue;
		struct allowance allowance = {.what = cut_word(&rest)};
		allowance.reason = rest;
		allowance.is_fingerprint = is_fingerprint(allowance.what);
		const char *message = check(&allowance, &err);
		if (message) {
			fault(arg, number, message);
			continue;
		}
		allow.items = arena_grow(arena, allow.items, sizeof *allow.items, allow.count);
		allow.items[allow.count++] = allowance;
	}
	*ret = allow;
}

struct str allow_file_find(const struct allow_file *allow, struct str path, struct str fingerprint)
{
	for (size_t i = 0; i < allow->count; i++) {
		const struct allowance *item = &allow->items[i];
		if (item->is_fingerprint ? str_eq(item->what, fingerprint) : path.n && glob_match(item->what, path))
			return item->reason;
	}
	return (struct str){0};
}
