#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/*
 * What every fuzz target is: one function of bytes, called by libFuzzer (scripts/build fuzz) or, in the ordinary
 * builds, by replay.c with the kept inputs. A target keeps nothing from one input to the next, and says BUG_ON() where
 * a property does not hold. How to run them and to add one: docs/style.md.
 */

#include "common/err.h"
#include "common/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
	return (struct str){(const char *)data, size};
}

/* The choices of a target stand at the front of its input: the next byte, 0 when there is none. */
static inline uint8_t fuzz_byte(struct str *rest)
{
	uint8_t byte = rest->n ? (uint8_t)rest->p[0] : 0;
	*rest = str_skip(*rest, 1);
	return byte;
}

/* The part up to the next `separator`; the rest stands behind it. Empty when nothing is left. */
static inline struct str fuzz_part(struct str *rest, char separator)
{
	struct str part = {rest->p, 0};
	str_cut(rest, separator, &part);
	return part;
}

#endif
