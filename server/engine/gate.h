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
};

struct people {
	const struct person *items;
	size_t count;
};

/* Whether the gate takes this person's word: role and groups; who wrote the change is another matter. */
bool gate_admits(const struct plan_gate *rule, const struct person *person);
/* "two people of the groups qa or release, not the author" */
struct str gate_who_may(const struct plan_gate *rule, struct arena *arena);
/* A sentence on why all these people together cannot open it; empty: they can. actor, email: of the author, "" */
struct str gate_why_never(const struct plan_gate *rule, const struct people *people, struct str actor, struct str email,
	struct arena *arena);

#endif
