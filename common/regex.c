#include "common/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { STEPS_MAX = 200000, DEPTH_MAX = 1000, HEAP_MAX_KIB = 4096 };

static void free_code(pcre2_code **code)
{
	pcre2_code_free(*code);
}

static void free_data(pcre2_match_data **data)
{
	pcre2_match_data_free(*data);
}

static void free_context(pcre2_match_context **context)
{
	pcre2_match_context_free(*context);
}

static pcre2_code *compile(struct str pattern, uint32_t options, struct err *err)
{
	int error;
	size_t at;
	if (pattern.n > REGEX_BYTES_MAX) {
		err_set(err, ERR_INVALID, "the regular expression is longer than %d bytes", REGEX_BYTES_MAX);
		return NULL;
	}
	/* \C would split characters, which pcre2 calls unsafe in UTF mode. */
	options |= PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, options, &error, &at, NULL);
	if (code)
		return code;
	char reason[120];
	pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, sizeof reason);
	err_set(err, ERR_INVALID, "\"%.*s\" is no regular expression: %s, at character %zu",
		STR_ARG(str_brief(pattern, 120)), reason, at + 1);
	return NULL;
}

bool regex_check(struct str pattern, struct err *err)
{
	__attribute__((cleanup(free_code))) pcre2_code *code = compile(pattern, 0, err);
	return code != NULL;
}

bool regex_match(struct str pattern, struct str text, bool is_whole, bool *ret, struct err *err)
{
	uint32_t options = is_whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
	__attribute__((cleanup(free_code))) pcre2_code *code = compile(pattern, options, err);
	if (!code)
		return false;
	__attribute__((cleanup(free_data))) pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	__attribute__((cleanup(free_context))) pcre2_match_context *context = pcre2_match_context_create(NULL);
	if (!data || !context)
		BUG("out of memory");
	pcre2_set_match_limit(context, STEPS_MAX);
	pcre2_set_depth_limit(context, DEPTH_MAX);
	pcre2_set_heap_limit(context, HEAP_MAX_KIB);
	int rc = pcre2_match(code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, 0, data, context);
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
		*ret = rc >= 0;
		return true;
	}
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
		return err_set(err, ERR_INVALID,
			"the regular expression \"%.*s\" takes too many steps; make it simpler",
			STR_ARG(str_brief(pattern, 120)));
	char reason[120];
	pcre2_get_error_message(rc, (PCRE2_UCHAR *)reason, sizeof reason);
	return err_set(err, ERR_INVALID, "the regular expression \"%.*s\" cannot be matched: %s",
		STR_ARG(str_brief(pattern, 120)), reason);
}
