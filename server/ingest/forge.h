#ifndef SERVER_INGEST_FORGE_H
#define SERVER_INGEST_FORGE_H

/*
 * What differs from forge to forge, a file each behind one table: how a delivery is signed, what it says, where git has
 * its pull requests, and how a commit's status is told. Functions of their arguments, without socket and database; what
 * they are given comes from anybody.
 */

#include "common/fields.h"

/* A delivery as it came in. */
struct forge_delivery {
	bool (*header)(void *arg, const char *name, struct str *ret);
	void *arg;
	struct str body;
	int64_t now_us;
};

enum forge_trust {
	FORGE_UNSIGNED,
	FORGE_STALE, /* signed, but too long ago or for a time to come: somebody plays it again */
	FORGE_SIGNED,
};

enum forge_event_kind { FORGE_PUSH, FORGE_PULL_REQUEST, FORGE_IGNORED };

/* One update of a ref, from a webhook or a poll. */
struct ref_update {
	struct str ref, before, after; /* commits; "" or zeros: none */
};

enum forge_pull_action {
	PULL_OPENED,
	PULL_UPDATED,
	PULL_REOPENED,
	PULL_CLOSED,
	PULL_MERGED,
	PULL_APPROVED,
	PULL_UNAPPROVED
};
extern const char *const forge_pull_action_names[];

struct forge_pull {
	int64_t number;
	enum forge_pull_action action;
	struct str title, author; /* author "": the payload does not tell */
	struct str base, head;    /* branches */
	struct str reviewed;      /* PULL_APPROVED: the commit; "": the payload does not tell, and it is asked for */
	bool is_fork;
};

/* What a delivery means, the same for all forges; a hint, since refs and commits are fetched. */
struct forge_event {
	enum forge_event_kind kind;
	struct str reason; /* FORGE_IGNORED: a sentence */
	struct str actor;
	struct ref_update *updates; /* FORGE_PUSH */
	size_t update_count;
	struct str_list options; /* of git push -o */
	struct forge_pull pull;  /* FORGE_PULL_REQUEST */
};
extern const struct field forge_event_fields[];

/* What becomes of a commit, for its forge. */
struct forge_status {
	struct str project;     /* "owner/name" */
	struct str commit;      /* hex */
	struct str branch;      /* "" where it has none */
	struct str state;       /* of a run, or "skipped" */
	struct str context;     /* "penstock/ci/push" */
	struct str url;         /* of the run's page; "": none */
	struct str description; /* a sentence of at most 140 characters */
};

struct forge_call { /* a POST with a JSON body, or a GET without any */
	struct str url;
	struct pair_list headers;
	json_t *body;
};

/* An open pull request, as the forge lists it. */
struct forge_listed {
	struct forge_pull pull; /* its action is for the caller to say */
	struct str commit;      /* of its head */
	struct str created_at;  /* RFC 3339 */
};

enum forge_verdict { FORGE_REVIEW_SAYS_NOTHING, FORGE_REVIEW_APPROVES, FORGE_REVIEW_DOES_NOT };

/* A review of a pull request, as the forge lists it. */
struct forge_review {
	struct str login, commit;
	enum forge_verdict verdict; /* one that was dismissed does not approve */
};

/* So many are asked for: those that changed last. */
#define FORGE_LIST_MAX 50

struct forge {
	const char *name;       /* as rows and commands say it */
	const char *event;      /* the header that names the event; NULL: every delivery is a push */
	const char *pulls;      /* "refs/pull/": where git has the heads of pull requests; NULL: it has none */
	const char *user;       /* beside a token, in git's HTTP */
	bool has_unique_bodies; /* no two of its deliveries have the same: they hold a time */
	struct str (*secret)(struct arena *arena); /* a fresh one, of the form that the forge takes */
	/* Takes the time of an HMAC over the body, whatever is missing. */
	enum forge_trust (*verify)(const struct forge_delivery *delivery, struct str secret, struct arena *arena);
	/* The forge's own id of the delivery; false when there is none. */
	bool (*id)(const struct forge_delivery *delivery, struct str *ret);
	/* False: a body that this event cannot have. Views into the body's document, or in the arena. */
	bool (*read)(
		struct str event, const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err);
	/* The forge's API for a repository at this address; "" when it cannot be told from it. */
	struct str (*api_url)(struct str scheme, struct str host, struct arena *arena);
	void (*status)(struct str api_url, struct str token, const struct forge_status *status, struct forge_call *ret,
		struct arena *arena); /* ret->body is a new reference; NULL function: it takes none */
	/* The GET of its open pull requests, and an object of the array that answers it; both NULL: it cannot be asked.
	 * What is read is not checked. */
	void (*list)(
		struct str api_url, struct str token, struct str project, struct forge_call *ret, struct arena *arena);
	void (*read_listed)(const json_t *pull, struct forge_listed *ret);
	/* The GET of a page, from 1 on, of the reviews of a pull request, oldest first, and an object of the array that
	 * answers it; both NULL: webhooks alone tell. */
	void (*reviews)(struct str api_url, struct str token, struct str project, int64_t number, int page,
		struct forge_call *ret, struct arena *arena);
	void (*read_review)(const json_t *review, struct forge_review *ret);
};

extern const struct forge forge_git, forge_github, forge_gitlab, forge_gitea;
/* NULL when there is none of this name. */
const struct forge *forge_of(struct str name);

/* What somebody here can do about an answer that is none, for the end of a sentence. */
struct str forge_advice(int status, struct str repository, struct str project, struct arena *arena);

/* "refs/pull/7/head" */
struct str forge_pull_ref(const struct forge *forge, int64_t number, struct arena *arena);

/* --- for the files of forges --- */

/* A text or number at "pull_request.head.sha"; "" and 0 when it is not there or of another kind. */
struct str forge_text(const json_t *body, const char *path);
int64_t forge_number(const json_t *body, const char *path);
const json_t *forge_at(const json_t *body, const char *path);
/* "HEX" or, with prefix "sha256=", "sha256=HEX": whether it is the body's HMAC. */
bool forge_has_hmac(const struct forge_delivery *delivery, const char *header, const char *prefix, struct str secret);
bool forge_ignore(struct forge_event *ret, struct str reason);
/* The same for an event that nothing answers to; action "": whatever was done. */
bool forge_ignore_event(struct forge_event *ret, struct str event, struct str action, struct arena *arena);
/* What somebody sent, for a sentence: short, and printable ASCII alone. */
struct str forge_word(struct str text, struct arena *arena);
/* A ref and two commit ids; zeros stand for none. */
bool forge_check_update(const struct ref_update *update, struct err *err);
/* ref, before and after at the top of the body. */
bool forge_read_push(const json_t *body, struct forge_event *ret, struct arena *arena, struct err *err);
/* Checks what every pull request has. */
bool forge_check_pull(const struct forge_event *event, struct err *err);
struct str forge_random_secret(struct arena *arena);

#endif
