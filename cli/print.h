#ifndef CLI_PRINT_H
#define CLI_PRINT_H

/* What commands print with: states in colour, times, JSON. Colours only when cli->has_color. */

#include "cli/cli.h"

#include <jansson.h>

enum { PRINT_TIME_BYTES = 32 };

void print_json(const json_t *json);
const char *print_colour(const struct cli *cli, const char *state);
const char *print_plain(const struct cli *cli);

/* A text of an answer: "" when it is absent, null or none; lives as long as the answer. */
const char *print_text(const json_t *object, const char *name);
/* The state of a run as a person should read it: one that succeeded although a job that may fail did so is "with
 * warnings". What is no run has its state as it is. */
const char *print_run_state(const json_t *run);
int64_t print_number(const json_t *object, const char *name);

/* "4s ago", "2h ago"; "-" where the answer has no such time. */
void print_ago(char to[static PRINT_TIME_BYTES], const json_t *object, const char *name);
/* "2026-11-22 01:51:23 UTC"; "-", and false, where the answer has no such time. */
bool print_moment(char to[static PRINT_TIME_BYTES], const json_t *object, const char *name);
/* From started_at to ended_at, or to now: "4.2s", "3m09s", "2h05m"; "-" before the start. */
void print_took(char to[static PRINT_TIME_BYTES], const json_t *object);

/* Columns that a text takes on a terminal; its colours take none. */
size_t print_width(struct str text);
/* As much of one line as fits into so many columns; 0 columns: all of it. Colours are kept. */
void print_cut(struct buf *to, struct str line, size_t columns);
/* Columns and rows of the terminal that is stdout; 0 where it is none. */
void print_terminal(size_t *ret_columns, size_t *ret_rows);

#endif
