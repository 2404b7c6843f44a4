#ifndef SERVER_GIT_GIT_REMOTE_H
#define SERVER_GIT_GIT_REMOTE_H

/* The address of a repository, taken apart, and the secrets that go with it. */

#include "common/arena.h"
#include "common/err.h"

struct git_remote {
	struct str url;
	struct str user, token;          /* for http and https; "": none */
	struct str ssh_key, known_hosts; /* for ssh; "": that of the account */
};

enum git_scheme { GIT_SCHEME_HTTPS, GIT_SCHEME_HTTP, GIT_SCHEME_SSH, GIT_SCHEME_GIT, GIT_SCHEME_FILE };
extern const char *const git_scheme_names[]; /* as git's protocol.NAME.allow */

struct git_address {
	enum git_scheme scheme;
	struct str host; /* with its port where the address gives one; "" of a file */
	struct str port;
	struct str name; /* the host alone */
	struct str path; /* "owner/name.git": without the first slash */
};

/* https://, http://, ssh://, git://, file://, user@host:path and /path; never a helper (ext::), an option, a password
 * or what would need quoting. Views into the text. ERR_INVALID says what to write. */
bool git_address_read(struct str url, struct git_address *ret, struct err *err);
/* Whether a token may go there: https, or http on this machine. */
bool git_address_is_private(const struct git_address *address);
/* "owner/name" of the path. */
struct str git_address_project(const struct git_address *address);

/* What deep copies need. */
void git_remote_copy(struct git_remote *to, const struct git_remote *from, struct arena *arena);

#endif
