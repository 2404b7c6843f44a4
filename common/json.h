#ifndef COMMON_JSON_H
#define COMMON_JSON_H

/* Small bridges between jansson and our own types. */

#include "common/fields.h"

/* Compact text of a document, in the arena. */
struct str json_text(const json_t *json, struct arena *arena);
/* {"name": "value", ...} as text. */
struct str json_of_pairs(const struct pair_list *pairs, struct arena *arena);
/* A JSON text value; bytes that are no UTF-8 are replaced. A new reference. */
json_t *json_of_str(struct str text);
/* "" when absent or no text; a view into the document. */
struct str json_get_str(const json_t *object, const char *name);

#endif
