#ifndef CLI_RUN_VIEW_H
#define CLI_RUN_VIEW_H

/*
 * One run as people see it: kept up to date from the events of the server, written as text, and its outcome as an exit
 * code. `run` is what the API calls Run: the summary, and the stages with their gates and jobs. Does no I/O.
 */

#include "cli/cli.h"

#include <jansson.h>

/* What an event says, merged by id into *io_run (NULL at first). The caller drops *io_run. */
void run_view_merge(json_t **io_run, const json_t *event);

/* max_lines 0: all of it. Otherwise jobs that are over or not yet begun are only counted, and what is still too much is
 * left out. */
void run_view_write(const struct cli *cli, const json_t *run, size_t max_lines, struct buf *to);

/* Whether a job is worth a line of its own: those of a stage that never began are not. */
bool run_view_is_told(const json_t *stage, const json_t *job);

/* Whether it will change without anybody doing anything: neither over nor at a gate. */
bool run_view_is_moving(const json_t *run);
/* CLI_OK, CLI_RUN_FAILED or CLI_WAITING. */
enum cli_exit run_view_outcome(const json_t *run);
/* What to do next: where to read why it failed, how to open its gate. Nothing where nothing is to be done. */
void run_view_hint(const json_t *run, struct buf *to);

#endif
