#include "tests/sim/plans.h"

#include "common/lang/lang.h"
#include "common/mem.h"
#include "server/engine/plan_replace.h"
#include "server/engine/planner.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPLOY                                                                                                         \
	"deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", outputs: [address], steps: [ { run: d } ], verify: [ { run: v } ] }\n"
/* What is told of the run that made the version, and of what another service has put out by the time. */
#define TOLD  "env: { MADE: \"${{ jobs.make.outputs.v }}\", WEB: \"<${{ services.web.outputs.address }}>\" }"
#define BUILD "  - name: build\n    jobs: { make: { outputs: [v], steps: [ { run: make } ] } }\n"

static const struct {
	const char *name, *text;
} pipelines[PIPELINES] = {
	{"ci", /* everything that a release meets on its way */
		"concurrency: { group: ci }\n"
		"stages:\n" BUILD "  - { name: qa, environment: qa, on_failure: rollback }\n"
		"  - name: prod\n"
		"    environment: prod\n"
		"    gate: { approvals: 2, groups: [release, qa], require: { qa: 1 }, author: deny, timeout: 1h }\n"
		"    alarms: [errors, slow]\n"
		"    tests: { e2e: { once: wave, steps: [ { run: e } ] }, load: { allow_failure: true, steps: [ { run: l } ] } }\n"
		"    waves: [ { targets: [eu-canary], bake: 1m, min_points: 2 }, { targets: [\"*\"], parallel: 2, bake: 2m } ]\n"
		"deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", outputs: [address], preview: [ { run: p } ],\n"
		"  steps: [ { run: d } ], verify: [ { run: v } ], diagnose: [ { run: look } ] }\n"},
	{"jobs", /* needs, conditions, retries, gates between */
		"concurrency: { group: jobs, cancel: true }\n"
		"stages:\n"
		"  - name: one\n"
		"    jobs:\n"
		"      a: { retry: { max: 1, on: [exit, worker_lost] }, steps: [ { run: x } ] }\n"
		"      b: { needs: [a], allow_failure: true, steps: [ { run: x } ] }\n"
		"      c: { needs: [b], if: always(), steps: [ { run: x } ] }\n"
		"      g: { needs: [a], if: success(), steps: [ { run: x } ] }\n"
		"      d: { needs: [a, c], matrix: { n: [1, 2] }, retry: { max: 1, on: [timeout] }, steps: [ { run: x } ] }\n"
		"  - name: two\n"
		"    gate: { approvals: 1, timeout: 5m }\n"
		"    jobs: { e: { steps: [ { run: x } ] } }\n"
		"  - { name: three, gate: { approvals: 1, comment: required, not_before: 2023-11-14T23:00:00Z } }\n"
		"  - { name: four, if: failure(), jobs: { f: { steps: [ { run: x } ] } } }\n"},
	{"hotfix", /* goes over others in the lane, by a grant */
		"stages:\n" BUILD
		"  - { name: prod, environment: prod, alarms: [errors], gate: { approvals: 1 }, waves: [ { targets: [\"*\"], "
		"parallel: 3, bake: 30s } ] }\n" DEPLOY},
	{"fast", /* no gate, one target at a time, failures go back */
		"stages:\n" BUILD
		"  - { name: prod, environment: prod, alarms: [errors], on_failure: rollback, waves: [ { targets: "
		"[eu-canary], bake: 30s }, { targets: [\"*\"] } ] }\n" DEPLOY},
	{"stop", /* nothing to go back to, and deployments that may be tried again */
		"concurrency: { group: ci }\n"
		"stages:\n" BUILD "  - { name: qa, environment: qa }\n"
		"  - { name: prod, environment: prod, alarms: [errors], on_alarm: stop }\n"
		"deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", rollback: none, idempotent: true, steps: [ { run: d } ] }\n"},
	{"api", /* another service in the same places */
		"stages:\n" BUILD "  - { name: qa, environment: qa }\n"
		"  - { name: prod, environment: prod, alarms: [slow], on_alarm: stop, gate: { approvals: 1, timeout: 10m }, waves: [ { targets: "
		"[\"*\"], parallel: 2, bake: 1m, min_points: 1 } ], tests: { e2e: { steps: [ { run: e } ] } } }\n"
		"deploy: { service: api, version: \"${{ jobs.make.outputs.v }}\", steps: [ { run: d } ], verify: [ { run: v } ],\n"
		"  diagnose: [ { run: look } ], " TOLD " }\n"},
	{"plain", /* a version that is known from the start, in two waves of the configuration */
		"stages:\n"
		"  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"
		"deploy: { service: web, version: \"v7\", steps: [ { run: d } ] }\n"},
	{"late", /* jobs behind a deployment, stages for when something failed, and one place twice */
		"stages:\n" BUILD
		"  - { name: qa, environment: qa, tests: { smoke: { retry: { max: 1, on: [exit] }, steps: [ { run: s } ] } } }\n"
		"  - { name: after, jobs: { note: { steps: [ { run: n } ] } } }\n"
		"  - { name: mourn, if: failure(), jobs: { f: { steps: [ { run: x } ] } } }\n"
		"  - { name: again, environment: qa, gate: { approvals: 1 } }\n"
		"  - { name: last, if: always(), environment: prod }\n" DEPLOY},
	{"box", /* for a while, and then it is taken down */
		"stages:\n" BUILD "  - { name: qa, environment: qa, expires: 6m }\n"
		"deploy: { service: api, version: \"${{ jobs.make.outputs.v }}\", steps: [ { run: d } ], teardown: [ { run: t } ],\n"
		"  " TOLD " }\n"},
};

