#ifndef COMMON_STR_H
#define COMMON_STR_H

/*
 * A view of bytes that somebody else owns; not terminated by a zero unless the maker says so. `p` may be NULL only
 * when n is 0. The growing kind is `struct buf`; there is no third.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

struct str_list {
	struct str *items;
	size_t count;
};

#define STR(literal)  ((struct str){(literal), sizeof(literal) - 1})
#define STR_ARG(view) (int)(view).n, (view).p ? (view).p : "" /* for "%.*s" */

struct str str_of(const char *c_string); /* NULL gives the empty view */
bool str_eq(struct str a, struct str b);
bool str_is(struct str s, const char *c_string);
struct str str_or_empty(struct str s); /* never NULL inside: for arrays where NULL means SQL's null */
int str_compare(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* blanks, tabs, line ends */
struct str str_skip(struct str s, size_t n);
struct str str_head(struct str s, size_t n);
bool str_find(struct str s, struct str needle, size_t *ret_at);
bool str_find_char(struct str s, char c, size_t *ret_at);

/* Cuts the part before the next `separator` off *rest; false when *rest is used up. "a,,b" has three parts; an empty
 * text has none, and a separator at the very end adds none. */
bool str_cut(struct str *rest, char separator, struct str *ret_part);

/* The whole of s as a decimal number; false when it is not one or does not fit. */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_f64(struct str s, double *ret);

/* Bytes of the first character of s (not empty); 0 when it is no valid UTF-8. */
size_t str_utf8_length(struct str s);
bool str_is_utf8(struct str s);
/* Whether each byte of s is one of `allowed`; a zero byte never is, though strchr() finds one. */
bool str_has_only(struct str s, const char *allowed);
/* Without the beginning of a character that was cut off at the end of s. */
struct str str_whole_chars(struct str s);
/* At most the first n bytes, and no half of a character: for messages that quote what somebody sent. */
struct str str_brief(struct str s, size_t n);
/* Puts a blank in place of each byte that a terminal would obey: control characters, those of two bytes (C1) too. Says
 * whether there were any. For texts of others that are shown to people. */
bool str_blank_controls(char *p, size_t n);
/* Cuts the first UTF-8 character off *rest and returns it; *rest is not empty. A byte that begins none counts as one.
 */
uint32_t str_next_char(struct str *rest);

/* Optimal-string-alignment distance, for "did you mean"; at most `limit`, else limit + 1. */
size_t str_distance(struct str a, struct str b, size_t limit);
/* The nearest of `names` (NULL-terminated) to s, or NULL when none is near enough to suggest. */
const char *str_nearest(struct str s, const char *const *names);
bool str_list_nearest(const struct str_list *list, struct str s, struct str *ret);

bool str_list_has(const struct str_list *list, struct str s);

#endif
