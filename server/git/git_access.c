#include "server/git/git_access.h"

#include "common/buf.h"
#include "common/hex.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * safe.directory: a repository on this machine may belong to somebody else; upload-pack would refuse it otherwise, and
 * takes the setting only from a file. Redirects could lead a fetch of an address that somebody was allowed to name to
 * one that nobody allowed. A host that takes the connection and then says nothing for a minute is gone: upload-pack
 * says every five seconds that it is still at work.
 */
static const char config_text[] = "[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n"
				  "[http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 60\n"
				  "[credential]\n\thelper =\n"
				  "[protocol \"ext\"]\n\tallow = never\n";

/* The same for ssh. */
#define SSH_PATIENCE "-oConnectTimeout=60 -oServerAliveInterval=20 -oServerAliveCountMax=3"

static const char no_hooks_text[] = "[core]\n\thooksPath = /dev/null\n";

/* --- memory files --- */

static int make_file(const char *name, struct str content, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, content.p, content.n) == (ssize_t)content.n)
		return fd;
	err_errno(err, "memory file for git's %s", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* --- the environment --- */

static void add(struct git_access *access, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct git_access *access, const char *format, ...)
{
	auto_buf text = BUF_INIT(64 * 1024);
	va_list args;
	BUG_ON(access->count == GIT_ACCESS_VARIABLES);
	va_start(args, format);
	buf_vaddf(&text, format, args);
	va_end(args);
	access->owned[access->count] = buf_take(&text);
	access->environment[access->count] = access->owned[access->count];
	access->environment[++access->count] = NULL;
}

static void add_base(struct git_access *access, const char *folder)
{
	const char *path = getenv("PATH"), *agent = getenv("SSH_AUTH_SOCK");
	add(access, "PATH=%s", path ? path : "/usr/bin:/bin");
	add(access, "HOME=%s", folder);
	add(access, "GIT_CONFIG_SYSTEM=/dev/null");
	add(access, "GIT_TERMINAL_PROMPT=0");
	add(access, "LC_ALL=C");
	if (agent)
		add(access, "SSH_AUTH_SOCK=%s", agent);
}

static void add_token(struct buf *config, const struct git_remote *remote, const struct git_address *address)
{
	auto_arena arena = {0};
	if (remote->token.n == 0 || !git_address_is_private(address))
		return;
	struct str plain = arena_printf(&arena, "%.*s:%.*s", STR_ARG(remote->user), STR_ARG(remote->token));
	buf_addf(config, "[http \"%s://%.*s/\"]\n\textraHeader = Authorization: Basic %.*s\n",
		git_scheme_names[address->scheme], STR_ARG(address->host), STR_ARG(base64_encode(&arena, plain)));
}

static bool add_ssh(struct git_access *access, const struct git_remote *remote, struct err *err)
{
	if (remote->ssh_key.n == 0) {
		add(access, "GIT_SSH_COMMAND=ssh -oBatchMode=yes " SSH_PATIENCE);
		return true;
	}
	access->key = make_file("key", remote->ssh_key, err);
	if (access->key < 0)
		return false;
	access->hosts = make_file("known_hosts", remote->known_hosts, err);
	if (access->hosts < 0)
		return false;
	int pid = (int)getpid();
	add(access,
		"GIT_SSH_COMMAND=ssh -F /dev/null -oBatchMode=yes " SSH_PATIENCE
		" -oIdentitiesOnly=yes -oIdentityAgent=none "
		"-oStrictHostKeyChecking=yes -oUpdateHostKeys=no -oGlobalKnownHostsFile=/dev/null "
		"-oUserKnownHostsFile=/proc/%d/fd/%d -i /proc/%d/fd/%d",
		pid, access->hosts, pid, access->key);
	return true;
}

static bool add_remote(struct git_access *access, const struct git_remote *remote, struct buf *config, struct err *err)
{
	struct git_address address;
	if (!git_address_read(remote->url, &address, err))
		return false;
	add(access, "GIT_ALLOW_PROTOCOL=%s", git_scheme_names[address.scheme]);
	add_token(config, remote, &address);
	return add_ssh(access, remote, err);
}

static bool open_access(
	struct git_access *access, const char *folder, const struct git_remote *remote, bool has_hooks, struct err *err)
{
	auto_buf config = BUF_INIT(64 * 1024);
	*access = (struct git_access){.config = -1, .key = -1, .hosts = -1};
	buf_add_c(&config, config_text);
	if (!has_hooks)
		buf_add_c(&config, no_hooks_text);
	add_base(access, folder);
	bool ok = !remote || add_remote(access, remote, &config, err);
	if (ok) {
		access->config = make_file("gitconfig", buf_str(&config), err);
		ok = access->config >= 0;
	}
	if (ok)
		add(access, "GIT_CONFIG_GLOBAL=/proc/%d/fd/%d", (int)getpid(), access->config);
	else
		git_access_close(access);
	return ok;
}

bool git_access_open(struct git_access *access, const char *folder, const struct git_remote *remote, struct err *err)
{
	return open_access(access, folder, remote, false, err);
}

bool git_access_open_push(
	struct git_access *access, const char *folder, const struct git_remote *remote, struct err *err)
{
	return open_access(access, folder, remote, true, err);
}

void git_access_close(struct git_access *access)
{
	const int files[] = {access->config, access->key, access->hosts};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (files[i] > 0)
			close(files[i]);
	for (size_t i = 0; i < access->count; i++)
		free(access->owned[i]);
	*access = (struct git_access){.config = -1, .key = -1, .hosts = -1};
}
