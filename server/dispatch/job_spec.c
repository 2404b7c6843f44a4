#include "server/dispatch/job_spec.h"

#include "common/json.h"
#include "server/engine/plan_render.h"

#include <string.h>

/* What a worker goes by when the file says nothing. */
enum {
	GRACE_MS = 10000,
	CPU_MILLI = 0, /* all that the worker has */
	PROCESSES = 1024,
};
#define MEMORY_BYTES  (INT64_C(4) << 30)
#define DISK_BYTES    (INT64_C(8) << 30)
#define LOG_MAX_BYTES (INT64_C(256) << 20)

const struct field claimed_fields[] = {
	FIELD(struct claimed, job, FIELD_I64, 0),
	FIELD(struct claimed, attempt, FIELD_I32, 0),
	FIELD(struct claimed, run, FIELD_I64, 0),
	FIELD(struct claimed, key, FIELD_STR, 0),
	FIELD(struct claimed, number, FIELD_I64, 0),
	FIELD(struct claimed, repository, FIELD_STR, 0),
	FIELD(struct claimed, commit, FIELD_STR, 0),
	FIELD(struct claimed, plan_hash, FIELD_STR, 0),
	FIELD(struct claimed, previous_version, FIELD_STR, 0),
	FIELD_END,
};

const struct field finished_job_fields[] = {
	FIELD(struct finished_job, run, FIELD_I64, 0),
	FIELD(struct finished_job, key, FIELD_STR, 0),
	FIELD_ENUM(struct finished_job, state, job_state_names, 0),
	FIELD(struct finished_job, outputs, FIELD_PAIRS, 0),
	FIELD_END,
};

const struct field run_artifact_fields[] = {
	FIELD(struct run_artifact, run, FIELD_I64, 0),
	FIELD(struct run_artifact, key, FIELD_STR, 0),
	FIELD(struct run_artifact, path, FIELD_STR, 0),
	FIELD(struct run_artifact, sha256, FIELD_STR, 0),
	FIELD(struct run_artifact, size_bytes, FIELD_I64, 0),
	FIELD(struct run_artifact, mode, FIELD_I32, 0),
	FIELD_END,
};

const struct field service_outputs_fields[] = {
	FIELD(struct service_outputs, environment, FIELD_STR, 0),
	FIELD(struct service_outputs, service, FIELD_STR, 0),
	FIELD(struct service_outputs, outputs, FIELD_PAIRS, 0),
	FIELD_END,
};

/* A word too many costs three statements; one too few, an empty output. */
static bool names_jobs(struct str text)
{
	size_t at;
	return str_find(text, STR("jobs"), &at) || str_find(text, STR("services"), &at);
}

static bool pairs_name_jobs(const struct pair_list *pairs)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (plan_needs_run(pairs->items[i].value) && names_jobs(pairs->items[i].value))
			return true;
	return false;
}

static bool texts_name_jobs(const struct str_list *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		if (plan_needs_run(texts->items[i]) && names_jobs(texts->items[i]))
			return true;
	return false;
}

bool job_spec_needs_context(const struct plan *plan, const struct plan_job *job)
{
	bool needs = job->needs.count > 0 || job->origin || pairs_name_jobs(&plan->env) || pairs_name_jobs(&job->env) ||
		     pairs_name_jobs(&job->reports) || texts_name_jobs(&job->artifacts.paths);
	for (size_t i = 0; i < job->step_count && !needs; i++)
		needs = names_jobs(job->steps[i].condition) || pairs_name_jobs(&job->steps[i].env);
	return needs;
}

struct outputs_view {
	const struct job_context *context;
	int64_t run;
	struct str environment; /* of the job's stage */
};

static bool find_service(void *arg, struct str service, struct pair_list *ret)
{
	const struct outputs_view *view = arg;
	for (size_t i = 0; i < view->context->service_count; i++) {
		const struct service_outputs *found = &view->context->services[i];
		if (str_eq(found->environment, view->environment) && str_eq(found->service, service)) {
			*ret = found->outputs;
			return true;
		}
	}
	return false;
}

