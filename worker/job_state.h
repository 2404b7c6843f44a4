#ifndef WORKER_JOB_STATE_H
#define WORKER_JOB_STATE_H

/*
 * The inside of a job, shared by its files: job.c (phases), job_steps.c (steps, limits, stopping), job_files.c (what
 * goes in and comes out), job_policy.c (what the policy program does for it), job_gitops.c (steps that the server
 * does), job_end.c (reasons and sentences). Nobody else includes this.
 */

#include "worker/artifacts.h"
#include "worker/boxes.h"
#include "worker/job.h"
#include "worker/log_filter.h"

#include <uv.h>

/* In order. Each phase has at most one operation under way. */
enum job_phase {
	JOB_OPENING,
	JOB_SOURCE,
	JOB_INPUTS,
	JOB_CHANGE,
	JOB_STEPS,
	JOB_REPORTS,
	JOB_OUTPUTS,
	JOB_FILES,
	JOB_KEEPING,
	JOB_CLOSING,
};

/* Of a gitops step that runs. */
enum gitops_state {
	GITOPS_NONE,
	GITOPS_ASKING,  /* the server makes the change */
	GITOPS_TRYING,  /* the script runs that tells whether it is live */
	GITOPS_RESTING, /* until the next try */
};

struct job {
	struct job_options options;
	enum job_phase phase;
	struct box *box;
	bool is_open;
	bool is_getting;    /* the port owes an answer */
	uint64_t operation; /* the sandbox's number of what is under way; 0: none */
	int64_t started_us; /* monotonic, of the first step; 0: not yet */
	int64_t started_wall_us;

	/* Steps. */
	size_t step; /* the one at hand */
	bool is_step_running;
	int64_t step_started_us, step_started_wall_us, step_line;
	int64_t kill_at_us;        /* the grace of a step that was asked to stop ends; 0: was not asked */
	int64_t after_until_us;    /* limit of the steps that run after a stop; 0: none */
	enum end_reason step_stop; /* why the running step was stopped; END_NONE: it was not */
	bool is_script_coming;     /* the step's script, or what a policy is given, is being brought in as a file */
	int change_fd;             /* what policies look at; -1: it is not known, or none needs it */
	int answer_fd;             /* of the policy program under way, or -1 */
	uv_timer_t timer;

	enum gitops_state gitops;
	struct str gitops_commit; /* that the change was made by; "": it needed none */
	int64_t try_at_us, ready_until_us;
	int ready_tries;
	bool is_ready_late; /* the try at hand is the last one */

	struct mask_set *masks;
	struct log_filter filter;

	/* The end: the first reason counts. */
	bool has_failed;
	bool found_no_room; /* on the worker's own disk */
	bool is_cancelled;
	bool is_killed; /* no step runs any more, nothing is collected */
	bool is_result_told;
	struct attempt_result result;

	int files_fd;             /* of collected outputs or artifacts */
	struct arena files_arena; /* the pool's, while it reads */
	struct artifact_list files;
	struct err files_err;
	bool is_reading;      /* the pool is */
	bool must_have_files; /* what is declared and missing fails the job */
};

/* job.c */
void job_advance(struct job *job); /* the phase at hand is over */
/* job_steps.c */
void job_steps_begin(struct job *job);
void job_steps_event(struct job *job, const struct sandbox_event *event);
void job_steps_imported(struct job *job, const struct sandbox_event *event);
void job_steps_stop(struct job *job, enum end_reason why); /* the running one, with grace */
void job_read_output(struct job *job);
void job_flush_output(struct job *job);
void job_say(struct job *job, struct str lines); /* a line of the worker's own in the log */
void job_steps_set_timer(struct job *job);
void job_steps_end_script(struct job *job); /* with grace; its end counts as it is */
bool job_run_script(struct job *job, const struct job_step *step, struct err *err);
void job_step_over(struct job *job, bool ok, int exit_code); /* the running one; the next begins */
/* job_gitops.c */
bool job_step_is_gitops(const struct job_step *step);
void job_gitops_start(struct job *job);
void job_gitops_changed(struct job *job, const struct gitops_answer *answer, const struct err *err);
void job_gitops_tried(struct job *job, const struct sandbox_event *event);
int64_t job_gitops_due(const struct job *job); /* INT64_MAX: never */
bool job_gitops_timer(struct job *job);        /* false: it was not for this */
bool job_gitops_stop(struct job *job);         /* false: there is a script to be stopped */
/* job_files.c */
void job_import(struct job *job, int fd, enum sandbox_area area);
void job_collect_outputs(struct job *job);
void job_take_outputs(struct job *job, const struct sandbox_event *event);
void job_collect_files(struct job *job);
void job_read_files(struct job *job, const struct sandbox_event *event);
void job_keep_files(struct job *job);
/* job_policy.c */
bool job_policy_wants_change(const struct job_spec *spec);
/* Begins to bring in what the running step's program is given; the step itself is started when it is there. */
bool job_policy_bring(struct job *job, struct err *err);
bool job_policy_run(struct job *job, struct err *err);
/* What the program answered: findings go into the result. True: nothing stands against the change. */
bool job_policy_judge(struct job *job, const char *step, int exit_code);
void job_policy_done(struct job *job);
/* Reports that the steps left: read in the sandbox, like what policies look at. What cannot be read fails nothing. */
bool job_reports_are_read(const struct job *job);
void job_reports_begin(struct job *job);
void job_reports_event(struct job *job, const struct sandbox_event *event);
/* job_end.c */
void job_fail(struct job *job, enum end_reason reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* By something of the worker's: a disk of its own without room ends the attempt as lost, which another worker may cure.
 */
void job_fail_here(struct job *job, enum end_reason reason, const struct err *err);
/* How a step's end in the sandbox counts: true when it succeeded, else the job has failed. */
bool job_judge_step(struct job *job, const struct sandbox_end *end);

#endif
