#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

/*
 * What the parts of the coordinator need of each other: made by wiring in order, ended in reverse. It owns nothing by
 * itself and holds no state of its own; each part stands behind its own header. It is the context of every HTTP
 * handler.
 */

struct uv_loop_s;
struct db;
struct plan_cache;
struct shell;
struct dispatch;
struct gitops;
struct mirrors;
struct ingest;
struct outbox;
struct alarms;
struct drift;
struct http_client;
struct blob_store;
struct logs;
struct retention;
struct events;
struct configurations;
struct auth;
struct keyring;
struct server_settings;
struct http_server;
struct static_files;

struct server {
	struct uv_loop_s *loop;
	const struct server_settings *settings;
	struct db *db;
	struct keyring *keys;                  /* seals secrets; its key lives outside the database */
	struct plan_cache *plans;              /* plans by hash */
	struct configurations *configurations; /* what is in force */
	struct shell *shell;                   /* applies events to runs */
	struct events *events;                 /* server-sent events: who watches what */
	struct mirrors *mirrors;               /* bare mirrors of repositories */
	struct ingest *ingest;                 /* deliveries, triggers, planning */
	struct http_client *http_out;          /* calls to forges; NULL once closed */
	struct outbox *outbox;                 /* what they are told */
	struct blob_store *blobs;              /* artifacts and sealed logs */
	struct alarms *alarms;                 /* what is watched while something is deployed */
	struct drift *drift;                   /* what targets say that they run */
	struct logs *logs;                     /* reading, following and sealing logs */
	struct retention *retention;           /* removes what is old */
	struct dispatch *dispatch;             /* workers, leases, claims */
	struct gitops *gitops;                 /* changes in configuration repositories */
	struct auth *auth;                     /* who the caller is and what they may */
	const struct static_files *files;      /* the web pages; NULL: not built */
	const struct http_server *http;        /* of pages and API; its figures only; NULL once closed */
};

#endif
