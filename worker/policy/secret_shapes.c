#include "worker/policy/secret_shapes.h"

#include "common/hex.h"
#include "worker/policy/secret_names.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum alphabet {
	ALNUM,      /* letters and digits */
	UNDER,      /* and _ */
	URL,        /* and _ - */
	DOTTED,     /* and _ - . */
	HEX,        /* lower case */
	UPPER,      /* capitals and 2-7: base32 */
	BECH,       /* capitals and digits: Bech32 in capitals */
	BASE64_ALL, /* and + / = */
	PATH,       /* and / */
};

/*
 * Where the makers say how theirs look:
 *   GitHub     https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
 *   GitLab     https://docs.gitlab.com/security/tokens/#token-prefixes
 *   AWS        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 *   Google     https://cloud.google.com/docs/authentication/api-keys; client secrets begin with GOCSPX-
 *   Slack      https://api.slack.com/concepts/token-types
 *   Stripe     https://docs.stripe.com/keys
 *   npm        https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
 *   PyPI       its help page, "API tokens": a macaroon, whose head is the same for all
 *   SendGrid, Shopify, DigitalOcean, Databricks, Linear, Postman, Docker, Hugging Face, Anthropic, OpenAI, Vault,
 * Terraform, Telegram: their API references, and as https://docs.github.com/en/code-security/secret-scanning names them
 *   age        https://github.com/C2SP/C2SP/blob/main/age.md
 */
static const struct shape {
	const char *prefix;
	const char *what;
	enum alphabet alphabet;
	size_t min, max; /* characters behind the prefix */
} shapes[] = {
	{"ghp_", "a GitHub token", ALNUM, 36, 255},
	{"gho_", "a GitHub OAuth token", ALNUM, 36, 255},
	{"ghu_", "a GitHub user token", ALNUM, 36, 255},
	{"ghs_", "a GitHub server token", ALNUM, 36, 255},
	{"ghr_", "a GitHub refresh token", ALNUM, 36, 255},
	{"github_pat_", "a GitHub token", UNDER, 82, 255},
	{"glpat-", "a GitLab token", DOTTED, 20, 300},
	{"gldt-", "a GitLab deploy token", URL, 20, 300},
	{"glrt-", "a GitLab runner token", DOTTED, 20, 300},
	{"glcbt-", "a GitLab job token", URL, 20, 300},
	{"glptt-", "a GitLab trigger token", URL, 20, 300},
	{"gloas-", "a GitLab OAuth secret", URL, 64, 64},
	{"AKIA", "an AWS access key", UPPER, 16, 16},
	{"ASIA", "an AWS session key", UPPER, 16, 16},
	{"ABIA", "an AWS bearer token", UPPER, 16, 16},
	{"ACCA", "an AWS context credential", UPPER, 16, 16},
	{"AIza", "a Google API key", URL, 35, 35},
	{"GOCSPX-", "a Google client secret", URL, 28, 28},
	{"ya29.", "a Google access token", URL, 40, 2000},
	{"xoxb-", "a Slack bot token", URL, 20, 250},
	{"xoxp-", "a Slack user token", URL, 20, 250},
	{"xoxa-", "a Slack token", URL, 20, 250},
	{"xoxr-", "a Slack refresh token", URL, 20, 250},
	{"xoxs-", "a Slack token", URL, 20, 250},
	{"xoxe-", "a Slack refresh token", URL, 20, 250},
	{"xapp-", "a Slack app token", URL, 20, 250},
	{"hooks.slack.com/services/T", "the address of a Slack webhook", PATH, 30, 100},
	{"sk_live_", "a Stripe key", ALNUM, 24, 255},
	{"rk_live_", "a Stripe restricted key", ALNUM, 24, 255},
	{"whsec_", "a Stripe webhook secret", ALNUM, 32, 64},
	{"npm_", "an npm token", ALNUM, 36, 36},
	{"pypi-AgEIcHlwaS5vcmc", "a PyPI token", URL, 50, 1000},
	{"SG.", "a SendGrid key", DOTTED, 66, 66},
	{"shpat_", "a Shopify token", HEX, 32, 32},
	{"shpss_", "a Shopify secret", HEX, 32, 32},
	{"shpca_", "a Shopify token", HEX, 32, 32},
	{"shppa_", "a Shopify token", HEX, 32, 32},
	{"dop_v1_", "a DigitalOcean token", HEX, 64, 64},
	{"doo_v1_", "a DigitalOcean OAuth token", HEX, 64, 64},
	{"dor_v1_", "a DigitalOcean refresh token", HEX, 64, 64},
	{"dapi", "a Databricks token", HEX, 32, 32},
	{"lin_api_", "a Linear key", ALNUM, 40, 40},
	{"PMAK-", "a Postman key", URL, 59, 59},
	{"dckr_pat_", "a Docker token", URL, 27, 64},
	{"dckr_oat_", "a Docker organisation token", URL, 27, 64},
	{"hf_", "a Hugging Face token", ALNUM, 34, 40},
	{"sk-ant-", "an Anthropic key", URL, 80, 200},
	{"sk-proj-", "an OpenAI key", URL, 40, 250},
	{"sk-svcacct-", "an OpenAI key", URL, 40, 250},
	{"hvs.", "a Vault token", URL, 24, 300},
	{"hvb.", "a Vault batch token", URL, 60, 500},
	{"AGE-SECRET-KEY-1", "an age key", BECH, 58, 58},
	{"sq0csp-", "a Square secret", URL, 43, 43},
	{"sq0atp-", "a Square token", URL, 22, 22},
	{"EAAAE", "a Square token", URL, 59, 59},
	{"AccountKey=", "an Azure storage key", BASE64_ALL, 88, 88},
	{"SharedAccessKey=", "an Azure access key", BASE64_ALL, 44, 44},
	{"pst_", "a Penstock token", URL, 43, 43},
	{"pwk_", "the token of a Penstock worker", URL, 43, 43},
};

