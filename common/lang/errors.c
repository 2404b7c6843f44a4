#include "common/lang/errors.h"

#include "common/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const struct lang_error *error, struct lang_place at, struct str message)
{
	return error->at.line == at.line && error->at.column == at.column && strcmp(error->at.file, at.file) == 0 &&
	       str_eq(error->message, message);
}

bool lang_error_add(struct lang_errors *errors, struct lang_place at, const char *format, ...)
{
	char text[480];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct str message = str_whole_chars((struct str){text, n < 0 ? 0 : strlen(text)});
	/* Messages quote the file, where an escaped text holds anything, and are shown on terminals. */
	str_blank_controls(text, message.n);
	for (size_t i = 0; i < errors->count; i++)
		if (is_same(&errors->items[i], at, message))
			return false;
	if (errors->count == LANG_ERRORS_MAX) {
		errors->left_out++;
		return false;
	}
	errors->items = arena_grow(errors->arena, errors->items, sizeof *errors->items, errors->count);
	errors->items[errors->count++] = (struct lang_error){.at = at, .message = arena_str(errors->arena, message)};
	return false;
}

struct lang_place lang_text_place(const struct lang_text *text, size_t offset)
{
	struct lang_place at = text->at;
	if (text->lead < 0 || offset > text->text.n)
		return at;
	at.column += text->lead;
	for (size_t i = 0; i < offset; i++)
		at.column += ((unsigned char)text->text.p[i] & 0xc0) != 0x80;
	return at;
}

struct str lang_error_text(const struct lang_error *error, struct arena *arena)
{
	return arena_printf(arena, "%s:%d:%d: %.*s", error->at.file, (int)error->at.line, (int)error->at.column,
		STR_ARG(error->message));
}

static int compare_places(struct lang_place a, struct lang_place b, const char *first_file)
{
	int order = strcmp(a.file, b.file);
	if (order != 0 && strcmp(a.file, first_file) == 0)
		return -1;
	if (order != 0 && strcmp(b.file, first_file) == 0)
		return 1;
	if (order != 0)
		return order;
	return a.line != b.line ? a.line - b.line : a.column - b.column;
}

/* At most LANG_ERRORS_MAX items, and errors of one place must keep their order: an insertion sort is right here. */
void lang_errors_sort(struct lang_errors *errors, const char *first_file)
{
	for (size_t i = 1; i < errors->count; i++) {
		struct lang_error moved = errors->items[i];
		size_t j = i;
		for (; j > 0 && compare_places(moved.at, errors->items[j - 1].at, first_file) < 0; j--)
			errors->items[j] = errors->items[j - 1];
		errors->items[j] = moved;
	}
}

void lang_errors_describe(const struct lang_errors *errors, json_t *list)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct lang_error *error = &errors->items[i];
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:i, s:o}", "file", error->at.file ? error->at.file : "", "line",
				      (int)error->at.line, "column", (int)error->at.column, "message",
				      json_of_str(error->message)));
	}
}
