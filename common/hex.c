#include "common/hex.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_write(const uint8_t *bytes, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++) {
		*to++ = hex_digits[bytes[i] >> 4];
		*to++ = hex_digits[bytes[i] & 15];
	}
	*to = 0;
}

struct str hex_encode(struct arena *arena, struct str bytes)
{
	char *text = arena_alloc(arena, bytes.n * 2 + 1);
	hex_write((const uint8_t *)bytes.p, bytes.n, text);
	return (struct str){text, bytes.n * 2};
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode_to(struct str text, uint8_t *to, size_t n)
{
	if (text.n != n * 2)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (hex_value(text.p[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)((unsigned)hex_value(text.p[2 * i]) << 4 | (unsigned)hex_value(text.p[2 * i + 1]));
	return true;
}

bool hex_decode(struct arena *arena, struct str text, struct str *ret)
{
	uint8_t *bytes = arena_alloc(arena, text.n / 2 + 1);
	if (!hex_decode_to(text, bytes, text.n / 2))
		return false;
	*ret = (struct str){(char *)bytes, text.n / 2};
	return true;
}

static struct str encode(struct arena *arena, struct str bytes, const char *digits, bool is_padded)
{
	char *text = arena_alloc(arena, (bytes.n + 2) / 3 * 4 + 1), *to = text;
	const uint8_t *from = (const uint8_t *)bytes.p;
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t group = (uint32_t)from[i] << 16;
		if (left > 1)
			group |= (uint32_t)from[i + 1] << 8;
		if (left > 2)
			group |= from[i + 2];
		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		if (left > 1)
			*to++ = digits[group >> 6 & 63];
		else if (is_padded)
			*to++ = '=';
		if (left > 2)
			*to++ = digits[group & 63];
		else if (is_padded)
			*to++ = '=';
	}
	return (struct str){text, (size_t)(to - text)};
}

static bool decode(struct arena *arena, struct str text, const char *digits, struct str *ret)
{
	uint8_t *bytes = arena_alloc(arena, text.n / 4 * 3 + 3), *to = bytes;
	uint32_t bits = 0;
	unsigned count = 0;
	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		const char *digit = text.p[i] ? strchr(digits, text.p[i]) : NULL;
		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			*to++ = (uint8_t)(bits >> count);
			bits &= (1u << count) - 1;
		}
	}
	if (bits != 0)
		return false;
	*ret = (struct str){(char *)bytes, (size_t)(to - bytes)};
	return true;
}

struct str base64_encode(struct arena *arena, struct str bytes)
{
	return encode(arena, bytes, base64_digits, true);
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret)
{
	if (text.n % 4 != 0)
		return false;
	for (int padding = 0; padding < 2 && text.n > 0 && text.p[text.n - 1] == '='; padding++)
		text.n--;
	return decode(arena, text, base64_digits, ret);
}

struct str base64url_encode(struct arena *arena, struct str bytes)
{
	return encode(arena, bytes, base64url_digits, false);
}

bool base64url_decode(struct arena *arena, struct str text, struct str *ret)
{
	return decode(arena, text, base64url_digits, ret);
}
