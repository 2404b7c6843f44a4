#include "common/lang/check.h"

#include "common/lang/input.h"

#include <strings.h>

/* Shapes: what a stage, a gate, the deploy block and an input may hold together. */

static void check_shape(struct lang_checker *checker, const struct pipeline_stage *stage)
{
	bool has_jobs = LANG_IS_SET(stage->jobs), has_environment = LANG_IS_SET(stage->environment);
	/* A stage without a name could not be read, or has been reported for that. */
	if (!stage->name.text.n)
		return;
	if (has_jobs && has_environment)
		lang_error_add(checker->errors, stage->environment.at,
			"the stage \"%.*s\" has \"jobs\" or \"environment\", "
			"not both",
			STR_ARG(stage->name.text));
	else if (!has_jobs && !has_environment && !LANG_IS_SET(stage->gate))
		lang_error_add(checker->errors, stage->at,
			"the stage \"%.*s\" needs \"jobs\", an \"environment\" or a \"gate\"",
			STR_ARG(stage->name.text));
	else if (!has_jobs && !has_environment && stage->gate.is_none)
		lang_error_add(checker->errors, stage->gate.at,
			"the stage \"%.*s\" has only a gate, and it is \"none\"", STR_ARG(stage->name.text));
	for (const char *const *name = lang_delivery_keys; *name && !has_environment; name++) {
		const struct lang_key *key = lang_find_key(&lang_stage_block, str_of(*name));
		if (lang_is_set(key, stage))
			lang_error_add(checker->errors, *(const struct lang_place *)lang_member(key, stage),
				"\"%s\" needs an \"environment\" in the stage \"%.*s\"", *name,
				STR_ARG(stage->name.text));
	}
}

static bool has_text(const struct lang_texts *texts, struct str text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (str_eq(texts->items[i].text, text))
			return true;
	return false;
}

void lang_check_gate(struct lang_errors *errors, const struct pipeline_gate *gate)
{
	int64_t approvals = LANG_IS_SET(gate->approvals) ? gate->approvals.value : 1;
	for (size_t i = 0; i < gate->require.count; i++) {
		const struct lang_pair *pair = &gate->require.items[i];
		int64_t count;
		if (gate->groups.count && !has_text(&gate->groups, pair->name.text))
			lang_error_add(errors, pair->name.at,
				"\"require\" names the group \"%.*s\", which \"groups\" does not let decide",
				STR_ARG(pair->name.text));
		if (str_to_i64(pair->value.text, &count) && count > approvals)
			lang_error_add(errors, pair->value.at,
				"\"require\" wants %lld from \"%.*s\", but the gate opens with %lld; raise \"approvals\"",
				(long long)count, STR_ARG(pair->name.text), (long long)approvals);
	}
}

static void check_environment_stage(struct lang_checker *checker, const struct pipeline_stage *stage)
{
	const struct pipeline_deploy *deploy = &checker->pipeline->deploy;
	if (!LANG_IS_SET(*deploy)) {
		lang_error_add(checker->errors, stage->environment.at,
			"the stage \"%.*s\" deploys, but the pipeline has no \"deploy\" block that says how",
			STR_ARG(stage->name.text));
		return;
	}
	if (LANG_IS_SET(stage->expires) && !LANG_IS_SET(deploy->teardown))
		lang_error_add(checker->errors, stage->expires.at,
			"\"expires\" needs \"teardown\" steps in the deploy block: there is nothing to do when it comes");
	bool is_none = deploy->rollback.value == PIPELINE_ROLLBACK_NONE && LANG_IS_SET(deploy->rollback);
	const struct lang_choice *reactions[] = {&stage->on_alarm, &stage->on_failure};
	static const char *const names[] = {"on_alarm", "on_failure"};
	for (size_t i = 0; is_none && i < 2; i++)
		if (LANG_IS_SET(*reactions[i]) && reactions[i]->value == PIPELINE_REACTION_ROLLBACK)
			lang_error_add(checker->errors, reactions[i]->at,
				"\"%s: rollback\" cannot be: the deploy block says \"rollback: none\"", names[i]);
}