static bool is_in(enum alphabet alphabet, unsigned char c)
{
	bool is_digit = c >= '0' && c <= '9', is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';
	switch (alphabet) {
	case HEX:
		return is_digit || (c >= 'a' && c <= 'f');
	case UPPER:
		return is_upper || (c >= '2' && c <= '7');
	case BECH:
		return is_upper || is_digit;
	case ALNUM:
		break;
	case UNDER:
		return is_digit || is_upper || is_lower || c == '_';
	case URL:
		return is_digit || is_upper || is_lower || c == '_' || c == '-';
	case DOTTED:
		return is_digit || is_upper || is_lower || c == '_' || c == '-' || c == '.';
	case BASE64_ALL:
		return is_digit || is_upper || is_lower || c == '+' || c == '/' || c == '=';
	case PATH:
		return is_digit || is_upper || is_lower || c == '/';
	}
	return is_digit || is_upper || is_lower;
}

static bool is_word(unsigned char c)
{
	return is_in(UNDER, c);
}

double secret_entropy(struct str text)
{
	size_t counts[256] = {0};
	double bits = 0;
	for (size_t i = 0; i < text.n; i++)
		counts[(unsigned char)text.p[i]]++;
	for (size_t i = 0; i < 256; i++) {
		double share = (double)counts[i] / (double)text.n;
		if (counts[i])
			bits -= share * log2(share);
	}
	return bits;
}

/* "ghp_xxxxxxxx", "AKIAIOSFODNN7EXAMPLE" and "sk_live_1234567890..." are no secrets. */
static bool is_made_up(struct str rest)
{
	static const char *const words[] = {"example", "placeholder", "xxxxxxxx", "00000000", "12345678", "abcdefgh"};
	char lower[512];
	size_t n = rest.n < sizeof lower ? rest.n : sizeof lower, at;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)rest.p[i]);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_find((struct str){lower, n}, str_of(words[i]), &at))
			return true;
	return secret_entropy(rest) < 2.5;
}

struct finds {
	struct secret *items;
	size_t count;
};