static struct plan_target qa_targets[] = {{.name = {"qa-1", 4}}};
static struct plan_target prod_targets[] = {
	{.name = {"eu-canary", 9}, .wave = 1}, {.name = {"eu-1", 4}, .wave = 2}, {.name = {"us-1", 4}, .wave = 2}};

static struct arena arena;
static struct plan plans[PIPELINES][CONFIGURATIONS];
static const struct plan *made[PIPELINES][CONFIGURATIONS];

/* Every plan that is shared, by what it says; and what became of one by another configuration. They are as good as
 * constants, and working them out each time took half of all the time. */
static struct known_plan {
	const struct plan *plan;
	struct str hash;
	struct str *stage_hashes; /* n 0: nobody has asked yet */
} * known;
static struct replacement {
	const struct plan *old, *today;
	size_t stage;
	struct plans_replaced *replaced;
} * replacements;
static size_t known_count, replacement_count;

/* --- what is shared --- */

/* The one that says the same, or this one from now on. */
static const struct plan *share(const struct plan *plan)
{
	struct str hash = plan_text(plan, &arena).hash;
	for (size_t i = 0; i < known_count; i++)
		if (str_eq(known[i].hash, hash))
			return known[i].plan;
	known = arena_grow(&arena, known, sizeof *known, known_count);
	known[known_count++] = (struct known_plan){plan, hash, arena_array(&arena, struct str, plan->stage_count)};
	return plan;
}

struct str __real_plan_stage_hash(const struct plan_stage *stage, struct arena *to);
struct str __wrap_plan_stage_hash(const struct plan_stage *stage, struct arena *to);

struct str __wrap_plan_stage_hash(const struct plan_stage *stage, struct arena *to)
{
	for (size_t i = 0; i < known_count; i++) {
		const struct plan *plan = known[i].plan;
		if (stage < plan->stages || stage >= plan->stages + plan->stage_count)
			continue;
		struct str *hash = &known[i].stage_hashes[stage - plan->stages];
		if (hash->n == 0)
			*hash = __real_plan_stage_hash(stage, &arena);
		return *hash;
	}
	return __real_plan_stage_hash(stage, to);
}

