#ifndef COMMON_YAML_EDIT_H
#define COMMON_YAML_EDIT_H

/*
 * Changes values of a YAML or JSON file in place: the bytes of a value are replaced and every other byte stays, so
 * comments, order, quotes and line ends are what they were. The result is read again, and must be the same tree but for
 * the values; otherwise nothing is given out. Pure.
 *
 * A value keeps its quotes. A plain text stays a text: what YAML would read as something else (1.10, true, 2024-05-01)
 * is quoted. A plain number, boolean or null may become any of these. In JSON what was a text stays one, and what was
 * none becomes a text where it is neither number, true, false nor null.
 *
 * Refused: what is not there, maps, lists, block texts (| and >), empty values, and what has a tag or an anchor that
 * other places use. A file of several documents is fine as long as only one of them has the path.
 */

#include "common/fields.h"

struct yaml_change {
	struct str path;
	struct str before, after;
	int32_t line;
	bool is_changed; /* false: the value was there already */
};

struct yaml_edited {
	struct str text; /* the whole file */
	struct yaml_change *changes;
	size_t count;
	bool is_changed;
};

/* `name` ends in .json for JSON, and begins each message. */
bool yaml_edit(struct str name, struct str text, const struct pair_list *set, struct yaml_edited *ret,
	struct arena *arena, struct err *err);

#endif
