#ifndef SERVER_ENGINE_PLANNING_H
#define SERVER_ENGINE_PLANNING_H

/*
 * What the pieces of the planner share while one plan is made. Private to the planner: its caller sees planner.h.
 *
 * Pieces report faults with planning_fail() and go on, so that one attempt shows all of them; plan_make() fails at the
 * end when there is any.
 */

#include "common/expr.h"
#include "server/engine/planner.h"

struct planning {
	const struct pipeline *pipeline;
	const struct plan_context *context;
	struct arena *arena;
	struct lang_errors *errors;
	bool has_failed;           /* not the count of errors: the caller's list keeps a repeated one once */
	struct plan plan;          /* in the making */
	struct str_list *policies; /* of each stage: what its environment and tier demand */
	struct expr_value inputs, event, repo, pr;
	struct str service; /* of the environment stage at hand */
};

/* Where in an environment stage a job stands. */
struct plan_place {
	enum plan_part part;
	int32_t wave;                     /* from 1; 0: none */
	const struct plan_target *target; /* NULL: it is about the whole wave */
};

/* What expressions can see at one place of the file. */
struct plan_scope {
	struct planning *in;
	const struct pair_list *matrix;             /* NULL: outside of a job */
	const struct pair_list *env;                /* of the levels above; values are templates */
	const struct plan_environment *environment; /* NULL: not known */
	bool names_environment;                     /* false: environment.* has no meaning here */
	const struct plan_place *place;             /* NULL: not of an environment stage */
};

/* false, so that a caller can write `return planning_fail(...)`. */
bool planning_fail(struct planning *in, struct lang_place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void planning_refuse(struct planning *in, struct str sentence); /* the same sentence is kept once */
void planning_add(struct planning *in, struct str_list *list, struct str text);
/* Keeps a new reference for the life of the plan. */
json_t *planning_own(struct planning *in, json_t *json);
/* UTF-8 without zeros, whatever came in: PostgreSQL and JSON take nothing else. */
struct str planning_clean(struct planning *in, struct str text);

/* plan_inputs.c: fills plan.inputs and the `inputs` of expressions. */
void planning_inputs(struct planning *in);

/* plan_scope.c */
void planning_roots(struct planning *in);
/* A text with ${{ }}: what is known is filled in. On a fault it is reported and "" comes back. */
struct str scope_text(const struct plan_scope *scope, const struct lang_text *text);
/* The same, for a text that must be whole now. */
struct str scope_text_now(const struct plan_scope *scope, const struct lang_text *text);
struct str_list scope_texts(const struct plan_scope *scope, const struct lang_texts *texts);
struct str_list scope_texts_now(const struct plan_scope *scope, const struct lang_texts *texts);
struct pair_list scope_pairs(const struct plan_scope *scope, const struct lang_pairs *pairs);
/* Sets each pair in *env, evaluated with the env of the levels above. */
void scope_env(const struct plan_scope *scope, const struct lang_pairs *pairs, struct pair_list *env);

struct planned_condition {
	struct str condition; /* as plan.h keeps it */
	bool is_skipped;
	struct str reason;
};
struct planned_condition scope_condition(const struct plan_scope *scope, const struct lang_text *condition);

/* plan_matrix.c: the instances of a job, at least one (without a matrix: one that is empty); NULL after a fault. */
const struct pair_list *planning_matrix(
	struct planning *in, const struct plan_scope *scope, const struct pipeline_matrix *matrix, size_t *ret_count);

/* plan_job.c */
struct plan_step *planning_steps(const struct plan_scope *scope, const struct pipeline_steps *steps, size_t *ret_count);
/* All instances of one job, appended to the stage's. */
void planning_job(struct planning *in, const struct plan_scope *stage_scope, const struct pipeline_job *job,
	struct plan_stage *stage);
/* Resolves an `environment:` text: the name, and the environment itself where it is known. */
struct str planning_environment(
	const struct plan_scope *scope, const struct lang_text *text, struct plan_environment *ret, bool *ret_is_known);

/* plan_needs.c: keys for names, and jobs skipped because what they need is. After all jobs are made. */
void planning_needs(struct planning *in);

/* plan_fork.c: takes from a whole plan what a stranger's pull request may not have. Before refusals are looked for. */
void planning_fork(struct planning *in);

/* plan_configuration.c: NULL for none; times are the caller's. */
struct plan_gate *plan_gate_of(const struct pipeline_gate *gate, struct arena *arena);

/* plan_delivery.c: waves and jobs of an environment stage; the stages before it are planned. */
void planning_delivery(struct planning *in, const struct plan_scope *scope, const struct pipeline_stage *stage,
	struct plan_stage *made);
struct str planning_ref(const struct planning *in); /* branch or tag, without refs/; "" of a pull request */
/* plan_floor.c: raises it to what the environment demands, and refuses what may not go there. */
void planning_floor(struct planning *in, const struct plan_environment *environment, struct plan_stage *made);

#endif