static void add(struct finds *finds, const char *what, struct str line, size_t at, size_t n)
{
	if (finds->count < SECRETS_OF_LINE_MAX)
		finds->items[finds->count++] = (struct secret){what, {line.p + at, n}, at};
}

/* --- shapes --- */

/* Which first characters any shape has. Built once; every builder writes the same. */
static const bool *first_characters(void)
{
	static bool is_first[256];
	static bool is_made;
	if (!is_made)
		for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
			is_first[(unsigned char)shapes[i].prefix[0]] = true;
	is_made = true;
	return is_first;
}

static size_t match_shape(const struct shape *shape, struct str text)
{
	size_t prefix = strlen(shape->prefix), n = prefix;
	if (text.n < prefix + shape->min || memcmp(text.p, shape->prefix, prefix) != 0)
		return 0;
	while (n < text.n && is_in(shape->alphabet, (unsigned char)text.p[n]))
		n++;
	/* The end of a sentence is not part of it. */
	while (n > prefix && strchr(".-", text.p[n - 1]) && n > prefix + shape->min)
		n--;
	if (n < prefix + shape->min || n > prefix + shape->max ||
		is_made_up(str_head(str_skip(text, prefix), n - prefix)))
		return 0;
	return n;
}

static void find_shapes(struct str line, struct finds *finds)
{
	const bool *is_first = first_characters();
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if (!is_first[c] || (i && is_word((unsigned char)line.p[i - 1])))
			continue;
		for (size_t j = 0; j < sizeof shapes / sizeof shapes[0]; j++) {
			size_t n = shapes[j].prefix[0] == (char)c ? match_shape(&shapes[j], str_skip(line, i)) : 0;
			if (!n)
				continue;
			add(finds, shapes[j].what, line, i, n);
			i += n - 1;
			break;
		}
	}
}

/* --- JSON Web Tokens --- */

static size_t run_of(struct str text, size_t at, enum alphabet alphabet)
{
	size_t n = at;
	while (n < text.n && is_in(alphabet, (unsigned char)text.p[n]))
		n++;
	return n - at;
}

static bool is_jose_header(struct str part)
{
	auto_arena arena = {0};
	struct str text;
	size_t at;
	return part.n < 4096 && base64url_decode(&arena, part, &text) && str_starts(text, STR("{")) &&
	       str_find(text, STR("\"alg\""), &at) && !str_find(text, STR("\"none\""), &at);
}

static void find_web_tokens(struct str line, struct finds *finds)
{
	size_t at, base = 0;
	while (str_find(str_skip(line, base), STR("eyJ"), &at)) {
		size_t start = base + at, head = run_of(line, start, URL), body = 0, tail = 0;
		if (start + head < line.n && line.p[start + head] == '.')
			body = run_of(line, start + head + 1, URL);
		if (body && start + head + 1 + body < line.n && line.p[start + head + 1 + body] == '.')
			tail = run_of(line, start + head + body + 2, URL);
		bool is_alone = start == 0 || !is_word((unsigned char)line.p[start - 1]);
		if (is_alone && body >= 10 && tail >= 20 && is_jose_header(str_head(str_skip(line, start), head)))
			add(finds, "a JSON Web Token", line, start, head + body + tail + 2);
		base = start + (head ? head : 3);
	}
}

/* --- passwords in addresses --- */

static bool is_plain_host(struct str host)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0", "host", "hostname"};
	size_t at;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (str_is(host, hosts[i]))
			return true;
	return str_find(host, STR("example"), &at) || str_ends(host, STR(".test")) || str_ends(host, STR(".invalid"));
}

static bool is_real_password(struct str user, struct str password)
{
	static const char *const examples[] = {"password", "passwd", "pass", "secret", "changeme", "token", "user",
		"guest", "postgres", "root", "admin", "test", "xxx", "pwd", "foo", "bar", "hunter2"};
	size_t at;
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
		if (str_is(password, examples[i]))
			return false;
	/* Of a template: "https://ci:${TOKEN}@host", "https://ci:<token>@host". */
	for (const char *c = "${}<>*%()[]"; *c; c++)
		if (str_find_char(password, *c, &at))
			return false;
	return password.n >= 6 && !str_eq(user, password) && secret_entropy(password) >= 2;
}

