#ifndef SERVER_CONFIGURATION_CONFIGURATIONS_H
#define SERVER_CONFIGURATION_CONFIGURATIONS_H

/*
 * The configuration in force, with the stops of the line that stand: read before the server decides anything, and again
 * when either has changed (told by another coordinator, or seen on the slow tick). What configurations_now() gives is a
 * snapshot that never changes; whoever takes it to a pool thread, or over a wait, holds a reference.
 */

#include "server/engine/freeze.h"
#include "server/server.h"

struct configurations;

struct configuration_snapshot {
	int64_t version;                           /* 0: none was ever applied */
	struct str text;                           /* as it was applied, comments and all */
	const struct configuration *configuration; /* never NULL: the empty one where there is none */
	struct freeze_blockers blockers;
	struct freeze_versions versions; /* what is above is at least as new */
	/* This program cannot read what another version of it has stored: why. The configuration is then the empty one,
	 * in which nothing can be deployed. */
	struct str problem;
};

/* Blocking, at the start. */
bool configurations_open(struct server *server, struct configurations **ret, struct err *err);
void configurations_close(struct configurations *configurations, void (*closed)(void *arg), void *arg);
void configurations_free(struct configurations *configurations); /* NULL is fine */

/* On the loop's thread; valid until it returns to the loop. */
const struct configuration_snapshot *configurations_now(const struct configurations *configurations);
/* A reference, for any thread. */
const struct configuration_snapshot *configuration_ref(const struct configuration_snapshot *snapshot);
void configuration_unref(const struct configuration_snapshot *snapshot); /* NULL is fine */

/* Looks whether there is something newer; by the slow tick, and when another coordinator says so. */
void configurations_look(struct configurations *configurations);
/* Somebody here has changed it: `done` runs once this coordinator has looked, and the others are told. */
void configurations_changed(struct configurations *configurations, void (*done)(void *arg), void *arg);

#endif
