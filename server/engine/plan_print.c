#include "server/engine/plan_print.h"

#include "common/clock.h"

enum tone { TONE_PLAIN, TONE_HEAD, TONE_DIM, TONE_WARN };

enum { COLUMN_MAX = 40, SHOWN_MAX = 160 };

struct printer {
	struct buf *out;
	bool has_color;
	struct arena arena; /* for durations */
};

static void say(struct printer *printer, enum tone tone, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct printer *printer, enum tone tone, const char *format, ...)
{
	static const char *const codes[] = {
		[TONE_PLAIN] = "", [TONE_HEAD] = "\033[1m", [TONE_DIM] = "\033[2m", [TONE_WARN] = "\033[33m"};
	bool has_code = printer->has_color && tone != TONE_PLAIN;
	va_list args;
	if (has_code)
		buf_add_c(printer->out, codes[tone]);
	va_start(args, format);
	buf_vaddf(printer->out, format, args);
	va_end(args);
	if (has_code)
		buf_add_c(printer->out, "\033[0m");
}

/* One line, without what a terminal would take for a command: names come from files. */
static struct str plain(struct printer *printer, struct str text)
{
	struct str shown = arena_str(&printer->arena, str_brief(text, SHOWN_MAX));
	str_blank_controls((char *)(uintptr_t)shown.p, shown.n);
	return shown;
}

static void say_list(struct printer *printer, const struct str_list *list, const char *separator)
{
	for (size_t i = 0; i < list->count; i++)
		say(printer, TONE_PLAIN, "%s%.*s", i ? separator : "", STR_ARG(plain(printer, list->items[i])));
}

static void say_duration(struct printer *printer, const char *before, int64_t ms)
{
	say(printer, TONE_PLAIN, "%s%.*s", before, STR_ARG(duration_format(&printer->arena, ms)));
}

static void print_pairs(struct printer *printer, const char *heading, const struct pair_list *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		say(printer, TONE_DIM, "%s", i ? "           " : heading);
		say(printer, TONE_PLAIN, "%.*s = %.*s\n", STR_ARG(plain(printer, pairs->items[i].name)),
			STR_ARG(plain(printer, pairs->items[i].value)));
	}
}

static void print_gate(struct printer *printer, const struct plan_gate *gate)
{
	say(printer, TONE_WARN, "  gate     ");
	say(printer, TONE_PLAIN, "%d approval%s", gate->approvals, gate->approvals == 1 ? "" : "s");
	if (gate->groups.count)
		say(printer, TONE_PLAIN, " from ");
	say_list(printer, &gate->groups, " or ");
	for (size_t i = 0; i < gate->require.count; i++)
		say(printer, TONE_PLAIN, ", at least %.*s from %.*s", STR_ARG(gate->require.items[i].value),
			STR_ARG(plain(printer, gate->require.items[i].name)));
	if (gate->author == PLAN_AUTHOR_DENY)
		say(printer, TONE_PLAIN, ", none of its authors");
	if (gate->is_comment_required)
		say(printer, TONE_PLAIN, ", with a comment");
	if (gate->timeout_ms)
		say_duration(printer, ", within ", gate->timeout_ms);
	if (gate->not_before) {
		char text[CLOCK_TEXT_BYTES];
		clock_say(gate->not_before, text);
		say(printer, TONE_PLAIN, ", not before %s", text);
	}
	say(printer, TONE_PLAIN, "\n");
}

/* "test/unit[shard=1]" without its stage. */
static struct str short_key(const struct plan_stage *stage, struct str key)
{
	return str_skip(key, stage->name.n + 1);
}

static int column_width(const struct plan_stage *stage)
{
	size_t width = 8;
	for (size_t i = 0; i < stage->job_count; i++) {
		size_t n = short_key(stage, stage->jobs[i].key).n;
		if (n > width)
			width = n;
	}
	return width < COLUMN_MAX ? (int)width : COLUMN_MAX;
}

static void print_needs(struct printer *printer, const struct plan_job *job)
{
	if (job->needs.count == 0)
		return;
	say(printer, TONE_DIM, "; needs ");
	for (size_t i = 0; i < job->needs.count && i < 4; i++)
		say(printer, TONE_PLAIN, "%s%.*s", i ? ", " : "", STR_ARG(plain(printer, job->needs.items[i])));
	if (job->needs.count > 4)
		say(printer, TONE_PLAIN, " and %zu more", job->needs.count - 4);
}

