#include "common/lang/input.h"

#include "common/clock.h"
#include "common/lang/syntax.h"
#include "common/regex.h"

#include <stdio.h>

static bool refuse(const struct pipeline_input *input, struct str value, struct err *err, const char *wanted)
{
	return err_set(err, ERR_INVALID, "input \"%.*s\": \"%.*s\" is not %s", STR_ARG(input->name.text),
		STR_ARG(str_brief(value, 60)), wanted);
}

static bool check_pattern(const struct pipeline_input *input, struct str value, struct err *err)
{
	bool is_match;
	/* A pattern that is none is reported where it is written. */
	if (!regex_check(input->pattern.text, NULL))
		return true;
	if (!regex_match(input->pattern.text, value, true, &is_match, err))
		return err_wrap(err, "input \"%.*s\"", STR_ARG(input->name.text));
	return is_match ||
	       err_set(err, ERR_INVALID, "input \"%.*s\": \"%.*s\" does not match %.*s", STR_ARG(input->name.text),
		       STR_ARG(str_brief(value, 60)), STR_ARG(input->pattern.text));
}

static bool out_of_range(
	const struct pipeline_input *input, struct str value, struct err *err, const char *word, struct str bound)
{
	return err_set(err, ERR_INVALID, "input \"%.*s\": %.*s is %s than %.*s", STR_ARG(input->name.text),
		STR_ARG(value), word, STR_ARG(bound));
}

static bool check_number(const struct pipeline_input *input, struct str value, struct err *err)
{
	double number, bound;
	if (!str_to_f64(value, &number))
		return refuse(input, value, err, "a number");
	if (LANG_IS_SET(input->min) && str_to_f64(input->min.text, &bound) && number < bound)
		return out_of_range(input, value, err, "less", input->min.text);
	if (LANG_IS_SET(input->max) && str_to_f64(input->max.text, &bound) && number > bound)
		return out_of_range(input, value, err, "greater", input->max.text);
	return true;
}

static bool check_duration(const struct pipeline_input *input, struct str value, struct err *err)
{
	int64_t ms, bound;
	if (!duration_parse(value, &ms, NULL))
		return refuse(input, value, err, "a duration such as 90s, 20m or 8h");
	if (LANG_IS_SET(input->min) && duration_parse(input->min.text, &bound, NULL) && ms < bound)
		return out_of_range(input, value, err, "shorter", input->min.text);
	if (LANG_IS_SET(input->max) && duration_parse(input->max.text, &bound, NULL) && ms > bound)
		return out_of_range(input, value, err, "longer", input->max.text);
	return true;
}

static bool check_choice(const struct pipeline_input *input, struct str value, struct err *err)
{
	char known[200] = "";
	size_t n = 0;
	for (size_t i = 0; i < input->options.count; i++) {
		struct str option = input->options.items[i].text;
		if (str_eq(option, value))
			return true;
		int added = snprintf(known + n, sizeof known - n, "%s%.*s", n ? ", " : "", STR_ARG(option));
		n = n + (size_t)added < sizeof known ? n + (size_t)added : sizeof known - 1;
	}
	return err_set(err, ERR_INVALID, "input \"%.*s\": \"%.*s\" is none of %s", STR_ARG(input->name.text),
		STR_ARG(str_brief(value, 60)), known);
}

bool lang_input_check(const struct pipeline_input *input, struct str value, struct err *err)
{
	switch ((enum pipeline_input_type)input->type.value) {
	case PIPELINE_INPUT_STRING:
		return !LANG_IS_SET(input->pattern) || check_pattern(input, value, err);
	case PIPELINE_INPUT_NUMBER:
		return check_number(input, value, err);
	case PIPELINE_INPUT_BOOLEAN:
		return str_is(value, "true") || str_is(value, "false") || refuse(input, value, err, "true or false");
	case PIPELINE_INPUT_CHOICE:
		return check_choice(input, value, err);
	case PIPELINE_INPUT_ENVIRONMENT:
		return lang_syntax_check(SYNTAX_ENVIRONMENT, value, NULL) ||
		       refuse(input, value, err, "the name of an environment");
	case PIPELINE_INPUT_DURATION:
		return check_duration(input, value, err);
	}
	BUG("input type %d", input->type.value);
}
