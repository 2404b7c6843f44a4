/* Gates: yes and no. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/which_run.h"

#include <stdio.h>
#include <string.h>

static const json_t *open_gate(const json_t *run, const char *stage_name)
{
	size_t i;
	json_t *stage;
	json_array_foreach(json_object_get(run, "stages"), i, stage)
	{
		const json_t *gate = json_object_get(stage, "gate");
		bool is_named = !stage_name || strcmp(print_text(stage, "name"), stage_name) == 0;
		if (is_named && strcmp(print_text(gate, "state"), "open") == 0)
			return gate;
	}
	return NULL;
}

static bool find_gate(struct cli *cli, const struct api *api, int64_t *ret_id, struct err *err)
{
	struct str path;
	json_t *run;
	const char *stage = cli_flag(cli, "stage");
	if (!which_run(cli, api, &path, err) || !api_call(api, "GET", path, NULL, &run, err))
		return false;
	const json_t *gate = open_gate(run, stage);
	if (gate)
		*ret_id = print_number(gate, "id");
	else
		err_set(err, ERR_CONFLICT, "%s waits at no gate%s%s; it is %s: penstock show %s",
			print_text(json_object_get(run, "run"), "name"), stage ? " of a stage " : "",
			stage ? stage : "", print_text(json_object_get(run, "run"), "state"),
			print_text(json_object_get(run, "run"), "name"));
	json_decref(run);
	return gate != NULL;
}

static int decide(struct cli *cli, const char *verb, struct err *err)
{
	struct api api;
	json_t *gate = NULL;
	int64_t id;
	char at[PRINT_TIME_BYTES];
	if (!api_open(cli, &api, err) || !find_gate(cli, &api, &id, err))
		return CLI_FAILED;
	json_t *body = json_pack("{s:s}", "comment", cli_has(cli, "comment") ? cli_flag(cli, "comment") : "");
	if (cli_has(cli, "not-before"))
		json_object_set_new(body, "not_before", json_string(cli_flag(cli, "not-before")));
	struct str path = arena_printf(api.arena, "/api/v1/gates/%lld/%s", (long long)id, verb);
	bool ok = api_call(&api, "POST", path, body, &gate, err);
	json_decref(body);
	if (!ok)
		return CLI_FAILED;
	bool is_later = print_moment(at, gate, "not_before");
	if (cli->is_json)
		print_json(gate);
	else
		printf("gate %s: %d of %d approvals%s%s\n", print_text(gate, "state"),
			(int)print_number(gate, "approved"), (int)print_number(gate, "approvals"),
			is_later ? ", not before " : "", is_later ? at : "");
	json_decref(gate);
	return CLI_OK;
}

int command_approve(struct cli *cli, struct err *err)
{
	return decide(cli, "approve", err);
}

int command_reject(struct cli *cli, struct err *err)
{
	return decide(cli, "reject", err);
}
