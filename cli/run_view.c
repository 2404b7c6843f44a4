#include "cli/run_view.h"

#include "cli/print.h"

#include <string.h>

enum { STATE_WIDTH = 11, NAME_WIDTH_MIN = 20, NAME_WIDTH_MAX = 48, TOOK_WIDTH = 8, COMMIT_DIGITS = 10, HINTS_MAX = 3 };

/* --- merging --- */

static json_t *find_by_id(const json_t *list, int64_t id)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) if (print_number(item, "id") == id) return item;
	return NULL;
}

static void merge_stage(json_t *stages, json_t *changed)
{
	json_t *stage = find_by_id(stages, print_number(changed, "id"));
	if (!stage) {
		json_array_append_new(stages, json_pack("{s:[], s:n}", "jobs", "gate"));
		stage = json_array_get(stages, json_array_size(stages) - 1);
	}
	/* It comes without its jobs and its gate, which stay. */
	json_object_update(stage, changed);
}

static void merge_job(json_t *stages, json_t *job)
{
	json_t *jobs = json_object_get(find_by_id(stages, print_number(job, "stage_id")), "jobs");
	json_t *known = find_by_id(jobs, print_number(job, "id"));
	if (known)
		json_object_update(known, job);
	else
		json_array_append(jobs, job);
}

static void merge_update(json_t *run, const json_t *update)
{
	json_t *stages = json_object_get(run, "stages"), *item;
	size_t i;
	json_object_set(run, "run", json_object_get(update, "run"));
	json_object_set(run, "alert", json_object_get(update, "alert"));
	json_object_set(run, "ways_back", json_object_get(update, "ways_back"));
	json_array_foreach(json_object_get(update, "stages"), i, item) merge_stage(stages, item);
	json_array_foreach(json_object_get(update, "gates"), i, item)
		json_object_set(find_by_id(stages, print_number(item, "stage_id")), "gate", item);
	json_array_foreach(json_object_get(update, "jobs"), i, item) merge_job(stages, item);
}

void run_view_merge(json_t **io_run, const json_t *event)
{
	bool is_whole = json_object_get(event, "jobs") == NULL;
	if (!is_whole && *io_run) {
		merge_update(*io_run, event);
	} else if (is_whole) {
		json_decref(*io_run);
		*io_run = json_deep_copy(event);
	}
}

/* --- its end --- */

static const json_t *open_gate(const json_t *run)
{
	size_t i;
	json_t *stage;
	json_array_foreach(json_object_get(run, "stages"), i, stage)
	{
		const json_t *gate = json_object_get(stage, "gate");
		if (strcmp(print_text(gate, "state"), "open") == 0)
			return gate;
	}
	return NULL;
}

bool run_view_is_moving(const json_t *run)
{
	const char *state = print_text(json_object_get(run, "run"), "state");
	/* A run that waits for a lane goes on by itself. */
	return strcmp(state, "pending") == 0 || strcmp(state, "running") == 0 ||
	       (strcmp(state, "waiting") == 0 && !open_gate(run));
}

enum cli_exit run_view_outcome(const json_t *run)
{
	const char *state = print_text(json_object_get(run, "run"), "state");
	if (strcmp(state, "succeeded") == 0 || run_view_is_moving(run))
		return CLI_OK;
	return strcmp(state, "waiting") == 0 ? CLI_WAITING : CLI_RUN_FAILED;
}

static size_t hint_at_jobs(const json_t *stage, const char *name, size_t count, struct buf *to)
{
	size_t i;
	json_t *job;
	json_array_foreach(json_object_get(stage, "jobs"), i, job)
	{
		const char *state = print_text(job, "state");
		bool is_bad = strcmp(state, "failed") == 0 || strcmp(state, "lost") == 0;
		if (!is_bad || print_number(job, "attempt") == 0)
			continue;
		if (count++ >= HINTS_MAX)
			continue;
		if (strncmp(print_text(job, "message"), "policy: ", 8) == 0)
			buf_addf(to, "why: penstock findings '%s'\n", name);
		else
			buf_addf(to, "why: penstock logs '%s' '%s'\n", name, print_text(job, "key"));
	}
	return count;
}

