#ifndef SERVER_GIT_HOST_KEYS_H
#define SERVER_GIT_HOST_KEYS_H

/*
 * The keys that an ssh host proves itself with: asked for once, when nobody gave them, shown to a person by their
 * fingerprints, and held against the host at every fetch from then on.
 */

#include "server/git/git_remote.h"

struct uv_loop_s;

/* "ssh-ed25519 SHA256:..." of each line of a known_hosts file; ERR_INVALID names the line that is none. */
bool host_keys_read(struct str known_hosts, struct str_list *ret, struct arena *arena, struct err *err);

/* Asks the host for its keys, as lines of a known_hosts file. `done` runs once, later. */
void host_keys_scan(struct uv_loop_s *loop, const struct git_address *address,
	void (*done)(void *arg, struct str known_hosts, const struct err *err), void *arg);

#endif