static void find_addresses(struct str line, struct finds *finds)
{
	size_t at, base = 0;
	while (str_find(str_skip(line, base), STR("://"), &at)) {
		size_t start = base + at + 3, end = start, colon = 0, host;
		while (end < line.n && !strchr(" \t\"'`/?#@<>", line.p[end])) {
			if (line.p[end] == ':' && !colon)
				colon = end;
			end++;
		}
		base = end;
		if (!colon || end >= line.n || line.p[end] != '@')
			continue;
		for (host = end + 1; host < line.n && is_in(DOTTED, (unsigned char)line.p[host]);)
			host++;
		struct str user = {line.p + start, colon - start}, password = {line.p + colon + 1, end - colon - 1};
		if (is_real_password(user, password) && !is_plain_host((struct str){line.p + end + 1, host - end - 1}))
			add(finds, "a password in an address", line, colon + 1, password.n);
	}
}

/* --- private keys --- */

/* The header alone stands in every program that looks for keys; one that opens a key has the key behind it. */
static bool is_key_material(struct str text)
{
	size_t n = 0;
	while (n < text.n && !is_in(BASE64_ALL, (unsigned char)text.p[n]) && n < 80)
		n++;
	text = str_skip(text, n);
	return run_of(text, 0, BASE64_ALL) >= 32 || str_starts(text, STR("Proc-Type:")) ||
	       str_starts(text, STR("Version:"));
}

static bool find_header(struct str line, size_t *ret_at, size_t *ret_end)
{
	size_t at, end;
	if (!str_find(line, STR("-----BEGIN "), &at) ||
		!str_find(str_head(str_skip(line, at + 11), 60), STR("PRIVATE KEY"), &end))
		return false;
	struct str tail = str_skip(line, at + 11 + end + 11);
	size_t dashes = str_starts(tail, STR(" BLOCK-----")) ? 11 : str_starts(tail, STR("-----")) ? 5 : 0;
	if (!dashes)
		return false;
	*ret_at = at;
	*ret_end = at + 11 + end + 11 + dashes;
	return true;
}

static void find_keys(struct secret_scan *scan, struct str line, struct finds *finds, bool *ret_before)
{
	size_t at, end;
	if (scan->has_header && is_key_material(line)) {
		*ret_before = true;
		add(finds, "a private key", line, 0, line.n);
	}
	scan->has_header = false;
	if (!find_header(line, &at, &end))
		return;
	struct str behind = str_skip(line, end);
	/* "\n" written out, as in JSON. */
	while (str_starts(behind, STR("\\n")) || str_starts(behind, STR("\\r")))
		behind = str_skip(behind, 2);
	if (run_of(behind, 0, BASE64_ALL) >= 32)
		add(finds, "a private key", line, at, line.n - at);
	else
		scan->has_header = true;
}

size_t secrets_in_line(
	struct secret_scan *scan, struct str line, struct secret ret[static SECRETS_OF_LINE_MAX], bool *ret_before)
{
	struct finds finds = {.items = ret};
	*ret_before = false;
	find_keys(scan, line, &finds, ret_before);
	if (*ret_before)
		return finds.count;
	find_shapes(line, &finds);
	find_web_tokens(line, &finds);
	find_addresses(line, &finds);
	size_t at = 0;
	struct str value;
	while (!scan->is_binary && finds.count < SECRETS_OF_LINE_MAX && secret_named(line, &at, &value)) {
		bool is_known = false;
		for (size_t i = 0; i < finds.count && !is_known; i++)
			is_known = finds.items[i].value.p < value.p + value.n &&
				   value.p < finds.items[i].value.p + finds.items[i].value.n;
		if (!is_known)
			add(&finds, "a value that looks random under a name that says secret", line,
				(size_t)(value.p - line.p), value.n);
	}
	return finds.count;
}