const struct plans_replaced *plans_replace(const struct plan *old, size_t stage, const struct plan *today)
{
	for (size_t i = 0; i < replacement_count; i++)
		if (replacements[i].old == old && replacements[i].stage == stage && replacements[i].today == today)
			return replacements[i].replaced;
	struct plan fresh = *today;
	fresh.stage_count = 0;
	while (!str_eq(today->stages[fresh.stage_count++].name, old->stages[stage].name))
		; /* policies may have stages of their own before it */
	struct plan_replaced *replaced = arena_new(&arena, struct plan_replaced);
	plan_replace_stage(old, stage, &fresh, &arena, replaced);
	struct plans_replaced *shared = arena_new(&arena, struct plans_replaced);
	*shared = (struct plans_replaced){share(&replaced->plan), replaced->is_same, replaced->difference};
	replacements = arena_grow(&arena, replacements, sizeof *replacements, replacement_count);
	replacements[replacement_count++] = (struct replacement){old, today, stage, shared};
	return shared;
}

/* --- planning --- */

/* The first configuration has a target less, the last one demands a policy. */
static bool find_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err)
{
	size_t configuration = *(size_t *)arg;
	(void)ref;
	*ret = (struct plan_environment){.name = name, .tier = name};
	if (str_is(name, "qa")) {
		ret->targets = qa_targets;
		ret->target_count = COUNT_OF(qa_targets);
		ret->is_fifo = true;
		return true;
	}
	if (!str_is(name, "prod"))
		return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
	ret->targets = prod_targets;
	ret->target_count = COUNT_OF(prod_targets) - (configuration == 0);
	if (configuration == CONFIGURATIONS - 1)
		str_list_add(&ret->policies[0], to, STR("no-secrets"));
	if (str_is(pipeline, "hotfix")) {
		ret->grant = arena_new(to, struct plan_grant);
		*ret->grant = (struct plan_grant){.name = STR("fire"), .lowers_alarms = true};
	}
	return true;
}

static bool knows_service(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "api");
}

static void make(size_t pipeline, size_t configuration)
{
	struct lang_errors errors = {.arena = &arena};
	const struct pipeline *source;
	const char *file = arena_printf(&arena, ".penstock/%s.yaml", pipelines[pipeline].name).p;
	struct plan_context context = {
		.event = PLAN_EVENT_PUSH,
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = STR("0123456789abcdef0123456789abcdef01234567"),
		.author_email = STR("ann@example.org"),
		.actor = STR("ann"),
		.repository = STR("web"),
		.default_branch = STR("main"),
		.file = file,
		.environment = find_environment,
		.knows_service = knows_service,
		.environment_arg = &configuration,
	};
	bool ok = lang_load(str_of(pipelines[pipeline].text), file, NULL, &arena, &source, &errors) &&
		  plan_make(source, &context, &arena, &plans[pipeline][configuration], &errors);
	if (!ok) {
		fprintf(stderr, "%.*s\n", STR_ARG(lang_error_text(&errors.items[0], &arena)));
		exit(2);
	}
	made[pipeline][configuration] = share(&plans[pipeline][configuration]);
}

const struct plan *plans_get(size_t pipeline, size_t configuration)
{
	if (!made[pipeline][configuration])
		make(pipeline, configuration);
	const struct plan *plan = made[pipeline][configuration];
	if (plan->refusals.count) {
		fprintf(stderr, "%s: %.*s\n", pipelines[pipeline].name, STR_ARG(plan->refusals.items[0]));
		exit(2);
	}
	return plan;
}

const char *plans_text(size_t pipeline)
{
	return pipelines[pipeline].text;
}

const char *plans_name(size_t pipeline)
{
	return pipelines[pipeline].name;
}

void plans_done(void)
{
	for (size_t i = 0; i < PIPELINES; i++)
		for (size_t j = 0; j < CONFIGURATIONS; j++)
			if (made[i][j])
				plan_done(&plans[i][j]);
	arena_done(&arena);
}
