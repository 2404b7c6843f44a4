#ifndef SERVER_API_REPOSITORY_ROW_H
#define SERVER_API_REPOSITORY_ROW_H

/* A repository as the API shows it, and the steps that handlers of repositories share. Private to server/api. */

#include "server/api/handler.h"

struct repository_row {
	int64_t id, created_at, fetched_at;
	struct str name, forge, url, default_branch, problem, project, api_url, report_problem, ask_problem;
	bool has_token, has_ssh_key;
	struct str_list ssh_host_keys;
};
extern const struct field repository_fields[];

/* The {repository} of the path. */
struct str repository_name_of(struct flow *flow);
enum flow_next repository_submit(struct flow *flow, enum query query, struct str name);
enum flow_next repository_fail_unknown(struct flow *flow, struct str name);
/* Steps: finds the one of the path; answers with the row that was found (as `name`, when it is none). */
flow_step repository_find;
enum flow_next repository_answer(struct flow *flow, struct str name);

#endif
