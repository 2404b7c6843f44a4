/* Whether what the database gave is what the model gave. */
#include "tests/sim/store/shadow.h"

#include <stdio.h>

struct comparison {
	struct sim *sim;
	const struct run_graph *model, *real;
};

static void same_number(const struct comparison *in, const char *what, size_t at, int64_t model, int64_t real)
{
	if (model != real)
		sim_fail(in->sim, "%.*s, %s %zu: the model has %lld, the database %lld", STR_ARG(in->model->name), what,
			at, (long long)model, (long long)real);
}

static void same_text(const struct comparison *in, const char *what, size_t at, struct str model, struct str real)
{
	if (model.n != real.n || (model.n && !str_eq(model, real)))
		sim_fail(in->sim, "%.*s, %s %zu: the model has \"%.*s\", the database \"%.*s\"",
			STR_ARG(in->model->name), what, at, STR_ARG(model), STR_ARG(real));
}

static size_t past_digits(struct str text, size_t at)
{
	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	return at;
}

/* But for numbers: a quarantine has another id. */
static void same_words(const struct comparison *in, const char *what, size_t at, struct str model, struct str real)
{
	size_t a = past_digits(model, 0), b = past_digits(real, 0);
	while (a < model.n && b < real.n && model.p[a] == real.p[b]) {
		a = past_digits(model, a + 1);
		b = past_digits(real, b + 1);
	}
	if (a < model.n || b < real.n)
		same_text(in, what, at, model, real);
}

static void same_lane(const struct comparison *in, const char *what, size_t at, const struct graph_lane *model,
	const struct graph_lane *real)
{
	same_number(in, what, at, model->request != 0, real->request != 0);
	same_number(in, what, at, (int64_t)model->state, (int64_t)real->state);
	same_text(in, what, at, model->holder, real->holder);
	same_text(in, what, at, model->superseded_by, real->superseded_by);
}

static void same_stages(const struct comparison *in)
{
	same_number(in, "stages of run", 0, (int64_t)in->model->stage_count, (int64_t)in->real->stage_count);
	for (size_t i = 0; i < in->model->stage_count; i++) {
		const struct graph_stage *model = &in->model->stages[i], *real = &in->real->stages[i];
		same_number(in, "state of stage", i, (int64_t)model->state, (int64_t)real->state);
		same_text(in, "version of stage", i, model->version, real->version);
		same_text(in, "difference of stage", i, model->replanned, real->replanned);
		same_number(in, "start of stage", i, model->started_at, real->started_at);
		same_number(in, "end of stage", i, model->ended_at, real->ended_at);
		if (model->plan->delivery)
			same_lane(in, "lane of stage", i, &model->lane, &real->lane);
		same_number(in, "version of the lane of stage", i, model->lane.version, real->lane.version);
	}
}

static void same_jobs(const struct comparison *in)
{
	same_number(in, "jobs of run", 0, (int64_t)in->model->job_count, (int64_t)in->real->job_count);
	for (size_t i = 0; i < in->model->job_count; i++) {
		const struct graph_job *model = &in->model->jobs[i], *real = &in->real->jobs[i];
		same_text(in, "key of job", i, model->key, real->key);
		same_number(in, "state of job", i, (int64_t)model->state, (int64_t)real->state);
		same_number(in, "attempt of job", i, model->attempt, real->attempt);
		same_number(in, "retries of job", i, model->retries, real->retries);
		same_number(in, "reason of job", i, (int64_t)model->reason, (int64_t)real->reason);
		same_number(in, "request to end job", i, model->cancel_reason.p != NULL, real->cancel_reason.p != NULL);
		same_number(in, "outputs of job", i, (int64_t)model->outputs.count, (int64_t)real->outputs.count);
	}
}