static void print_job(struct printer *printer, const struct plan_stage *stage, const struct plan_job *job, int width)
{
	struct str key = plain(printer, short_key(stage, job->key));
	if (job->is_skipped) {
		say(printer, TONE_DIM, "  %-*.*s  skipped: %.*s\n", width, STR_ARG(key),
			STR_ARG(plain(printer, job->skip_reason)));
		return;
	}
	say(printer, TONE_PLAIN, "  %-*.*s  %zu step%s", width, STR_ARG(key), job->step_count,
		job->step_count == 1 ? "" : "s");
	say_duration(printer, ", at most ", job->timeout_ms);
	if (job->network == PLAN_NETWORK_EGRESS)
		say(printer, TONE_PLAIN, ", network");
	if (job->allow_failure)
		say(printer, TONE_PLAIN, ", may fail");
	if (job->labels.count)
		say(printer, TONE_DIM, "; on ");
	say_list(printer, &job->labels, ", ");
	print_needs(printer, job);
	if (job->condition.n) {
		say(printer, TONE_DIM, "; if ");
		say(printer, TONE_PLAIN, "%.*s", STR_ARG(plain(printer, job->condition)));
	}
	say(printer, TONE_PLAIN, "\n");
}

static void print_waves(struct printer *printer, const struct plan_delivery *delivery)
{
	for (size_t i = 0; i < delivery->wave_count; i++) {
		const struct plan_wave *wave = &delivery->waves[i];
		say(printer, TONE_PLAIN, "  wave %zu   ", i + 1);
		say_list(printer, &wave->targets, ", ");
		if (wave->parallel > 1)
			say(printer, TONE_PLAIN, ", %d at a time", wave->parallel);
		if (wave->bake_ms)
			say_duration(printer, ", then baked for ", wave->bake_ms);
		say(printer, TONE_PLAIN, "\n");
	}
}

static void print_environment(struct printer *printer, const struct plan_stage *stage)
{
	const struct plan_delivery *delivery = stage->delivery;
	say(printer, TONE_PLAIN, "  deploys  %.*s to %.*s", STR_ARG(plain(printer, delivery->service)),
		STR_ARG(plain(printer, stage->environment)));
	if (stage->window.n)
		say(printer, TONE_PLAIN, ", window %.*s", STR_ARG(plain(printer, stage->window)));
	say(printer, TONE_PLAIN, "\n");
	print_waves(printer, delivery);
	if (delivery->alarms.count) {
		say(printer, TONE_PLAIN, "  alarms   ");
		say_list(printer, &delivery->alarms, ", ");
		say(printer, TONE_PLAIN, "; one that fires: %s\n", plan_reaction_names[delivery->on_alarm]);
	}
}

static void print_stage(struct printer *printer, const struct plan_stage *stage)
{
	int width = column_width(stage);
	say(printer, TONE_HEAD, "\n%.*s", STR_ARG(plain(printer, stage->name)));
	if (stage->is_skipped)
		say(printer, TONE_DIM, "  skipped: %.*s", STR_ARG(plain(printer, stage->skip_reason)));
	else if (stage->condition.n)
		say(printer, TONE_DIM, "  if %.*s", STR_ARG(plain(printer, stage->condition)));
	say(printer, TONE_PLAIN, "\n");
	if (stage->is_skipped)
		return;
	if (stage->gate)
		print_gate(printer, stage->gate);
	if (stage->kind == PLAN_STAGE_ENVIRONMENT)
		print_environment(printer, stage);
	for (size_t i = 0; i < stage->job_count; i++)
		print_job(printer, stage, &stage->jobs[i], width);
}

static void print_sentences(struct printer *printer, const char *heading, const struct str_list *list)
{
	if (list->count)
		say(printer, TONE_WARN, "\n%s\n", heading);
	for (size_t i = 0; i < list->count; i++)
		say(printer, TONE_PLAIN, "  %.*s\n", STR_ARG(list->items[i]));
}

void plan_print(const struct plan *plan, bool has_color, struct buf *out)
{
	struct printer printer = {.out = out, .has_color = has_color};
	say(&printer, TONE_HEAD, "%.*s", STR_ARG(plain(&printer, plan->pipeline)));
	say(&printer, TONE_DIM, "  %.*s\n", STR_ARG(plain(&printer, plan->file)));
	print_pairs(&printer, "inputs     ", &plan->inputs);
	if (plan->concurrency.group.n) {
		say(&printer, TONE_DIM, "one of     ");
		say(&printer, TONE_PLAIN, "%.*s; %s\n", STR_ARG(plain(&printer, plan->concurrency.group)),
			plan->concurrency.cancel ? "a newer run ends this one" : "a newer run waits for this one");
	}
	for (size_t i = 0; i < plan->stage_count; i++)
		print_stage(&printer, &plan->stages[i]);
	print_sentences(&printer, "warnings", &plan->warnings);
	print_sentences(&printer, "this version cannot run it", &plan->refusals);
	arena_done(&printer.arena);
}
