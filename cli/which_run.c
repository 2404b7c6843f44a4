#include "cli/which_run.h"

#include "cli/print.h"

static bool find_latest(const struct api *api, struct str *ret, struct err *err)
{
	json_t *json;
	if (!api_call(api, "GET", STR("/api/v1/runs?limit=1"), NULL, &json, err))
		return false;
	const json_t *run = json_array_get(json_object_get(json, "runs"), 0);
	bool ok = run != NULL;
	if (ok)
		*ret = arena_str(api->arena, str_of(print_text(run, "name")));
	json_decref(json);
	return ok || err_set(err, ERR_NOT_FOUND, "there are no runs yet");
}

/* A bare number is a run of the only repository; where there are more of them it stays, and is an id. */
static bool find_number(const struct api *api, struct str *io_name, struct err *err)
{
	json_t *json;
	if (!api_call(api, "GET", STR("/api/v1/repositories"), NULL, &json, err))
		return false;
	const json_t *all = json_object_get(json, "repositories");
	if (json_array_size(all) == 1)
		*io_name = arena_printf(
			api->arena, "%s#%.*s", print_text(json_array_get(all, 0), "name"), STR_ARG(*io_name));
	json_decref(json);
	return true;
}

bool which_run(struct cli *cli, const struct api *api, struct str *ret_path, struct err *err)
{
	struct str name = cli->argument_count ? str_of(cli_argument(cli, 0)) : STR("latest");
	int64_t number;
	if (str_is(name, "latest") && !find_latest(api, &name, err))
		return false;
	if (str_to_i64(name, &number) && !find_number(api, &name, err))
		return false;
	*ret_path = arena_printf(api->arena, "/api/v1/runs/%.*s", STR_ARG(api_quote(name, api->arena)));
	return true;
}