void lang_check_stages(struct lang_checker *checker)
{
	for (size_t i = 0; i < checker->pipeline->stages.count; i++) {
		const struct pipeline_stage *stage = &checker->pipeline->stages.items[i];
		check_shape(checker, stage);
		lang_check_gate(checker->errors, &stage->gate);
		if (LANG_IS_SET(stage->environment))
			check_environment_stage(checker, stage);
	}
}

static void check_belongs(struct lang_checker *checker, const struct pipeline_input *input, struct lang_place at,
	const char *key, bool is_right, const char *types)
{
	if (at.line && !is_right)
		lang_error_add(checker->errors, at, "\"%s\" is for inputs of type %s; \"%.*s\" is of type %s", key,
			types, STR_ARG(input->name.text), pipeline_input_type_names[input->type.value]);
}

/* A bound must itself be of the input's type. */
static bool check_bound(struct lang_checker *checker, const struct pipeline_input *input, const struct lang_text *bound)
{
	struct pipeline_input bare = {.name = input->name, .type = input->type};
	struct err err = {0};
	if (!bound->text.n || lang_input_check(&bare, bound->text, &err))
		return true;
	return lang_error_add(checker->errors, bound->at, "%s", err.text);
}

static void check_range(struct lang_checker *checker, const struct pipeline_input *input)
{
	if (!check_bound(checker, input, &input->min) || !check_bound(checker, input, &input->max))
		return;
	struct pipeline_input bounded = {.name = input->name, .type = input->type, .max = input->max};
	if (input->min.text.n && input->max.text.n && !lang_input_check(&bounded, input->min.text, NULL))
		lang_error_add(checker->errors, input->min.at, "\"min\" of the input \"%.*s\" is above its \"max\"",
			STR_ARG(input->name.text));
}

static void check_input(struct lang_checker *checker, const struct pipeline_input *input)
{
	enum pipeline_input_type type = (enum pipeline_input_type)input->type.value;
	bool is_ranged = type == PIPELINE_INPUT_NUMBER || type == PIPELINE_INPUT_DURATION;
	bool is_choice = type == PIPELINE_INPUT_CHOICE;
	struct err err = {0};
	check_belongs(checker, input, input->pattern.at, "pattern", type == PIPELINE_INPUT_STRING, "string");
	check_belongs(checker, input, input->options.at, "options", is_choice, "choice");
	check_belongs(checker, input, input->min.at, "min", is_ranged, "number and duration");
	check_belongs(checker, input, input->max.at, "max", is_ranged, "number and duration");
	check_belongs(checker, input, input->tier.at, "tier", type == PIPELINE_INPUT_ENVIRONMENT, "environment");
	if (is_ranged)
		check_range(checker, input);
	if (is_choice && !LANG_IS_SET(input->options) && !checker->is_partial)
		lang_error_add(
			checker->errors, input->at, "the choice \"%.*s\" needs \"options\"", STR_ARG(input->name.text));
	else if (LANG_IS_SET(input->default_value) && !lang_input_check(input, input->default_value.text, &err))
		lang_error_add(checker->errors, input->default_value.at, "the default of %s", err.text);
}

void lang_check_inputs(struct lang_checker *checker)
{
	const struct pipeline *pipeline = checker->pipeline;
	for (size_t i = 0; i < pipeline->inputs.count; i++) {
		const struct pipeline_input *input = &pipeline->inputs.items[i];
		check_input(checker, input);
		for (size_t j = 0; j < i; j++) {
			struct str name = input->name.text, other = pipeline->inputs.items[j].name.text;
			if (name.n == other.n && strncasecmp(name.p, other.p, name.n) == 0)
				lang_error_add(checker->errors, input->name.at,
					"the inputs \"%.*s\" and \"%.*s\" would be the same variable INPUT_%.*s",
					STR_ARG(other), STR_ARG(name), STR_ARG(name));
		}
	}
}