static void same_gates(const struct comparison *in)
{
	same_number(in, "gates of run", 0, (int64_t)in->model->gate_count, (int64_t)in->real->gate_count);
	for (size_t i = 0; i < in->model->gate_count; i++) {
		const struct graph_gate *model = &in->model->gates[i], *real = &in->real->gates[i];
		same_number(in, "stage of gate", i, (int64_t)model->stage, (int64_t)real->stage);
		same_number(in, "state of gate", i, (int64_t)model->state, (int64_t)real->state);
		same_number(in, "expiry of gate", i, model->expires_at, real->expires_at);
		same_text(in, "hash of gate", i, model->stage_hash, real->stage_hash);
		same_number(in, "decisions of gate", i, (int64_t)model->decision_count, (int64_t)real->decision_count);
		for (size_t j = 0; j < model->decision_count && j < real->decision_count; j++) {
			same_text(in, "person of gate", i, model->decisions[j].account_name,
				real->decisions[j].account_name);
			same_number(in, "verdict of gate", i, model->decisions[j].is_approval,
				real->decisions[j].is_approval);
			same_number(in, "beginning of gate", i, model->decisions[j].not_before,
				real->decisions[j].not_before);
		}
	}
}

static void same_deliveries(const struct comparison *in)
{
	same_number(in, "waves of run", 0, (int64_t)in->model->wave_count, (int64_t)in->real->wave_count);
	for (size_t i = 0; i < in->model->wave_count; i++) {
		const struct graph_wave *model = &in->model->waves[i], *real = &in->real->waves[i];
		same_number(in, "state of wave", i, (int64_t)model->state, (int64_t)real->state);
		same_words(in, "hold of wave", i, model->held, real->held);
		same_number(in, "start of wave", i, model->started_at, real->started_at);
		same_number(in, "bake of wave", i, model->baking_since, real->baking_since);
		same_number(in, "bake's end of wave", i, model->bake_until, real->bake_until);
		same_number(in, "question of wave", i, model->asked_at, real->asked_at);
		same_text(in, "answer of wave", i, model->accepted, real->accepted);
	}
	size_t count = in->model->deployment_count;
	same_number(in, "deployments of run", 0, (int64_t)count, (int64_t)in->real->deployment_count);
	for (size_t i = 0; i < count; i++) {
		const struct graph_deployment *model = &in->model->deployments[i], *real = &in->real->deployments[i];
		same_number(in, "state of deployment", i, (int64_t)model->state, (int64_t)real->state);
		same_number(in, "job of deployment", i, (int64_t)model->job, (int64_t)real->job);
		same_number(in, "wave of deployment", i, (int64_t)model->wave, (int64_t)real->wave);
		same_text(in, "target of deployment", i, model->target, real->target);
		same_text(in, "version of deployment", i, model->version, real->version);
		same_number(in, "bake of deployment", i, model->baked_at, real->baked_at);
		same_number(in, "silence of deployment", i, model->is_silent, real->is_silent);
	}
}

static void same_facts(const struct comparison *in)
{
	const struct graph_facts *model = &in->model->facts, *real = &in->real->facts;
	same_number(in, "stage of facts", 0, (int64_t)model->stage, (int64_t)real->stage);
	same_text(in, "version of facts", 0, model->version, real->version);
	same_number(in, "version of environment", 0, model->environment_version, real->environment_version);
	same_number(in, "version of service", 0, model->service_version, real->service_version);
	same_number(in, "expiry", 0, model->expires_at, real->expires_at);
	same_text(in, "newer run", 0, model->newer, real->newer);
	same_number(in, "quarantine", 0, model->quarantined.n > 0, real->quarantined.n > 0);
	same_number(in, "quarantine elsewhere", 0, model->condemned_elsewhere.n > 0, real->condemned_elsewhere.n > 0);
	same_number(in, "override", 0, model->overrides_freeze, real->overrides_freeze);
	same_number(in, "occupied targets", 0, (int64_t)model->occupied_count, (int64_t)real->occupied_count);
	if (model->occupied_count && real->occupied_count)
		same_text(in, "occupant", 0, model->occupied[0].run, real->occupied[0].run);
	same_text(in, "overtaken by", 0, model->overtaken_by, real->overtaken_by);
	same_text(in, "overtaken at", 0, model->overtaken_at, real->overtaken_at);
	same_number(in, "alarms", 0, (int64_t)model->alarm_count, (int64_t)real->alarm_count);
	for (size_t i = 0; i < model->alarm_count && i < real->alarm_count; i++) {
		same_text(in, "name of alarm", i, model->alarms[i].name, real->alarms[i].name);
		same_number(in, "turn of alarm", i, model->alarms[i].turn, real->alarms[i].turn);
		same_text(in, "state of alarm", i, model->alarms[i].state, real->alarms[i].state);
		same_number(in, "points of alarm", i, model->alarms[i].points, real->alarms[i].points);
		same_number(in, "firing of alarm", i, model->alarms[i].fired_at, real->alarms[i].fired_at);
	}
}

