#include "server/engine/planning.h"

#include "common/clock.h"
#include "common/regex.h"
#include "server/engine/plan_env.h"

/* Inputs: what was given, checked by its type, or the default. */

enum { INPUT_BYTES_MAX = 8192 };

struct check {
	struct planning *in;
	const struct pipeline_input *input;
	struct str value;
};

static bool fail(const struct check *check, const char *reason)
{
	return planning_fail(
		check->in, check->input->at, "input \"%.*s\": %s", STR_ARG(check->input->name.text), reason);
}

static bool fail_value(const struct check *check, struct str reason)
{
	return planning_fail(check->in, check->input->at, "input \"%.*s\": \"%.*s\" %.*s",
		STR_ARG(check->input->name.text), STR_ARG(str_head(check->value, 80)), STR_ARG(reason));
}

static bool check_range(const struct check *check, double value, double low, double high)
{
	const struct pipeline_input *input = check->input;
	if (LANG_IS_SET(input->min) && value < low)
		return fail_value(check, arena_printf(check->in->arena, "is less than %.*s", STR_ARG(input->min.text)));
	if (LANG_IS_SET(input->max) && value > high)
		return fail_value(check, arena_printf(check->in->arena, "is more than %.*s", STR_ARG(input->max.text)));
	return true;
}

static bool check_string(const struct check *check)
{
	bool is_match;
	struct err err = {0};
	if (!LANG_IS_SET(check->input->pattern))
		return true;
	if (!regex_match(check->input->pattern.text, check->value, true, &is_match, &err))
		return fail(check, err.text);
	return is_match || fail_value(check, arena_printf(check->in->arena, "does not match the pattern %.*s",
						     STR_ARG(str_head(check->input->pattern.text, 120))));
}

static bool check_number(const struct check *check, struct expr_value *ret)
{
	int64_t whole;
	double real, low = 0, high = 0;
	if (!str_to_f64(check->value, &real))
		return fail_value(check, STR("is not a number"));
	*ret = (struct expr_value){.kind = EXPR_FLOAT, .real = real};
	if (str_to_i64(check->value, &whole))
		*ret = expr_int(whole);
	str_to_f64(check->input->min.text, &low);
	str_to_f64(check->input->max.text, &high);
	return check_range(check, real, low, high);
}

static bool check_choice(const struct check *check)
{
	const struct lang_texts *options = &check->input->options;
	struct str_list names = {.items = arena_array(check->in->arena, struct str, options->count)};
	struct str all = {0}, nearest;
	for (; names.count < options->count; names.count++) {
		names.items[names.count] = options->items[names.count].text;
		all = arena_printf(check->in->arena, "%.*s%s%.*s", STR_ARG(all), names.count ? ", " : "",
			STR_ARG(names.items[names.count]));
	}
	if (str_list_has(&names, check->value))
		return true;
	if (str_list_nearest(&names, check->value, &nearest))
		return fail_value(check,
			arena_printf(check->in->arena, "is no option; did you mean \"%.*s\"?", STR_ARG(nearest)));
	return fail_value(check, arena_printf(check->in->arena, "is no option; one of %.*s is", STR_ARG(all)));
}

static bool check_environment(const struct check *check)
{
	struct planning *in = check->in;
	struct plan_environment environment = {0};
	struct err err = {0};
	for (size_t i = 0; i < check->value.n; i++) {
		char c = check->value.p[i];
		bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			       c == '_' || c == '.' || (c == '/' && i > 0 && i + 1 < check->value.n);
		if (!is_fine)
			return fail_value(check,
				STR("is not the name of an environment; it holds letters, digits, \"-\", \"_\", \".\" and \"/\""));
	}
	if (!in->context->environment)
		return true; /* the stage or job that uses it is refused */
	if (!in->context->environment(in->context->environment_arg, check->value, in->arena, &environment, &err))
		return fail(check, err.text);
	if (LANG_IS_SET(check->input->tier) && !str_eq(environment.tier, check->input->tier.text))
		return fail_value(
			check, arena_printf(in->arena, "is of tier %.*s; only environments of tier %.*s may be given",
				       STR_ARG(environment.tier), STR_ARG(check->input->tier.text)));
	return true;
}

static bool check_duration(struct check *check)
{
	int64_t value, low = 0, high = 0;
	struct err err = {0};
	if (!duration_parse(check->value, &value, &err))
		return fail(check, err.text);
	if (LANG_IS_SET(check->input->min))
		duration_parse(check->input->min.text, &low, NULL);
	if (LANG_IS_SET(check->input->max))
		duration_parse(check->input->max.text, &high, NULL);
	if (!check_range(check, (double)value, (double)low, (double)high))
		return false;
	check->value = duration_format(check->in->arena, value);
	return true;
}

