#include "server/ingest/pipeline_files.h"

#include "common/lang/templates.h"

bool pipeline_files_read(
	struct git_mirror *mirror, struct str commit, struct pipeline_files *ret, struct arena *arena, struct err *err)
{
	return git_pipeline_files(mirror, commit, &ret->items, &ret->count, arena, err);
}

const struct git_file *pipeline_files_find(const struct pipeline_files *files, struct str name)
{
	for (size_t i = 0; i < files->count; i++)
		if (str_eq(lang_name_of_file(files->items[i].path.p), name))
			return &files->items[i];
	return NULL;
}

static bool load_base(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	(void)arena;
	const struct git_file *file = version.n ? NULL : pipeline_files_find(arg, name);
	if (!file)
		return lang_template(name, version, ret_text, ret_file, err);
	*ret_text = file->text;
	*ret_file = file->path.p;
	return true;
}

bool pipeline_files_load(const struct pipeline_files *files, const struct git_file *file, struct arena *arena,
	const struct pipeline **ret, struct lang_errors *errors)
{
	struct pipeline_files all = *files;
	struct lang_loader loader = {.arg = &all, .load = load_base};
	return lang_load(file->text, file->path.p, &loader, arena, ret, errors);
}

bool pipeline_may_start(struct str pipeline, const struct str_list *allowed, const struct str_list *groups,
	bool is_admin, struct err *err)
{
	if (allowed->count == 0 || is_admin)
		return true;
	for (size_t i = 0; i < groups->count; i++)
		if (str_list_has(allowed, groups->items[i]))
			return true;
	return err_set(err, ERR_DENIED, "pipeline \"%.*s\" may be started by hand by members of %.*s%s only",
		STR_ARG(pipeline), STR_ARG(allowed->items[0]), allowed->count > 1 ? " and other groups" : "");
}
