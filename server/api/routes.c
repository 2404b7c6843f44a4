#include "server/api/routes.h"

#include "common/proto/worker_proto.h"
#include "server/alarms/alarms.h"
#include "server/api/alarms.h"
#include "server/api/blockers.h"
#include "server/api/board.h"
#include "server/api/changes.h"
#include "server/api/configuration.h"
#include "server/api/environments.h"
#include "server/api/expiries.h"
#include "server/api/findings.h"
#include "server/api/deployments.h"
#include "server/api/fsck.h"
#include "server/api/gitops_grants.h"
#include "server/api/logins.h"
#include "server/api/people.h"
#include "server/api/pipelines.h"
#include "server/api/repositories.h"
#include "server/api/repository_forge.h"
#include "server/api/retention.h"
#include "server/api/runs.h"
#include "server/api/service.h"
#include "server/api/tokens.h"
#include "server/auth/auth.h"
#include "server/dispatch/dispatch.h"
#include "server/dispatch/transfer.h"
#include "server/events/events.h"
#include "server/gitops/gitops.h"
#include "server/ingest/ingest.h"
#include "server/logs/logs.h"

enum {
	SMALL = 64 * 1024,
	ALERTS_BYTES_MAX = 1024 * 1024,
	DOCUMENT = 1024 * 1024,
	HOOK_BYTES_MAX = 4 * 1024 * 1024,
};

#define V1      "/api/v1"
#define ATTEMPT V1 "/worker/attempts/{job}/{attempt}"