void run_view_hint(const json_t *run, struct buf *to)
{
	const json_t *summary = json_object_get(run, "run");
	const char *name = print_text(summary, "name");
	size_t i, count = 0;
	json_t *stage;
	if (run_view_outcome(run) == CLI_WAITING)
		buf_addf(to, "next: penstock approve '%s', or penstock reject '%s'\n", name, name);
	if (strcmp(print_text(summary, "state"), "failed") != 0 &&
		!json_is_true(json_object_get(summary, "has_warnings")))
		return;
	json_array_foreach(json_object_get(run, "stages"), i, stage) count = hint_at_jobs(stage, name, count, to);
}

/* --- writing --- */

struct writer {
	const struct cli *cli;
	struct buf *to;
	size_t name_width;
	bool is_short; /* jobs that are over or not yet begun are counted */
};

static void write_state(const struct writer *writer, const char *state, int width)
{
	buf_addf(writer->to, "%s%-*s%s", print_colour(writer->cli, state), width, state, print_plain(writer->cli));
}

/* Names are padded by what they take on the screen, not by their bytes. */
static void write_name(const struct writer *writer, const char *name, size_t width)
{
	size_t used = print_width(str_of(name));
	buf_addf(writer->to, "%s%*s", name, used < width ? (int)(width - used) : 0, "");
}

enum { AUTHORS_NAMED_MAX = 8 };

static void write_authors(const struct writer *writer, const json_t *authors)
{
	size_t i, count = json_array_size(authors);
	json_t *author;
	json_array_foreach(authors, i, author) if (i < AUTHORS_NAMED_MAX)
		buf_addf(writer->to, "%s%s", i ? ", " : "      written by ", json_string_value(author));
	if (count > AUTHORS_NAMED_MAX)
		buf_addf(writer->to, " and %zu more", count - AUTHORS_NAMED_MAX);
	buf_add_c(writer->to, count ? "\n" : "");
}

static void write_gate(const struct writer *writer, const json_t *gate)
{
	size_t i;
	json_t *decision;
	char at[PRINT_TIME_BYTES];
	if (!json_is_object(gate))
		return;
	buf_addf(writer->to, "    gate %s", print_text(gate, "state"));
	/* What a void one asked for is not kept: the stage has another plan by now. */
	if (strcmp(print_text(gate, "state"), "void") != 0)
		buf_addf(writer->to, ": %d of %d approvals, by %s", (int)print_number(gate, "approved"),
			(int)print_number(gate, "approvals"), print_text(gate, "who_may"));
	if (print_moment(at, gate, "not_before"))
		buf_addf(writer->to, ", not before %s", at);
	buf_add_char(writer->to, '\n');
	write_authors(writer, json_object_get(gate, "authors"));
	if (*print_text(gate, "reason"))
		buf_addf(writer->to, "      %s\n", print_text(gate, "reason"));
	json_array_foreach(json_object_get(gate, "decisions"), i, decision) buf_addf(writer->to, "      %s: %s%s%s\n",
		print_text(decision, "account"), print_text(decision, "verdict"),
		*print_text(decision, "comment") ? ": " : "", print_text(decision, "comment"));
}

static const char *why_of(const json_t *object)
{
	return *print_text(object, "message") ? print_text(object, "message") : print_text(object, "reason");
}

/* It failed, and its stage goes on. */
static bool is_allowed(const json_t *job)
{
	const char *state = print_text(job, "state");
	return json_is_true(json_object_get(job, "allow_failure")) &&
	       (strcmp(state, "failed") == 0 || strcmp(state, "lost") == 0);
}

static void write_job(const struct writer *writer, const json_t *job)
{
	char took[PRINT_TIME_BYTES];
	const char *state = print_text(job, "state");
	bool is_good = strcmp(state, "succeeded") == 0;
	print_took(took, job);
	buf_add_c(writer->to, "    ");
	write_state(writer, state, STATE_WIDTH);
	buf_add_char(writer->to, ' ');
	write_name(writer, print_text(job, "key"), writer->name_width);
	buf_addf(writer->to, " %*s", TOOK_WIDTH, took);
	if (print_number(job, "attempt") > 1)
		buf_addf(writer->to, "  attempt %d", (int)print_number(job, "attempt"));
	if (!is_good && *why_of(job))
		buf_addf(writer->to, "  %s%s", is_allowed(job) ? "may fail: " : "", why_of(job));
	buf_add_char(writer->to, '\n');
}