bool finished_job_outputs(
	const struct finished_job *jobs, size_t count, int64_t run, struct str key, struct pair_list *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].run == run && str_eq(jobs[i].key, key) && jobs[i].outputs.count) {
			*ret = jobs[i].outputs;
			return true;
		}
	}
	return false;
}

static bool find_outputs(void *arg, struct str key, struct pair_list *ret)
{
	const struct outputs_view *view = arg;
	return finished_job_outputs(view->context->finished, view->context->finished_count, view->run, key, ret);
}

static bool build_step(const struct plan_facts *facts, const struct plan_step *step, struct job_step *ret,
	struct arena *arena, struct err *err)
{
	enum plan_step_when when;
	struct pair_list env;
	if (!plan_step_when(facts, step, arena, &when, err))
		return false;
	if (!plan_render_pairs(facts, &step->env, arena, &env, err))
		return err_wrap(err, "step \"%.*s\"", STR_ARG(step->name));
	*ret = (struct job_step){
		.name = step->name,
		.run = step->run,
		.shell = step->shell,
		.env = env,
		.condition = str_of(plan_step_when_names[when]),
		.timeout_ms = step->timeout_ms,
		.policies = step->policies,
	};
	/* A worker of a version before passes over `policies`: what it runs in their place must not succeed. */
	if (step->kind == PLAN_STEP_POLICY) {
		ret->run = STR("echo 'this worker cannot check policies: upgrade it' >&2\nexit 1\n");
		ret->shell = STR("sh");
	}
	if (step->kind == PLAN_STEP_GITOPS) {
		ret->kind = STR("gitops");
		ret->run = STR("echo 'this worker is too old for gitops steps; upgrade it'; exit 1");
		ret->ready = json_get_str(step->gitops, "ready");
		ret->wait_ms = json_integer_value(json_object_get(step->gitops, "wait_ms"));
	}
	return true;
}

static bool render_texts(const struct plan_facts *facts, const struct str_list *texts, struct arena *arena,
	struct str_list *ret, struct err *err)
{
	struct str_list made = {.items = arena_array(arena, struct str, texts->count)};
	for (; made.count < texts->count; made.count++)
		if (!plan_render(facts, texts->items[made.count], arena, &made.items[made.count], err))
			return err_wrap(err, "artifacts");
	*ret = made;
	return true;
}

static void add_inputs(struct job_spec *spec, const struct claimed *claimed, const struct plan_job *job,
	const struct job_context *context, struct arena *arena)
{
	for (size_t i = 0; i < context->artifact_count; i++) {
		const struct run_artifact *artifact = &context->artifacts[i];
		bool is_own = artifact->run == claimed->run && str_list_has(&job->needs, artifact->key);
		bool is_origins = artifact->run == job->origin && str_list_has(&job->origin_jobs, artifact->key);
		if (!is_own && !is_origins)
			continue;
		spec->inputs = arena_grow(arena, spec->inputs, sizeof *spec->inputs, spec->input_count);
		spec->inputs[spec->input_count++] =
			(struct job_input){artifact->path, artifact->sha256, artifact->size_bytes, artifact->mode};
	}
}

static void fill(struct job_spec *spec, const struct claimed *claimed, const struct plan_job *job, struct arena *arena)
{
	const struct plan_resources *asked = &job->resources;
	*spec = (struct job_spec){
		.job = claimed->job,
		.attempt = claimed->attempt,
		.run_name = arena_printf(arena, "%.*s#%lld", STR_ARG(claimed->repository), (long long)claimed->number),
		.key = claimed->key,
		.repository = claimed->repository,
		.commit = claimed->commit,
		.fetch_depth = job->fetch_depth,
		.network = str_of(plan_network_names[job->network]),
		.profile = job->profile,
		.timeout_ms = job->timeout_ms,
		.outlives_lease = job->part == PLAN_PART_DEPLOY,
		.grace_ms = GRACE_MS,
		.memory_bytes = asked->memory_bytes ? asked->memory_bytes : MEMORY_BYTES,
		.disk_bytes = asked->disk_bytes ? asked->disk_bytes : DISK_BYTES,
		.cpu_milli = asked->cpu_milli ? asked->cpu_milli : CPU_MILLI,
		.processes = asked->processes ? asked->processes : PROCESSES,
		.log_max_bytes = LOG_MAX_BYTES,
		.outputs = job->outputs,
	};
}