const struct http_route api_routes[] = {
	{"GET", "/healthz", service_healthz, 0, false, AUTH_PUBLIC},
	{"GET", "/readyz", service_readyz, 0, false, AUTH_PUBLIC},
	{"GET", "/metrics", service_metrics, 0, false, AUTH_PUBLIC},
	{"GET", V1 "/version", service_version, 0, false, AUTH_PUBLIC},
	{"GET", V1 "/fsck", fsck_run, 0, false, AUTH_OPERATOR},

	{"POST", V1 "/login", people_login, SMALL, false, AUTH_PUBLIC},
	{"POST", V1 "/logout", people_logout, SMALL, false, AUTH_VIEWER},
	{"GET", V1 "/me", people_me, 0, false, AUTH_VIEWER},
	{"GET", V1 "/accounts", accounts_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/accounts", accounts_create, SMALL, false, AUTH_ADMIN},
	{"GET", V1 "/logins", logins_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/accounts/{account}/login", logins_set, SMALL, false, AUTH_ADMIN},
	{"POST", V1 "/accounts/{account}/disable", accounts_disable, SMALL, false, AUTH_ADMIN},
	{"POST", V1 "/accounts/{account}/enable", accounts_enable, SMALL, false, AUTH_ADMIN},
	{"POST", V1 "/accounts/{account}/password", accounts_password, SMALL, false, AUTH_VIEWER},
	{"GET", V1 "/tokens", tokens_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/tokens", tokens_create, SMALL, false, AUTH_VIEWER},
	{"DELETE", V1 "/tokens/{token_id}", tokens_withdraw, SMALL, false, AUTH_VIEWER},

	{"GET", V1 "/repositories", repositories_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/repositories", repositories_add, SMALL, false, AUTH_OPERATOR},
	{"GET", V1 "/repositories/{repository}", repositories_get, 0, false, AUTH_VIEWER},
	{"PUT", V1 "/repositories/{repository}", repositories_change, SMALL, false, AUTH_ADMIN},
	{"DELETE", V1 "/repositories/{repository}", repositories_remove, SMALL, false, AUTH_OPERATOR},
	{"GET", V1 "/repositories/{repository}/pipelines", pipelines_list, 0, false, AUTH_VIEWER},
	{"GET", V1 "/repositories/{repository}/schedules", schedules_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/repositories/{repository}/hook-secret", repositories_secret, SMALL, false, AUTH_ADMIN},
	{"PUT", V1 "/repositories/{repository}/credential", repositories_credential_set, SMALL, false, AUTH_ADMIN},
	{"DELETE", V1 "/repositories/{repository}/credential", repositories_credential_remove, SMALL, false,
		AUTH_ADMIN},
	{"GET", V1 "/repositories/{repository}/gitops", gitops_grants_list, 0, false, AUTH_VIEWER},
	{"PUT", V1 "/repositories/{repository}/gitops", gitops_grants_set, SMALL, false, AUTH_ADMIN},
	{"DELETE", V1 "/repositories/{repository}/gitops/{source}", gitops_grants_remove, SMALL, false, AUTH_ADMIN},
	{"GET", V1 "/repositories/{repository}/deliveries", deliveries_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/repositories/{repository}/poll", repositories_poll, SMALL, false, AUTH_DEVELOPER},
	{"GET", V1 "/triggers", triggers_list, 0, false, AUTH_VIEWER},
	{"POST", "/hooks/{repository}", ingest_hook, HOOK_BYTES_MAX, false, AUTH_PUBLIC},

	{"GET", V1 "/configuration", configuration_get, 0, false, AUTH_VIEWER},
	{"PUT", V1 "/configuration", configuration_put, DOCUMENT, false, AUTH_ADMIN},
	{"POST", V1 "/configuration/diff", configuration_compare, DOCUMENT, false, AUTH_DEVELOPER},
	{"POST", V1 "/configuration/revert", configuration_revert, SMALL, false, AUTH_ADMIN},
	{"GET", V1 "/configuration/versions", configuration_history, 0, false, AUTH_VIEWER},
	{"GET", V1 "/configuration/versions/{version}", configuration_get_version, 0, false, AUTH_VIEWER},
	{"GET", V1 "/configuration/versions/{version}/diff", configuration_compare_versions, 0, false, AUTH_VIEWER},
	{"GET", V1 "/environments", environments_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/environments", environments_create, SMALL, false, AUTH_ADMIN},
	{"GET", V1 "/environments/{environment}", environments_get, 0, false, AUTH_VIEWER},
	{"GET", V1 "/blockers", blockers_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/blockers", blockers_place, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/runs/{run}/override", blockers_override, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/blockers/{blocker}/lift", blockers_lift, SMALL, false, AUTH_OPERATOR},

	{"GET", V1 "/runs", runs_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/runs", runs_create, SMALL, false, AUTH_DEVELOPER},
	{"GET", V1 "/runs/{run}", runs_get, 0, false, AUTH_VIEWER},
	{"GET", V1 "/runs/{run}/plan", runs_plan, 0, false, AUTH_VIEWER},
	{"POST", V1 "/runs/{run}/cancel", runs_cancel, SMALL, false, AUTH_DEVELOPER},
	{"POST", V1 "/runs/{run}/retry", runs_retry, SMALL, false, AUTH_DEVELOPER},
	{"POST", V1 "/runs/{run}/rerun", runs_again, SMALL, false, AUTH_DEVELOPER},
	{"POST", V1 "/runs/{run}/resolve", deployments_resolve, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/runs/{run}/accept", waves_accept, SMALL, false, AUTH_OPERATOR},
	{"GET", V1 "/deployments", deployments_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/deployments", deployments_create, SMALL, false, AUTH_DEVELOPER},
	{"POST", V1 "/rollbacks", rollbacks_create, SMALL, false, AUTH_DEVELOPER},
	{"GET", V1 "/expiries", expiries_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/expiries", expiries_set, SMALL, false, AUTH_DEVELOPER},
	{"GET", V1 "/board", board_get, 0, false, AUTH_VIEWER},
	{"GET", V1 "/services/{service}/changes", changes_list, 0, false, AUTH_VIEWER},
	{"GET", V1 "/quarantine", quarantine_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/quarantine/{quarantine}/fixed", quarantine_fixed, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/quarantine/{quarantine}/release", quarantine_release, SMALL, false, AUTH_OPERATOR},
	{"GET", V1 "/runs/{run}/artifacts", artifacts_list, 0, false, AUTH_VIEWER},
	{"GET", V1 "/runs/{run}/findings", findings_list, 0, false, AUTH_VIEWER},
	{"GET", V1 "/artifacts/{artifact}", artifacts_get, 0, false, AUTH_VIEWER},
	{"GET", V1 "/runs/{run}/events", events_watch_run, 0, false, AUTH_VIEWER},
	{"GET", V1 "/events", events_watch_runs, 0, false, AUTH_VIEWER},
	{"GET", V1 "/events/alarms", events_watch_alarms, 0, false, AUTH_VIEWER},
	{"GET", V1 "/jobs/{job}/log", logs_get, 0, false, AUTH_VIEWER},
	{"GET", V1 "/jobs/{job}/log/stream", logs_follow, 0, false, AUTH_VIEWER},
	{"POST", V1 "/gates/{gate}/approve", gates_approve, SMALL, false, AUTH_VIEWER},
	{"POST", V1 "/gates/{gate}/reject", gates_reject, SMALL, false, AUTH_VIEWER},

	{"GET", V1 "/alarms", alarms_list, 0, false, AUTH_VIEWER},
	{"GET", V1 "/alarms/{alarm}", alarms_get, 0, false, AUTH_VIEWER},
	{"POST", V1 "/alarms/{alarm}/test", alarms_test, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/alarms/{alarm}/secret", alarms_secret, SMALL, false, AUTH_ADMIN},
	{"POST", V1 "/alarms/{alarm}", alarms_receive, SMALL, false, AUTH_PUBLIC},
	{"POST", V1 "/alarms/alertmanager", alarms_receive_alertmanager, ALERTS_BYTES_MAX, false, AUTH_PUBLIC},

	{"GET", V1 "/retention", retention_get, 0, false, AUTH_OPERATOR},
	{"POST", V1 "/retention", retention_run, SMALL, false, AUTH_ADMIN},

	{"GET", V1 "/workers", workers_list, 0, false, AUTH_VIEWER},
	{"POST", V1 "/workers/{worker}/drain", workers_drain, SMALL, false, AUTH_OPERATOR},
	{"POST", V1 "/workers/{worker}/resume", workers_resume, SMALL, false, AUTH_OPERATOR},

	{"POST", V1 "/worker/register", dispatch_register, SMALL, false, AUTH_WORKER},
	{"POST", V1 "/worker/sync", dispatch_sync, WORKER_SYNC_BYTES_MAX, false, AUTH_WORKER},
	{"GET", ATTEMPT "/source", worker_source, 0, false, AUTH_WORKER},
	{"GET", ATTEMPT "/change", worker_change, 0, false, AUTH_WORKER},
	{"GET", ATTEMPT "/tags", worker_tags, 0, false, AUTH_WORKER},
	{"GET", ATTEMPT "/blobs/{sha}", worker_blob_get, 0, false, AUTH_WORKER},
	{"GET", ATTEMPT "/uploads/{sha}", worker_upload_head, 0, false, AUTH_WORKER},
	{"PUT", ATTEMPT "/uploads/{sha}", worker_upload_put, WORKER_PART_BYTES, true, AUTH_WORKER},
	{"POST", ATTEMPT "/gitops", worker_gitops, SMALL, false, AUTH_WORKER},

	{"GET", "/{path*}", service_pages, 0, false, AUTH_PUBLIC},
	{0},
};

unsigned api_need_of(http_handler *handler)
{
	for (const struct http_route *route = api_routes; route->method; route++)
		if (route->handler == handler)
			return route->flags & AUTH_NEED_MASK;
	BUG("no route has this handler");
}

json_t *api_why_not(const struct caller *caller, const struct api_action *actions)
{
	json_t *why_not = json_object();
	for (; actions->name; actions++) {
		struct err err;
		bool may = auth_may(caller, api_need_of(actions->handler), &err);
		json_object_set_new(why_not, actions->name, json_string(may ? "" : err.text));
	}
	return why_not;
}
