#include "server/ingest/pipeline_list.h"

#include "common/json.h"
#include "server/engine/planner.h"
#include "server/ingest/pipeline_files.h"

struct listing {
	const struct pipeline_question *question;
	struct git_mirror *mirror;
	struct str commit, ref, title;
	struct pipeline_files files;
	struct arena *arena;
};

/* --- inputs --- */

static json_t *text_or_null(const struct lang_text *text)
{
	return LANG_IS_SET(*text) ? json_of_str(text->text) : json_null();
}

static json_t *describe_input(const struct pipeline_input *input)
{
	json_t *options = json_array();
	for (size_t i = 0; i < input->options.count; i++)
		json_array_append_new(options, json_of_str(input->options.items[i].text));
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "name",
		json_of_str(input->name.text), "type", pipeline_input_type_names[input->type.value], "label",
		json_of_str(input->label.text), "description", json_of_str(input->description.text), "default",
		text_or_null(&input->default_value), "is_required", (int)input->required.value, "options", options,
		"pattern", text_or_null(&input->pattern), "min", text_or_null(&input->min), "max",
		text_or_null(&input->max), "tier", text_or_null(&input->tier));
}

/* What `with` of the file has fixed is nobody's to give. */
static json_t *describe_inputs(const struct pipeline *pipeline)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pipeline->inputs.count; i++)
		if (!LANG_IS_SET(pipeline->inputs.items[i].given))
			json_array_append_new(list, describe_input(&pipeline->inputs.items[i]));
	return list;
}

/* --- who may start it --- */

static struct plan_context context_of(const struct listing *listing, const struct git_file *file)
{
	struct plan_context context = {
		.event = PLAN_EVENT_MANUAL, .ref = listing->ref, .commit = listing->commit, .file = file->path.p};
	if (str_starts(listing->ref, STR("refs/heads/")))
		context.branch = str_skip(listing->ref, 11);
	if (str_starts(listing->ref, STR("refs/tags/")))
		context.tag = str_skip(listing->ref, 10);
	return context;
}

/* A sentence why this person may not start it by hand at this ref; "" when they may. */
static struct str why_not(const struct listing *listing, const struct git_file *file, const struct pipeline *pipeline)
{
	const struct pipeline_question *question = listing->question;
	const struct plan_context context = context_of(listing, file);
	const struct lang_texts *groups = &pipeline->on.manual.groups;
	struct str_list allowed = {.items = arena_array(listing->arena, struct str, groups->count)};
	struct str reason = {0};
	struct err err;
	for (; allowed.count < groups->count; allowed.count++)
		allowed.items[allowed.count] = groups->items[allowed.count].text;
	if (question->is_viewer)
		return STR("starting a run takes the role developer; you are a viewer");
	if (!plan_matches(pipeline, &context, listing->arena, &reason))
		return reason;
	if (!pipeline_may_start(lang_name_of_file(file->path.p), &allowed, &question->groups, question->is_admin, &err))
		return arena_str(listing->arena, str_of(err.text));
	return (struct str){0};
}

/* --- the whole --- */

static json_t *describe_file(const struct listing *listing, const struct git_file *file)
{
	struct lang_errors errors = {.arena = listing->arena};
	const struct pipeline *pipeline;
	struct str name = lang_name_of_file(file->path.p), reason;
	bool is_sound = pipeline_files_load(&listing->files, file, listing->arena, &pipeline, &errors);
	json_t *faults = json_array();
	lang_errors_describe(&errors, faults);
	reason = is_sound ? why_not(listing, file, pipeline) : STR("its file has errors");
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "name", json_of_str(name), "file", json_of_str(file->path),
		"may_start", reason.n == 0, "why_not", json_of_str(reason), "inputs",
		is_sound ? describe_inputs(pipeline) : json_array(), "errors", faults);
}

static json_t *names_of_refs(const struct pair_list *refs, struct str prefix)
{
	json_t *list = json_array();
	for (size_t i = 0; i < refs->count && json_array_size(list) < PIPELINE_LIST_REFS_MAX; i++)
		if (str_starts(refs->items[i].name, prefix))
			json_array_append_new(list, json_of_str(str_skip(refs->items[i].name, prefix.n)));
	return list;
}

static bool resolve(struct listing *listing, struct err *err)
{
	const struct pipeline_question *question = listing->question;
	struct str name = question->ref.n ? question->ref : question->default_branch;
	struct git_commit_facts facts;
	if (name.n == 0)
		return err_set(
			err, ERR_NOT_FOUND, "the repository has no default branch yet: push a commit to it first");
	if (!git_resolve(listing->mirror, name, &listing->commit, &listing->ref, listing->arena, err) ||
		!git_commit_read(listing->mirror, listing->commit, &facts, listing->arena, err))
		return false;
	listing->title = facts.title;
	return true;
}

static bool list(struct listing *listing, json_t **ret, struct err *err)
{
	struct pair_list refs;
	if (!resolve(listing, err) ||
		!pipeline_files_read(listing->mirror, listing->commit, &listing->files, listing->arena, err) ||
		!git_refs(listing->mirror, &refs, listing->arena, err))
		return false;
	json_t *pipelines = json_array();
	for (size_t i = 0; i < listing->files.count; i++)
		json_array_append_new(pipelines, describe_file(listing, &listing->files.items[i]));
	*ret = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "ref", json_of_str(listing->ref), "commit",
		json_of_str(listing->commit), "title", json_of_str(listing->title), "pipelines", pipelines, "branches",
		names_of_refs(&refs, STR("refs/heads/")), "tags", names_of_refs(&refs, STR("refs/tags/")));
	return true;
}

bool pipeline_list_read(const struct pipeline_question *question, json_t **ret, struct arena *arena, struct err *err)
{
	struct listing listing = {.question = question, .arena = arena};
	if (!git_mirror_open(question->mirror_path, &listing.mirror, err))
		return false;
	bool ok = list(&listing, ret, err);
	git_mirror_close(listing.mirror);
	return ok;
}
