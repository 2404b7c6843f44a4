#ifndef SERVER_DISPATCH_JOB_SPEC_H
#define SERVER_DISPATCH_JOB_SPEC_H

/*
 * What a worker is told to do: a planned job, with the values of the run filled in. Pure.
 */

#include "common/proto/worker_proto.h"
#include "server/engine/plan.h"
#include "server/engine/states.h"

/* A row of claim.sql. */
struct claimed {
	int64_t job;
	int32_t attempt;
	int64_t run;
	struct str key;
	int64_t number;
	struct str repository;
	struct str commit;
	struct str plan_hash;
	struct str previous_version; /* of a deployment: what its target runs until then; "" */
};
extern const struct field claimed_fields[];

/* A row of claim_context.sql: a job of a run that is over. */
struct finished_job {
	int64_t run;
	struct str key;
	enum job_state state;
	struct pair_list outputs;
};
extern const struct field finished_job_fields[];
/* What the job of that run with this key put out; false: nothing. */
bool finished_job_outputs(
	const struct finished_job *jobs, size_t count, int64_t run, struct str key, struct pair_list *ret);

/* A row of claim_inputs.sql: an artifact of a run. */
struct run_artifact {
	int64_t run;
	struct str key;
	struct str path;
	struct str sha256;
	int64_t size_bytes;
	int32_t mode;
};
extern const struct field run_artifact_fields[];

/* A row of claim_services.sql: what a service put out when it was deployed to an environment last. */
struct service_outputs {
	struct str environment;
	struct str service;
	struct pair_list outputs;
};
extern const struct field service_outputs_fields[];

struct job_context {
	const struct finished_job *finished; /* of any runs; those of the claimed one count */
	size_t finished_count;
	const struct run_artifact *artifacts;
	size_t artifact_count;
	const struct service_outputs *services; /* of the environments of the claimed runs */
	size_t service_count;
};

/* Whether building the spec needs rows of claim_context or claim_inputs. */
bool job_spec_needs_context(const struct plan *plan, const struct plan_job *job);
/* A failure is the file's: an expression that has no value with these outputs. Nobody can run the job then. */
bool job_spec_build(const struct claimed *claimed, const struct plan *plan, const struct job_context *context,
	struct job_spec *ret, struct arena *arena, struct err *err);

/* A gitops step of a job, with the values of the run. */
struct gitops_spec {
	struct str repo;
	struct str branch; /* "": the default branch */
	struct str file;
	struct pair_list set;
	struct str message; /* "": none is given */
};
/* ERR_INVALID: the job has no gitops step with this index, or an expression has no value. */
bool job_spec_gitops(const struct claimed *claimed, const struct plan *plan, const struct job_context *context,
	int64_t step, struct gitops_spec *ret, struct arena *arena, struct err *err);

#endif
