#include "cli/port_owner.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATE_LISTEN = 0x0a };

/* The inode of the socket that listens there; 0: none in this file. */
static unsigned long inode_in(const char *path, int64_t port)
{
	unsigned long inode = 0, found = 0;
	unsigned local, state;
	char line[512];
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (!found && fgets(line, sizeof line, file))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local, &state, &inode) == 3 &&
			(int64_t)local == port && state == STATE_LISTEN)
			found = inode;
	fclose(file);
	return found;
}

static bool holds(const char *folder, const char *socket_name)
{
	char path[PATH_MAX], link[64];
	bool found = false;
	DIR *descriptors = opendir(folder);
	const struct dirent *entry;
	while (descriptors && !found && (entry = readdir(descriptors))) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		ssize_t n = readlink(path, link, sizeof link - 1);
		found = n > 0 && str_is((struct str){link, (size_t)n}, socket_name);
	}
	if (descriptors)
		closedir(descriptors);
	return found;
}

static const char *describe(struct arena *arena, const char *pid)
{
	char name[64] = "";
	FILE *file = fopen(arena_printf(arena, "/proc/%s/comm", pid).p, "re");
	bool ok = file && fgets(name, sizeof name, file);
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = 0;
	return ok ? arena_printf(arena, "%s (pid %s)", name, pid).p : NULL;
}

const char *port_owner(struct arena *arena, int64_t port)
{
	char socket_name[64], folder[64];
	const char *owner = NULL;
	unsigned long inode = inode_in("/proc/net/tcp", port);
	if (!inode)
		inode = inode_in("/proc/net/tcp6", port);
	DIR *processes = inode ? opendir("/proc") : NULL;
	if (!processes)
		return NULL;
	snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
	const struct dirent *entry;
	int64_t pid;
	while (!owner && (entry = readdir(processes))) {
		if (!str_to_i64(str_of(entry->d_name), &pid))
			continue;
		snprintf(folder, sizeof folder, "/proc/%lld/fd", (long long)pid);
		if (holds(folder, socket_name))
			owner = describe(arena, entry->d_name);
	}
	closedir(processes);
	return owner;
}