static bool check_value(struct check *check, struct expr_value *ret)
{
	if (check->value.n > INPUT_BYTES_MAX)
		return fail(check, "is longer than 8192 bytes");
	bool is_fine = true;
	switch ((enum pipeline_input_type)check->input->type.value) {
	case PIPELINE_INPUT_STRING:
		is_fine = check_string(check);
		break;
	case PIPELINE_INPUT_NUMBER:
		return check_number(check, ret);
	case PIPELINE_INPUT_BOOLEAN:
		*ret = expr_bool(str_is(check->value, "true"));
		return str_is(check->value, "true") || str_is(check->value, "false") ||
		       fail_value(check, STR("is neither true nor false"));
	case PIPELINE_INPUT_CHOICE:
		is_fine = check_choice(check);
		break;
	case PIPELINE_INPUT_ENVIRONMENT:
		is_fine = check_environment(check);
		break;
	case PIPELINE_INPUT_DURATION:
		is_fine = check_duration(check);
		break;
	}
	*ret = expr_text(check->value);
	return is_fine;
}

/* Nobody gave it, and it has no default. */
static struct expr_value absent(const struct pipeline_input *input, struct str *ret_text)
{
	*ret_text = (struct str){0};
	if (input->type.value == PIPELINE_INPUT_BOOLEAN) {
		*ret_text = STR("false");
		return expr_bool(false);
	}
	if (input->type.value == PIPELINE_INPUT_NUMBER)
		return (struct expr_value){.kind = EXPR_NULL};
	return expr_text((struct str){0});
}

static struct expr_value take_input(struct planning *in, const struct pipeline_input *input, struct str *ret_text)
{
	struct check check = {.in = in, .input = input};
	struct expr_value value;
	bool is_given = pair_find(&in->context->inputs, input->name.text, &check.value);
	if (is_given && LANG_IS_SET(input->given)) {
		fail(&check, "is fixed by the pipeline and cannot be given");
		return absent(input, ret_text);
	}
	check.value = planning_clean(in, check.value);
	if (LANG_IS_SET(input->given))
		check.value = input->given.text;
	else if (check.value.n == 0 && LANG_IS_SET(input->default_value))
		check.value = input->default_value.text;
	bool is_empty = check.value.n == 0;
	if (is_empty && input->required.value)
		fail(&check, "is required");
	if (is_empty || !check_value(&check, &value))
		return absent(input, ret_text);
	*ret_text = check.value;
	return value;
}

static void check_unknown(struct planning *in)
{
	const size_t count = in->pipeline->inputs.count;
	struct str_list names = {.items = arena_array(in->arena, struct str, count)};
	for (; names.count < count; names.count++)
		names.items[names.count] = in->pipeline->inputs.items[names.count].name.text;
	struct lang_place at = LANG_IS_SET(in->pipeline->inputs) ? in->pipeline->inputs.at : in->pipeline->at;
	for (size_t i = 0; i < in->context->inputs.count; i++) {
		struct str name = in->context->inputs.items[i].name, nearest;
		if (str_list_has(&names, name))
			continue;
		if (str_list_nearest(&names, name, &nearest))
			planning_fail(in, at, "unknown input \"%.*s\"; did you mean \"%.*s\"?",
				STR_ARG(str_head(name, 80)), STR_ARG(nearest));
		else
			planning_fail(in, at, "unknown input \"%.*s\"%s", STR_ARG(str_head(name, 80)),
				count ? "" : "; this pipeline takes none");
	}
}

void planning_inputs(struct planning *in)
{
	const size_t count = in->pipeline->inputs.count;
	struct expr_value *items = arena_array(in->arena, struct expr_value, 2 * count);
	check_unknown(in);
	for (size_t i = 0; i < count; i++) {
		const struct pipeline_input *input = &in->pipeline->inputs.items[i];
		struct str text;
		items[2 * i] = expr_text(input->name.text);
		items[2 * i + 1] = take_input(in, input, &text);
		pair_set(&in->plan.inputs, in->arena, input->name.text, text);
		pair_set(&in->plan.env, in->arena, plan_env_name("INPUT_", input->name.text, in->arena),
			expr_template_quote(text, in->arena));
	}
	in->inputs = (struct expr_value){.kind = EXPR_MAP, .items = items, .count = count};
}
