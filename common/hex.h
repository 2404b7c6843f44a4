#ifndef COMMON_HEX_H
#define COMMON_HEX_H

/*
 * Bytes as text: hex in lower case, base64 (RFC 4648, padded) and base64url (not padded). Decoding is strict: nothing
 * but the alphabet, no blanks, no stray bits behind the end, so that two texts never mean the same bytes (hex is read
 * in either case).
 */

#include "common/arena.h"

struct str hex_encode(struct arena *arena, struct str bytes);
bool hex_decode(struct arena *arena, struct str text, struct str *ret);
/* Exactly 2 * n characters into n bytes: ids and digests. */
bool hex_decode_to(struct str text, uint8_t *to, size_t n);
/* Writes 2 * n characters and a zero. */
void hex_write(const uint8_t *bytes, size_t n, char *to);

struct str base64_encode(struct arena *arena, struct str bytes);
bool base64_decode(struct arena *arena, struct str text, struct str *ret);
struct str base64url_encode(struct arena *arena, struct str bytes);
bool base64url_decode(struct arena *arena, struct str text, struct str *ret);

#endif