static struct plan_facts facts_of(const struct claimed *claimed, const struct plan *plan, struct outputs_view *view)
{
	return (struct plan_facts){
		.plan = plan,
		.run_number = claimed->number,
		.outputs = find_outputs,
		.outputs_arg = view,
		.service = find_service,
		.service_arg = view,
		.is_success = true,
	};
}

bool job_spec_build(const struct claimed *claimed, const struct plan *plan, const struct job_context *context,
	struct job_spec *ret, struct arena *arena, struct err *err)
{
	size_t stage;
	const struct plan_job *job = plan_find_job(plan, claimed->key, &stage);
	if (!job)
		return err_set(err, ERR_BUG, "the plan has no job %.*s", STR_ARG(claimed->key));
	struct outputs_view view = {context, claimed->run, plan->stages[stage].environment};
	struct plan_facts facts = facts_of(claimed, plan, &view);
	struct job_spec spec;
	fill(&spec, claimed, job, arena);
	add_inputs(&spec, claimed, job, context, arena);
	spec.steps = arena_array(arena, struct job_step, job->step_count);
	spec.step_count = job->step_count;
	if (!plan_render_env(&facts, job, arena, &spec.env, err) ||
		!plan_render_pairs(&facts, &job->reports, arena, &spec.reports, err) ||
		!render_texts(&facts, &job->artifacts.paths, arena, &spec.artifacts, err))
		return false;
	if (job->wave)
		pair_set(&spec.env, arena, STR("CI_PREVIOUS_VERSION"), claimed->previous_version);
	for (size_t i = 0; i < job->step_count; i++)
		if (!build_step(&facts, &job->steps[i], &spec.steps[i], arena, err))
			return false;
	*ret = spec;
	return true;
}

static bool render_set(
	const struct plan_facts *facts, const json_t *set, struct pair_list *ret, struct arena *arena, struct err *err)
{
	const char *path;
	json_t *value;
	struct pair_list written = {0};
	json_object_foreach((json_t *)set, path, value)
		pair_set(&written, arena, str_of(path), str_of(json_string_value(value)));
	return plan_render_pairs(facts, &written, arena, ret, err);
}

bool job_spec_gitops(const struct claimed *claimed, const struct plan *plan, const struct job_context *context,
	int64_t step, struct gitops_spec *ret, struct arena *arena, struct err *err)
{
	size_t stage;
	const struct plan_job *job = plan_find_job(plan, claimed->key, &stage);
	struct outputs_view view = {context, claimed->run, job ? plan->stages[stage].environment : (struct str){0}};
	struct plan_facts facts = facts_of(claimed, plan, &view);
	struct gitops_spec spec = {0};
	if (!job || step < 0 || step >= (int64_t)job->step_count || job->steps[step].kind != PLAN_STEP_GITOPS)
		return err_set(
			err, ERR_INVALID, "job %.*s has no gitops step %lld", STR_ARG(claimed->key), (long long)step);
	const json_t *json = job->steps[step].gitops;
	if (!plan_render(&facts, json_get_str(json, "repo"), arena, &spec.repo, err) ||
		!plan_render(&facts, json_get_str(json, "branch"), arena, &spec.branch, err) ||
		!plan_render(&facts, json_get_str(json, "file"), arena, &spec.file, err) ||
		!plan_render(&facts, json_get_str(json, "message"), arena, &spec.message, err) ||
		!render_set(&facts, json_object_get(json, "set"), &spec.set, arena, err))
		return false;
	*ret = spec;
	return true;
}
