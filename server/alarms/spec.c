#include "server/alarms/spec.h"

#include "common/buf.h"
#include "common/mem.h"

#define X(value, name) name,
const char *const alarm_kind_names[] = {ALARM_KINDS(X) NULL};
#undef X

bool alarm_threshold_breached(const struct alarm_threshold *threshold, double value)
{
	return (threshold->has_above && value > threshold->above) || (threshold->has_below && value < threshold->below);
}

struct str alarm_threshold_text(const struct alarm_threshold *threshold, struct arena *arena)
{
	if (threshold->has_above && threshold->has_below)
		return arena_printf(arena, "below %g or above %g", threshold->below, threshold->above);
	if (threshold->has_above)
		return arena_printf(arena, "above %g", threshold->above);
	return threshold->has_below ? arena_printf(arena, "below %g", threshold->below) : STR("");
}

static struct str labels_text(const struct pair_list *labels, struct arena *arena)
{
	auto_buf text = BUF_INIT(64 << 10);
	for (size_t i = 0; i < labels->count; i++)
		buf_addf(&text, "%s%.*s=%.*s", i ? " " : "", STR_ARG(labels->items[i].name),
			STR_ARG(labels->items[i].value));
	return arena_str(arena, buf_str(&text));
}

static struct str probe_text(const struct alarm_spec *spec, struct arena *arena)
{
	struct str text = arena_printf(arena, "GET %.*s is not answered", STR_ARG(spec->url));
	if (spec->status)
		text = arena_printf(arena, "%.*s with %lld", STR_ARG(text), (long long)spec->status);
	if (spec->contains.n)
		text = arena_printf(arena, "%.*s and \"%.*s\"", STR_ARG(text), STR_ARG(spec->contains));
	return text;
}

struct str alarm_condition(const struct alarm_spec *spec, struct arena *arena)
{
	switch (spec->kind) {
	case ALARM_PROMETHEUS:
		return arena_printf(arena, "%.*s is %.*s", STR_ARG(spec->query),
			STR_ARG(alarm_threshold_text(&spec->threshold, arena)));
	case ALARM_ALERTMANAGER:
		return arena_printf(arena, "an alert fires with %.*s", STR_ARG(labels_text(&spec->labels, arena)));
	case ALARM_WEBHOOK:
		return spec->firing;
	case ALARM_HTTP:
		return probe_text(spec, arena);
	case ALARM_SCRIPT:
		return arena_printf(
			arena, "a script in %.*s ends with another status than 0", STR_ARG(spec->repository));
	case ALARM_KIND_COUNT:
		break;
	}
	BUG("alarm kind %d", (int)spec->kind);
}

static void copy_pairs(struct pair_list *to, const struct pair_list *from, struct arena *arena)
{
	*to = (struct pair_list){0};
	for (size_t i = 0; i < from->count; i++)
		pair_set(to, arena, arena_str(arena, from->items[i].name), arena_str(arena, from->items[i].value));
}

void alarm_spec_copy(struct alarm_spec *to, const struct alarm_spec *from, struct arena *arena)
{
	*to = *from;
	struct str *texts[] = {&to->name, &to->definition, &to->url, &to->query, &to->contains, &to->firing, &to->run,
		&to->repository, &to->ref, &to->network, &to->description, &to->link};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_str(arena, *texts[i]);
	copy_pairs(&to->labels, &from->labels, arena);
	copy_pairs(&to->env, &from->env, arena);
	to->worker_labels.items = arena_array(arena, struct str, from->worker_labels.count);
	for (size_t i = 0; i < from->worker_labels.count; i++)
		to->worker_labels.items[i] = arena_str(arena, from->worker_labels.items[i]);
}