/* Jobs that a stage which never began took with it say nothing that the stage does not say. */
bool run_view_is_told(const json_t *stage, const json_t *job)
{
	static const char *const ends[] = {"skipped", "cancelled", "superseded", "rolled_back"};
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		if (strcmp(print_text(stage, "state"), ends[i]) == 0)
			return print_number(job, "attempt") > 0;
	return true;
}

static bool is_worth_a_line(const json_t *job)
{
	const char *state = print_text(job, "state");
	return strcmp(state, "running") == 0 || strcmp(state, "leased") == 0 || strcmp(state, "failed") == 0 ||
	       strcmp(state, "lost") == 0;
}

/* "  12 succeeded, 3 running" behind the stage. */
static void write_counts(const struct writer *writer, const json_t *jobs)
{
	json_t *counts = json_object(), *job, *count;
	const char *state, *between = "  ";
	size_t i;
	json_array_foreach(jobs, i, job)
	{
		state = print_text(job, "state");
		json_object_set_new(counts, state, json_integer(1 + print_number(counts, state)));
	}
	json_object_foreach(counts, state, count)
	{
		buf_addf(writer->to, "%s%d %s", between, (int)json_integer_value(count), state);
		between = ", ";
	}
	json_decref(counts);
}

/* "    wave 1 baking: eu-canary": of a stage that has begun; what it waits for, the run says. */
static void write_wave(const struct writer *writer, const json_t *wave)
{
	const char *state = print_text(wave, "state"), *between = ": ";
	size_t i;
	json_t *target;
	buf_addf(writer->to, "    wave %d %s%s%s", (int)print_number(wave, "number"), print_colour(writer->cli, state),
		state, print_plain(writer->cli));
	json_array_foreach(json_object_get(wave, "targets"), i, target)
	{
		buf_addf(writer->to, "%s%s", between, json_string_value(target));
		between = ", ";
	}
	if (*print_text(wave, "accepted"))
		buf_addf(writer->to, "; accepted by %s", print_text(wave, "accepted"));
	buf_add_char(writer->to, '\n');
}

static void write_waves(const struct writer *writer, const json_t *stage)
{
	size_t i;
	json_t *wave;
	if (*print_text(stage, "started_at"))
		json_array_foreach(json_object_get(json_object_get(stage, "delivery"), "waves"), i, wave)
			write_wave(writer, wave);
}

static void write_stage(const struct writer *writer, const json_t *stage)
{
	char took[PRINT_TIME_BYTES];
	const json_t *jobs = json_object_get(stage, "jobs");
	size_t i;
	json_t *job, *gate;
	print_took(took, stage);
	buf_add_c(writer->to, "  ");
	write_state(writer, print_text(stage, "state"), STATE_WIDTH);
	buf_add_char(writer->to, ' ');
	write_name(writer, print_text(stage, "name"), writer->name_width + 2);
	buf_addf(writer->to, " %*s", TOOK_WIDTH, took);
	if (writer->is_short)
		write_counts(writer, jobs);
	if (*print_text(stage, "reason"))
		buf_addf(writer->to, "  %s", print_text(stage, "reason"));
	buf_add_char(writer->to, '\n');
	json_array_foreach(json_object_get(stage, "earlier_gates"), i, gate) write_gate(writer, gate);
	write_gate(writer, json_object_get(stage, "gate"));
	write_waves(writer, stage);
	json_array_foreach(jobs, i, job) if (writer->is_short ? is_worth_a_line(job) : run_view_is_told(stage, job))
		write_job(writer, job);
}