static void same_relations(const struct comparison *in)
{
	const struct graph_facts *model = &in->model->facts, *real = &in->real->facts;
	same_number(in, "relations", 0, (int64_t)model->relation_count, (int64_t)real->relation_count);
	for (size_t i = 0; i < model->relation_count; i++) { /* in no order */
		const struct graph_relation *wanted = &model->relations[i];
		bool is_found = false;
		for (size_t j = 0; j < real->relation_count; j++) {
			const struct graph_relation *found = &real->relations[j];
			is_found |= wanted->kind == found->kind && str_eq(wanted->newer, found->newer) &&
				    str_eq(wanted->older, found->older) && str_eq(wanted->run, found->run) &&
				    wanted->by_patch == found->by_patch && wanted->holds.n == found->holds.n &&
				    str_eq(wanted->holds, found->holds);
		}
		same_number(in, "relation", i, true, is_found);
	}
}

static void same_changes(const struct comparison *in)
{
	const struct graph_facts *model = &in->model->facts, *real = &in->real->facts;
	auto_arena arena = {0};
	same_number(in, "changes", 0, (int64_t)model->change_count, (int64_t)real->change_count);
	for (size_t i = 0; i < model->change_count; i++) { /* in no order */
		const struct graph_change *wanted = &model->changes[i];
		bool is_found = false;
		for (size_t j = 0; j < real->change_count; j++) {
			const struct graph_change *found = &real->changes[j];
			is_found |= str_eq(wanted->base, found->base) && wanted->is_known == found->is_known &&
				    str_eq(str_list_join(&wanted->authors, ",", &arena),
					    str_list_join(&found->authors, ",", &arena));
		}
		same_number(in, "change", i, true, is_found);
	}
}

static void same_ends(const struct comparison *in, const struct desk *desk, const struct run_loaded *loaded)
{
	same_number(in, "ends", 0, (int64_t)desk->end_count, (int64_t)loaded->end_count);
	for (size_t i = 0; i < desk->end_count && i < loaded->end_count; i++) {
		const struct attempt_end *model = &desk->ends[i], *real = &loaded->ends[i];
		const struct graph_job *job = graph_job_by_id(in->model, model->job),
				       *real_job = graph_job_by_id(in->real, real->job);
		same_text(in, "job of end", i, job->key, real_job ? real_job->key : STR("nothing"));
		same_number(in, "attempt of end", i, model->attempt, real->attempt);
		same_number(in, "reason of end", i, (int64_t)model->reason, (int64_t)real->reason);
		same_number(in, "exit code of end", i, model->exit_code, real->exit_code);
	}
}

void shadow_compare(struct sim *sim, const struct desk *desk)
{
	const struct run_loaded *loaded = &desk->shadow->loaded;
	const struct comparison in = {sim, &desk->graph, &loaded->graph};
	same_number(&in, "state", 0, (int64_t)in.model->state, (int64_t)in.real->state);
	same_number(&in, "ending", 0, (int64_t)in.model->ending, (int64_t)in.real->ending);
	same_text(&in, "name", 0, in.model->name, in.real->name);
	same_text(&in, "reason", 0, in.model->reason, in.real->reason);
	same_words(&in, "waiting for", 0, in.model->waiting_for, in.real->waiting_for);
	same_number(&in, "version", 0, in.model->version, in.real->version);
	same_number(&in, "configuration", 0, in.model->configuration, in.real->configuration);
	same_number(&in, "warnings", 0, in.model->has_warnings, in.real->has_warnings);
	same_number(&in, "abandoned", 0, in.model->abandoned.n > 0, in.real->abandoned.n > 0);
	if (in.model->concurrency_group.n)
		same_lane(&in, "group", 0, &in.model->lane, &in.real->lane);
	same_stages(&in);
	if (sim->fault[0])
		return;
	same_jobs(&in);
	same_gates(&in);
	same_deliveries(&in);
	same_facts(&in);
	same_relations(&in);
	same_changes(&in);
	if (!sim->fault[0])
		same_ends(&in, desk, loaded);
}
