#ifndef SERVER_INGEST_PIPELINE_FILES_H
#define SERVER_INGEST_PIPELINE_FILES_H

/*
 * The pipeline files of one commit as the language sees them: each may build on another one of the same commit, or on a
 * template that ships. Blocking where it reads the mirror: for a pool thread.
 */

#include "common/lang/lang.h"
#include "server/git/git_read.h"

struct pipeline_files {
	struct git_file *items;
	size_t count;
};

bool pipeline_files_read(
	struct git_mirror *mirror, struct str commit, struct pipeline_files *ret, struct arena *arena, struct err *err);
/* The file of the pipeline with this name; NULL: there is none. */
const struct git_file *pipeline_files_find(const struct pipeline_files *files, struct str name);
/* As lang_load(). */
bool pipeline_files_load(const struct pipeline_files *files, const struct git_file *file, struct arena *arena,
	const struct pipeline **ret, struct lang_errors *errors);

/* Whether somebody in `groups` may start a pipeline that names `allowed` (empty: everybody who may start runs at all)
 * by hand. false: ERR_DENIED names who may. */
bool pipeline_may_start(struct str pipeline, const struct str_list *allowed, const struct str_list *groups,
	bool is_admin, struct err *err);

#endif
