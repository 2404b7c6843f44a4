#include "worker/policy/secret_names.h"

#include "worker/policy/secret_shapes.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_BYTES = 80, VALUE_MIN = 16, VALUE_MAX = 300 };

/* What a name ends in, without case and separators: AWS_SECRET_ACCESS_KEY, client-secret, dbPassword. */
static const char *const endings[] = {"secret", "token", "password", "passwd", "passphrase", "apikey", "privatekey",
	"accesskey", "secretkey", "authkey", "signingkey", "encryptionkey", "credential", "credentials", NULL};

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool says_secret(struct str name)
{
	char plain[NAME_MAX_BYTES];
	size_t n = 0;
	if (name.n > sizeof plain)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (isalnum((unsigned char)name.p[i]))
			plain[n++] = (char)tolower((unsigned char)name.p[i]);
	for (size_t i = 0; endings[i]; i++)
		if (str_ends((struct str){plain, n}, str_of(endings[i])))
			return true;
	return false;
}

/* How often a word begins within it, as a share: at "a|B", "a|1", "1|a". Separators between words do not count, nor
 * does the capital that a word begins with: camelCase and kebab-case stay well below 0.25, what is random well above.
 */
static double changes(struct str text)
{
	size_t count = 0;
	int before = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		int kind = isdigit(c) ? 1 : islower(c) ? 2 : isupper(c) ? 3 : 0;
		if (!kind)
			continue;
		count += before && kind != before && !(before == 3 && kind == 2);
		before = kind;
	}
	return (double)count / (double)text.n;
}

bool secret_looks_random(struct str value)
{
	size_t digits = 0, letters = 0, others = 0;
	bool is_hex = true;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		digits += isdigit(c) != 0;
		letters += isalpha(c) != 0;
		others += !isalnum(c);
		is_hex = is_hex && isxdigit(c);
	}
	if (value.n < VALUE_MIN || !digits || !letters || others * 5 > value.n || changes(value) < 0.25)
		return false;
	if (is_hex)
		return value.n >= 24 && secret_entropy(value) >= 3;
	return secret_entropy(value) >= (value.n < 24 ? 3.2 : 3.6);
}

static size_t skip_blanks(struct str line, size_t at)
{
	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	return at;
}

/* Behind the name: a quote that closes it, then "=", ":", ":=" or "=>", but no comparison. */
static bool skip_assignment(struct str line, size_t *io_at)
{
	size_t at = *io_at;
	if (at < line.n && strchr("\"'", line.p[at]))
		at++;
	at = skip_blanks(line, at);
	if (at >= line.n || !strchr("=:", line.p[at]))
		return false;
	at++;
	if (at < line.n && (line.p[at] == '>' || (line.p[at] == '=' && line.p[at - 1] == ':')))
		at++;
	else if (at < line.n && line.p[at] == '=')
		return false;
	*io_at = skip_blanks(line, at);
	return true;
}

static bool read_value(struct str line, size_t *io_at, struct str *ret)
{
	size_t at = *io_at;
	char quote = at < line.n && strchr("\"'`", line.p[at]) ? line.p[at] : 0;
	size_t start = at += quote != 0;
	while (at < line.n && (isalnum((unsigned char)line.p[at]) || strchr("+/_=.~-!@^&*", line.p[at])))
		at++;
	*io_at = at;
	char next = at < line.n ? line.p[at] : 0;
	struct str value = {line.p + start, at - start};
	/* Without quotes a text with a dot or a bracket behind it is code: config.secret, getToken(). */
	bool is_whole =
		quote ? next == quote : (next == 0 || strchr(" \t\r,;}", next)) && !memchr(value.p, '.', value.n);
	if (!is_whole || value.n < VALUE_MIN || value.n > VALUE_MAX)
		return false;
	*ret = value;
	return true;
}

static bool is_example(struct str value)
{
	static const char *const words[] = {
		"example", "EXAMPLE", "xxxx", "XXXX", "placeholder", "changeme", "123456789", "0000000"};
	size_t at;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_find(value, str_of(words[i]), &at))
			return true;
	return false;
}

bool secret_named(struct str line, size_t *io_at, struct str *ret_value)
{
	size_t at = *io_at;
	while (at < line.n) {
		size_t start = at;
		while (at < line.n && is_name_character(line.p[at]))
			at++;
		struct str name = {line.p + start, at - start};
		struct str value;
		if (name.n && says_secret(name) && skip_assignment(line, &at) && read_value(line, &at, &value) &&
			secret_looks_random(value) && !is_example(value)) {
			*io_at = at;
			*ret_value = value;
			return true;
		}
		at += at == start;
	}
	*io_at = at;
	return false;
}
