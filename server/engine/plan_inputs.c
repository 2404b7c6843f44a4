#include "server/engine/planning.h"

#include "common/clock.h"
#include "common/lang/input.h"
#include "server/engine/plan_env.h"

/* Inputs: what was given, checked by its type, or the default. */

enum { INPUT_BYTES_MAX = 8192 };

struct check {
	struct planning *in;
	const struct pipeline_input *input;
	struct str value;
};

static bool fail(const struct check *check, struct str reason)
{
	return planning_fail(
		check->in, check->input->at, "input \"%.*s\": %.*s", STR_ARG(check->input->name.text), STR_ARG(reason));
}

/* What lang_input_check() cannot know: whether there is such an environment, and its tier. */
static bool check_environment(const struct check *check)
{
	struct planning *in = check->in;
	const struct lang_text *tier = &check->input->tier;
	struct plan_environment environment = {0};
	struct err err = {0};
	if (!in->context->environment)
		return true; /* the stage or job that uses it is refused */
	if (!in->context->environment(in->context->environment_arg, check->value, in->plan.pipeline, planning_ref(in),
		    in->arena, &environment, &err))
		return fail(check, str_of(err.text));
	if (!LANG_IS_SET(*tier) || str_eq(environment.tier, tier->text))
		return true;
	return fail(
		check, arena_printf(in->arena, "\"%.*s\" is of tier %.*s; only environments of tier %.*s may be given",
			       STR_ARG(check->value), STR_ARG(environment.tier), STR_ARG(tier->text)));
}

static struct expr_value number_of(struct str text)
{
	int64_t whole;
	double real = 0;
	if (str_to_i64(text, &whole))
		return expr_int(whole);
	str_to_f64(text, &real);
	return (struct expr_value){.kind = EXPR_FLOAT, .real = real};
}

/* Checks the value, brings it to its usual form, and gives it its type. */
static bool take_value(struct check *check, struct expr_value *ret)
{
	struct err err = {0};
	int64_t ms = 0;
	if (check->value.n > INPUT_BYTES_MAX)
		return fail(check, STR("is longer than 8192 bytes"));
	if (!lang_input_check(check->input, check->value, &err))
		return planning_fail(check->in, check->input->at, "%s", err.text);
	switch ((enum pipeline_input_type)check->input->type.value) {
	case PIPELINE_INPUT_NUMBER:
		*ret = number_of(check->value);
		return true;
	case PIPELINE_INPUT_BOOLEAN:
		*ret = expr_bool(str_is(check->value, "true"));
		return true;
	case PIPELINE_INPUT_ENVIRONMENT:
		*ret = expr_text(check->value);
		return check_environment(check);
	case PIPELINE_INPUT_DURATION:
		duration_parse(check->value, &ms, NULL);
		check->value = duration_format(check->in->arena, ms);
		break;
	case PIPELINE_INPUT_STRING:
	case PIPELINE_INPUT_CHOICE:
		break;
	}
	*ret = expr_text(check->value);
	return true;
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
		fail(&check, STR("is fixed by the pipeline and cannot be given"));
		return absent(input, ret_text);
	}
	check.value = planning_clean(in, check.value);
	if (LANG_IS_SET(input->given))
		check.value = input->given.text;
	else if (check.value.n == 0 && LANG_IS_SET(input->default_value))
		check.value = input->default_value.text;
	bool is_empty = check.value.n == 0;
	if (is_empty && input->required.value)
		fail(&check, STR("is required"));
	if (is_empty || !take_value(&check, &value))
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
				STR_ARG(str_brief(name, 80)), STR_ARG(nearest));
		else
			planning_fail(in, at, "unknown input \"%.*s\"%s", STR_ARG(str_brief(name, 80)),
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