static void write_summary(const struct writer *writer, const json_t *run)
{
	char took[PRINT_TIME_BYTES], since[PRINT_TIME_BYTES];
	print_took(took, run);
	print_ago(since, run, "waiting_since");
	buf_addf(writer->to, "%s  ", print_text(run, "name"));
	write_state(writer, print_run_state(run), 0);
	buf_addf(writer->to, "  %s  %.*s  %s  (%s, %s)\n", print_text(run, "pipeline"), COMMIT_DIGITS,
		print_text(run, "commit"), print_text(run, "title"), print_text(run, "actor"), took);
	int64_t pull_request = print_number(run, "pull_request");
	if (pull_request)
		buf_addf(writer->to, "  pull request #%lld%s: %.*s into %.*s\n", (long long)pull_request,
			json_is_true(json_object_get(run, "is_fork")) ? " from a fork" : "", COMMIT_DIGITS,
			print_text(run, "head_commit"), COMMIT_DIGITS, print_text(run, "base_commit"));
	if (*print_text(run, "reason"))
		buf_addf(writer->to, "  %s\n", print_text(run, "reason"));
	if (*print_text(run, "waiting_for"))
		buf_addf(writer->to, "  waits for %s, since %s\n", print_text(run, "waiting_for"), since);
}

/* What became of what it deployed, or of whose it takes back. */
static void write_ways_back(const struct writer *writer, const json_t *run)
{
	size_t i;
	json_t *way;
	if (*print_text(run, "condemned"))
		buf_addf(writer->to, "  takes back what %s deployed\n", print_text(run, "condemned"));
	json_array_foreach(json_object_get(run, "ways_back"), i, way)
	{
		if (*print_text(way, "run"))
			buf_addf(writer->to, "  taken back in %s by %s (%s)\n", print_text(way, "environment"),
				print_text(way, "run"), print_text(way, "run_state"));
		else if (strcmp(print_text(way, "state"), "pending") == 0)
			buf_addf(writer->to, "  its way back in %s is being planned\n", print_text(way, "environment"));
		else
			buf_addf(writer->to, "  WARNING: nothing went back: %s\n", print_text(way, "reason"));
	}
}

static void write_all(const struct writer *writer, const json_t *run)
{
	size_t i;
	json_t *item;
	write_summary(writer, json_object_get(run, "run"));
	write_ways_back(writer, run);
	if (*print_text(run, "alert"))
		buf_addf(writer->to, "  WARNING: %s\n", print_text(run, "alert"));
	json_array_foreach(json_object_get(run, "errors"), i, item)
		buf_addf(writer->to, "  %s:%d:%d: %s\n", print_text(item, "file"), (int)print_number(item, "line"),
			(int)print_number(item, "column"), print_text(item, "message"));
	/* One alone is the reason already. */
	json_array_foreach(json_object_get(run, "refusals"), i,
		item) if (strcmp(json_string_value(item), print_text(json_object_get(run, "run"), "reason")) != 0)
		buf_addf(writer->to, "  not run: %s\n", json_string_value(item));
	json_array_foreach(json_object_get(run, "warnings"), i, item)
		buf_addf(writer->to, "  warning: %s\n", json_string_value(item));
	json_array_foreach(json_object_get(run, "stages"), i, item) write_stage(writer, item);
}

static size_t width_of_names(const json_t *run)
{
	size_t i, j, width = NAME_WIDTH_MIN;
	json_t *stage, *job;
	json_array_foreach(json_object_get(run, "stages"), i, stage)
		json_array_foreach(json_object_get(stage, "jobs"), j, job)
	{
		size_t name = print_width(str_of(print_text(job, "key")));
		width = name > width ? name : width;
	}
	return width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
}

static size_t count_lines(struct str text)
{
	struct str line;
	size_t count = 0;
	while (str_cut(&text, '\n', &line))
		count++;
	return count;
}

static void keep_lines(struct buf *text, size_t max)
{
	struct str rest = buf_str(text), line;
	size_t left_out = count_lines(rest) + 1 - max;
	for (size_t i = 1; i < max; i++)
		str_cut(&rest, '\n', &line);
	text->n -= rest.n;
	buf_addf(text, "… %zu more lines\n", left_out);
}

void run_view_write(const struct cli *cli, const json_t *run, size_t max_lines, struct buf *to)
{
	struct writer writer = {.cli = cli, .to = to, .name_width = width_of_names(run)};
	buf_clear(to);
	write_all(&writer, run);
	if (max_lines == 0 || count_lines(buf_str(to)) <= max_lines)
		return;
	writer.is_short = true;
	buf_clear(to);
	write_all(&writer, run);
	if (count_lines(buf_str(to)) > max_lines)
		keep_lines(to, max_lines);
}
