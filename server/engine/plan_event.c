#include "server/engine/planner.h"

#include "common/glob.h"

/* Whether a pipeline's `on` answers to what happened, and a sentence when it does not. */

const char *const plan_event_names[] = {"push", "tag", "pull_request", "manual", "schedule", NULL};

struct matching {
	const struct pipeline *pipeline;
	const struct plan_context *context;
	struct arena *arena;
	struct str *ret_reason;
};

static struct str_list globs_of(const struct lang_texts *texts, struct arena *arena)
{
	struct str_list list = {.items = arena_array(arena, struct str, texts->count)};
	for (; list.count < texts->count; list.count++)
		list.items[list.count] = texts->items[list.count].text;
	return list;
}

static bool no(const struct matching *in, const char *runs_on, struct str patterns, struct str got)
{
	*in->ret_reason = arena_printf(in->arena, "\"%.*s\" runs %s %.*s, and this is %.*s",
		STR_ARG(in->pipeline->name.text), runs_on, STR_ARG(patterns), STR_ARG(got));
	return false;
}

static bool no_event(const struct matching *in, const char *what)
{
	*in->ret_reason = arena_printf(in->arena, "\"%.*s\" does not run on %s: its \"on\" has no \"%s\"",
		STR_ARG(in->pipeline->name.text), what, plan_event_names[in->context->event]);
	return false;
}

/* An absent list lets everything through. */
static bool match_name(const struct matching *in, const struct lang_texts *globs, struct str name, const char *runs_on,
	const char *noun)
{
	struct str_list list = globs_of(globs, in->arena);
	if (!LANG_IS_SET(*globs) || glob_list_match(&list, name))
		return true;
	return no(in, runs_on, str_list_join(&list, ", ", in->arena),
		arena_printf(in->arena, "%s \"%.*s\"", noun, STR_ARG(name)));
}

static bool match_paths(const struct matching *in, const struct lang_texts *globs)
{
	struct str_list list = globs_of(globs, in->arena);
	if (!LANG_IS_SET(*globs) || !in->context->has_paths)
		return true;
	for (size_t i = 0; i < in->context->paths.count; i++)
		if (glob_list_match(&list, in->context->paths.items[i]))
			return true;
	return no(in, "when files change that match", str_list_join(&list, ", ", in->arena),
		arena_printf(in->arena, "a change of %zu other files", in->context->paths.count));
}

bool plan_matches(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct str *ret_reason)
{
	const struct matching in = {pipeline, context, arena, ret_reason};
	const struct pipeline_on *on = &pipeline->on;
	switch (context->event) {
	case PLAN_EVENT_PUSH:
		return (LANG_IS_SET(on->push) || no_event(&in, "pushes")) &&
		       match_name(&in, &on->push.branches, context->branch, "on pushes to", "a push to") &&
		       match_paths(&in, &on->push.paths);
	case PLAN_EVENT_TAG:
		return (LANG_IS_SET(on->tag) || no_event(&in, "tags")) &&
		       match_name(&in, &on->tag.tags, context->tag, "on tags", "tag") &&
		       match_paths(&in, &on->tag.paths);
	case PLAN_EVENT_PULL_REQUEST:
		return (LANG_IS_SET(on->pull_request) || no_event(&in, "pull requests")) &&
		       match_name(&in, &on->pull_request.branches, context->pr.base, "on pull requests to",
			       "a pull request to") &&
		       match_paths(&in, &on->pull_request.paths);
	case PLAN_EVENT_MANUAL:
		return (LANG_IS_SET(on->manual) || no_event(&in, "requests by hand")) &&
		       match_name(&in, &on->manual.refs, context->tag.n ? context->tag : context->branch, "by hand on",
			       context->tag.n ? "tag" : "branch");
	case PLAN_EVENT_SCHEDULE:
		return on->schedule.count > 0 || no_event(&in, "a schedule");
	}
	BUG("event %d", (int)context->event);
}
