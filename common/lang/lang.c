#include "common/lang/lang.h"

#include "common/lang/check.h"
#include "common/lang/extend.h"

#include <string.h>

struct str lang_name_of_file(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct str name = str_of(slash ? slash + 1 : file);
	if (str_ends(name, STR(".yaml")))
		return str_head(name, name.n - 5);
	return str_ends(name, STR(".yml")) ? str_head(name, name.n - 4) : name;
}

static void settle_kinds(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->stages.count; i++) {
		struct pipeline_stage *stage = &pipeline->stages.items[i];
		stage->kind = LANG_IS_SET(stage->environment) ? PIPELINE_STAGE_ENVIRONMENT
			      : LANG_IS_SET(stage->jobs)      ? PIPELINE_STAGE_JOBS
							      : PIPELINE_STAGE_GATE;
	}
}

bool lang_load(struct str text, const char *file, const struct lang_loader *loader, struct arena *arena,
	const struct pipeline **ret, struct lang_errors *errors)
{
	struct lang_loading loading = {.loader = loader, .arena = arena, .errors = errors, .files = {file}, .depth = 1};
	size_t errors_before = errors->count;
	struct pipeline *pipeline = lang_read_file(&loading, text, file);
	if (pipeline) {
		bool is_whole = lang_extend(&loading, &pipeline);
		settle_kinds(pipeline);
		lang_check(pipeline, !is_whole, arena, errors);
	}
	if (errors->count > errors_before) {
		lang_errors_sort(errors, file);
		return false;
	}
	/* Runs, lists, floors and grants know it by its file, whatever title it gives itself. */
	pipeline->name =
		(struct lang_text){.at = {file, 1, 1}, .text = arena_str(arena, lang_name_of_file(file)), .lead = -1};
	*ret = pipeline;
	return true;
}
