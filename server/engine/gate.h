#ifndef SERVER_ENGINE_GATE_H
#define SERVER_ENGINE_GATE_H

/* Who may open a gate. Pure. */

#include "server/engine/plan.h"

struct person {
	int64_t account;
	struct str name;
	struct str email;
	struct str role; /* "viewer", "developer", "operator", "admin" */
	struct str_list groups;
	struct str_list logins; /* on forges */
};

struct people {
	const struct person *items;
	size_t count;
};

/* Whether the gate takes this person's word: role and groups; who wrote the change is another matter. */
bool gate_admits(const struct plan_gate *rule, const struct person *person);
/* "two people of the groups qa or release, none of its authors" */
struct str gate_who_may(const struct plan_gate *rule, struct arena *arena);
/*
 * Whether one of these mail addresses is the person's: the account's, or the one that a forge puts into commits for a
 * login whose address is private ("7+ann@users.noreply.github.com", "7-ann@users.noreply.gitlab.com",
 * "ann@noreply.example.org").
 */
bool gate_is_among(const struct str_list *authors, const struct person *person);
/* A sentence on why all these people together cannot open it; empty: they can. actor: "" or who started the run;
 * authors: mail addresses of who wrote it. */
struct str gate_why_never(const struct plan_gate *rule, const struct people *people, struct str actor,
	const struct str_list *authors, struct arena *arena);

#endif
