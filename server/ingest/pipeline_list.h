#ifndef SERVER_INGEST_PIPELINE_LIST_H
#define SERVER_INGEST_PIPELINE_LIST_H

/*
 * What can be started by hand at a ref of a repository, and which inputs each pipeline asks for: the answer that a form
 * is made from. Reads a mirror; blocking and without state, for a pool thread.
 */

#include "common/fields.h"
#include "common/str.h"

struct pipeline_question {
	const char *mirror_path;
	struct str ref;            /* branch, tag or commit; "": the default branch */
	struct str default_branch; /* "": the repository is empty as far as anybody knows */
	struct str_list groups;    /* of the person who asks */
	bool is_admin, is_viewer;
};

enum { PIPELINE_LIST_REFS_MAX = 500 };

/* The schema PipelineList of the API's description, as a new reference. */
bool pipeline_list_read(const struct pipeline_question *question, json_t **ret, struct arena *arena, struct err *err);

#endif
