#include "worker/sandbox/launcher/cgroup.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { CPU_PERIOD_US = 100000, EMPTY_TRIES = 400, EMPTY_PAUSE_NS = 5000000 };

static const char *const controller_names[CGROUP_CONTROLLERS] = {"memory", "pids", "cpu"};

/* ---- finding a place ---- */

static bool has_word(const char *list, const char *word, char separator)
{
	struct str rest = str_of(list), part;
	while (str_cut(&rest, separator, &part)) {
		if (str_is(str_trim(part), word))
			return true;
	}
	return false;
}

/* The mount point of a version 1 controller, or of version 2 when `controller` is NULL. */
static bool find_mount(const char *controller, char ret[static PATH_MAX])
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	if (!mounts)
		return false;
	char line[3 * PATH_MAX];
	bool found = false;
	while (!found && fgets(line, sizeof line, mounts)) {
		char *rest = line, *fields[4];
		for (size_t i = 0; i < COUNT_OF(fields); i++) {
			char *field = strsep(&rest, " ");
			fields[i] = field ? field : "";
		}
		found = controller ? strcmp(fields[2], "cgroup") == 0 && has_word(fields[3], controller, ',')
				   : strcmp(fields[2], "cgroup2") == 0;
		if (found)
			snprintf(ret, PATH_MAX, "%s", fields[1]);
	}
	fclose(mounts);
	return found;
}

/* The path of this process's own group in a hierarchy; "" for the root of it. */
static bool find_own_path(const char *controller, char ret[static PATH_MAX])
{
	FILE *groups = fopen("/proc/self/cgroup", "re");
	if (!groups)
		return false;
	char line[2 * PATH_MAX];
	bool found = false;
	while (!found && fgets(line, sizeof line, groups)) {
		char *rest = line;
		strsep(&rest, ":");
		char *names = rest ? strsep(&rest, ":") : NULL;
		if (!rest || !names)
			continue;
		found = controller ? has_word(names, controller, ',') : *names == 0;
		rest[strcspn(rest, "\n")] = 0;
		if (found)
			snprintf(ret, PATH_MAX, "%s", strcmp(rest, "/") == 0 ? "" : rest);
	}
	fclose(groups);
	return found;
}

static bool join(char ret[static PATH_MAX], const char *directory, const char *name)
{
	return snprintf(ret, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

static bool make_directory(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* ---- removing ---- */

static bool kill_members(const char *path)
{
	char procs[PATH_MAX];
	if (!join(procs, path, "cgroup.procs"))
		return false;
	FILE *members = fopen(procs, "re");
	if (!members)
		return false;
	bool had_any = false;
	long pid;
	while (fscanf(members, "%ld", &pid) == 1) {
		had_any = true;
		if (pid > 0)
			kill((pid_t)pid, SIGKILL);
	}
	fclose(members);
	return had_any;
}

/* A group can be removed when its last process is gone, which takes the kernel a moment. */
static void remove_group(const char *path)
{
	for (int i = 0; i < EMPTY_TRIES; i++) {
		bool had_any = kill_members(path);
		if (rmdir(path) == 0 || errno == ENOENT)
			return;
		if (!had_any && errno != EBUSY)
			return;
		nanosleep(&(struct timespec){.tv_nsec = EMPTY_PAUSE_NS}, NULL);
	}
}

static void sweep(const char *path)
{
	DIR *groups = opendir(path);
	if (!groups)
		return;
	struct dirent *entry;
	while ((entry = readdir(groups))) {
		char slot[PATH_MAX];
		if (strncmp(entry->d_name, "slot-", 5) == 0 && join(slot, path, entry->d_name))
			remove_group(slot);
	}
	closedir(groups);
}

/* ---- version 1 ---- */

static bool open_version1(struct cgroup_tree *tree, const char *id)
{
	bool any = false;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char mount[PATH_MAX], own[PATH_MAX], parent[PATH_MAX];
		if (!find_mount(controller_names[i], mount) || !find_own_path(controller_names[i], own))
			continue;
		snprintf(parent, sizeof parent, "%.2000s%.2000s", mount, own);
		/* In a container the path is the host's and the mount is the container's own group. */
		if (access(parent, F_OK) < 0)
			snprintf(parent, sizeof parent, "%s", mount);
		char name[64];
		snprintf(name, sizeof name, "penstock-%s", id);
		if (!join(tree->paths[i], parent, name) || !make_directory(tree->paths[i])) {
			snprintf(tree->why, sizeof tree->why, "cannot make a cgroup in %.200s: %s", parent,
				strerror(errno));
			continue;
		}
		tree->has[i] = any = true;
		tree->version = 1;
	}
	return any;
}

/* ---- version 2 ---- */

/* systemd marks what it has delegated; everything below is then ours to arrange. */
static bool is_delegated(const char *path)
{
	char value[8] = "";
	return getxattr(path, "user.delegate", value, sizeof value - 1) > 0 ||
	       getxattr(path, "trusted.delegate", value, sizeof value - 1) > 0;
}

/* Version 2 wants no processes where controllers are handed down: those of the service, this one and the worker too,
 * move into a leaf. */
static bool move_members(const char *from, const char *to)
{
	char from_procs[PATH_MAX], to_procs[PATH_MAX];
	if (!make_directory(to) || !join(from_procs, from, "cgroup.procs") || !join(to_procs, to, "cgroup.procs"))
		return false;
	FILE *members = fopen(from_procs, "re");
	if (!members)
		return false;
	long pid;
	bool ok = true;
	while (fscanf(members, "%ld", &pid) == 1) {
		char text[32];
		snprintf(text, sizeof text, "%ld", pid);
		ok = (sys_write_file(AT_FDCWD, to_procs, text, NULL) || errno == ESRCH) && ok;
	}
	fclose(members);
	return ok;
}

/* False when processes are in the way. */
static bool enable_controllers(const char *path)
{
	char file[PATH_MAX];
	bool is_busy = false;
	if (!join(file, path, "cgroup.subtree_control"))
		return true;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char text[16];
		snprintf(text, sizeof text, "+%s", controller_names[i]);
		struct err err = {0};
		if (!sys_write_file(AT_FDCWD, file, text, &err) && err.os == EBUSY)
			is_busy = true;
	}
	return !is_busy;
}

/* Where slots may go: the delegated group of this service, or for root the top of the hierarchy. */
static bool find_version2_base(const char *mount, char ret[static PATH_MAX])
{
	static const char leaf_name[] = "/penstock-host";
	char own[PATH_MAX], leaf[PATH_MAX];
	if (!find_own_path(NULL, own))
		return false;
	snprintf(ret, PATH_MAX, "%.2000s%.2000s", mount, own);
	if (str_ends(str_of(ret), STR("/penstock-host"))) {
		ret[strlen(ret) - strlen(leaf_name)] = 0; /* an earlier launcher of this service has moved us */
		return true;
	}
	if (*own && is_delegated(ret))
		return join(leaf, ret, leaf_name + 1) && move_members(ret, leaf);
	snprintf(ret, PATH_MAX, "%s", mount);
	return geteuid() == 0;
}

static void open_version2(struct cgroup_tree *tree, const char *id)
{
	char mount[PATH_MAX], base[PATH_MAX], path[PATH_MAX], name[64], enabled[4096];
	if (!find_mount(NULL, mount)) {
		snprintf(tree->why, sizeof tree->why, "no cgroup file system is mounted");
		return;
	}
	if (!find_version2_base(mount, base)) {
		snprintf(tree->why, sizeof tree->why,
			"no cgroup is delegated to this account; run the worker as a systemd service with Delegate=yes");
		return;
	}
	/* The top of a container's own hierarchy looks like a root, but is bound to the rule like any other group. */
	if (!enable_controllers(base) && join(path, base, "penstock-host") && move_members(base, path))
		enable_controllers(base);
	snprintf(name, sizeof name, "penstock-%s", id);
	char controllers[PATH_MAX];
	if (!join(path, base, name) || !make_directory(path) || !join(controllers, path, "cgroup.controllers")) {
		snprintf(tree->why, sizeof tree->why, "cannot make a cgroup in %.200s: %s", base, strerror(errno));
		return;
	}
	enable_controllers(path);
	if (sys_read_file(AT_FDCWD, controllers, enabled, sizeof enabled) < 0)
		return;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		tree->has[i] = has_word(enabled, controller_names[i], ' ');
		snprintf(tree->paths[i], sizeof tree->paths[i], "%s", path);
		tree->version = tree->has[i] ? 2 : tree->version;
	}
	if (tree->version == 0) {
		snprintf(tree->why, sizeof tree->why, "the controllers memory, pids and cpu are not enabled in %.200s",
			base);
		rmdir(path);
	}
}

/* Version 1 first: where its controllers are mounted, version 2 does not have them. */
void cgroup_tree_open(struct cgroup_tree *ret, const char *id)
{
	*ret = (struct cgroup_tree){0};
	char mount[PATH_MAX];
	if (find_mount("memory", mount))
		open_version1(ret, id);
	else
		open_version2(ret, id);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (ret->has[i])
			sweep(ret->paths[i]);
	}
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (tree->has[i])
			rmdir(tree->paths[i]);
	}
}

/* ---- slots ---- */

static int slot_path(const struct cgroup_tree *tree, int controller, unsigned number, char ret[static PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%.4000s/slot-%u", tree->paths[controller], number);
}

void cgroup_slot_init(struct cgroup_slot *slot)
{
	*slot = (struct cgroup_slot){.dirs = {-1, -1, -1}, .counters = {-1, -1, -1}};
}

static const struct {
	enum cgroup_controller controller;
	const char *files[2], *key; /* by version; the number behind this word, or NULL: the file is the number */
} counters[CGROUP_COUNTERS] = {
	[CGROUP_OOM_KILLS] = {CGROUP_MEMORY, {"memory.oom_control", "memory.events"}, "oom_kill"},
	[CGROUP_MEMORY_PEAK] = {CGROUP_MEMORY, {"memory.max_usage_in_bytes", "memory.peak"}, NULL},
	[CGROUP_REFUSALS] = {CGROUP_PIDS, {"pids.events", "pids.events"}, "max"},
};

/* Not every kernel has each of them. */
static void open_counters(int version, struct cgroup_slot *slot)
{
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		int dir = slot->dirs[counters[i].controller];
		const char *file = counters[i].files[version == 2];
		/* Version 1 starts a peak anew by a write. */
		int flags = i == CGROUP_MEMORY_PEAK && version == 1 ? O_RDWR : O_RDONLY;
		if (dir >= 0 && slot->counters[i] < 0)
			slot->counters[i] = openat(dir, file, flags | O_CLOEXEC);
	}
}

bool cgroup_slot_open(const struct cgroup_tree *tree, unsigned number, struct cgroup_slot *ret, struct err *err)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char path[PATH_MAX];
		slot_path(tree, i, number, path);
		if (!tree->has[i] || ret->dirs[i] >= 0)
			continue;
		if (!make_directory(path))
			return err_errno(err, "make cgroup %s", path);
		ret->dirs[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (ret->dirs[i] < 0)
			return err_errno(err, "open cgroup %s", path);
	}
	open_counters(tree->version, ret);
	return true;
}

void cgroup_slot_close(const struct cgroup_tree *tree, unsigned number, struct cgroup_slot *slot)
{
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		if (slot->counters[i] >= 0)
			close(slot->counters[i]);
	}
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char path[PATH_MAX];
		if (slot->dirs[i] < 0)
			continue;
		close(slot->dirs[i]);
		slot_path(tree, i, number, path);
		remove_group(path);
	}
	cgroup_slot_init(slot);
}

bool cgroup_slot_add(const struct cgroup_tree *tree, const struct cgroup_slot *slot, pid_t pid, struct err *err)
{
	char text[32];
	snprintf(text, sizeof text, "%d", (int)pid);
	int done = -1;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (slot->dirs[i] < 0 || (tree->version == 2 && done >= 0))
			continue;
		if (!sys_write_file(slot->dirs[i], "cgroup.procs", text, err))
			return err_wrap(err, "move a process into its cgroup");
		done = i;
	}
	return true;
}

static bool write_limit(int dir, const char *file, uint64_t value, const char *unlimited, struct err *err)
{
	char text[32];
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	return sys_write_file(dir, file, value ? text : unlimited, err);
}

/* Memory and swap together count in version 1, so the order of writing depends on the direction of change. */
static bool limit_memory(int version, int dir, uint64_t bytes, struct err *err)
{
	if (version == 2) {
		/* No swap at all: a build that pages is a build that hangs. */
		sys_write_file(dir, "memory.swap.max", "0", NULL);
		return write_limit(dir, "memory.max", bytes, "max", err);
	}
	write_limit(dir, "memory.memsw.limit_in_bytes", 0, "-1", NULL);
	if (!write_limit(dir, "memory.limit_in_bytes", bytes, "-1", err))
		return false;
	write_limit(dir, "memory.memsw.limit_in_bytes", bytes, "-1", NULL);
	return true;
}

static bool limit_cpu(int version, int dir, uint32_t milli, struct err *err)
{
	uint64_t quota = (uint64_t)milli * CPU_PERIOD_US / 1000;
	if (quota && quota < 1000)
		quota = 1000; /* the kernel takes no less */
	char text[64];
	if (version == 1)
		return write_limit(dir, "cpu.cfs_quota_us", quota, "-1", err);
	snprintf(text, sizeof text, "%llu %d", (unsigned long long)quota, CPU_PERIOD_US);
	if (!quota)
		snprintf(text, sizeof text, "max %d", CPU_PERIOD_US);
	return sys_write_file(dir, "cpu.max", text, err);
}

bool cgroup_slot_limit(const struct cgroup_tree *tree, struct cgroup_slot *slot, const struct sandbox_limits *limits,
	unsigned extra, struct err *err)
{
	const struct sandbox_limits *old = &slot->limits;
	if (slot->dirs[CGROUP_MEMORY] >= 0 && old->memory_bytes != limits->memory_bytes &&
		!limit_memory(tree->version, slot->dirs[CGROUP_MEMORY], limits->memory_bytes, err))
		return false;
	if (slot->dirs[CGROUP_PIDS] >= 0 && old->processes != limits->processes &&
		!write_limit(slot->dirs[CGROUP_PIDS], "pids.max", limits->processes + extra, "max", err))
		return false;
	if (slot->dirs[CGROUP_CPU] >= 0 && old->cpu_milli != limits->cpu_milli &&
		!limit_cpu(tree->version, slot->dirs[CGROUP_CPU], limits->cpu_milli, err))
		return false;
	slot->limits = *limits;
	return true;
}

void cgroup_slot_read(const struct cgroup_slot *slot, struct cgroup_counters *ret)
{
	uint64_t *const numbers[CGROUP_COUNTERS] = {
		[CGROUP_OOM_KILLS] = &ret->oom_kills,
		[CGROUP_MEMORY_PEAK] = &ret->memory_peak_bytes,
		[CGROUP_REFUSALS] = &ret->process_refusals,
	};
	*ret = (struct cgroup_counters){0};
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		if (slot->counters[i] >= 0)
			sys_read_number(slot->counters[i], counters[i].key, numbers[i]);
	}
}

void cgroup_slot_reset_peak(const struct cgroup_tree *tree, const struct cgroup_slot *slot)
{
	if (slot->counters[CGROUP_MEMORY_PEAK] >= 0 && tree->version == 1 &&
		pwrite(slot->counters[CGROUP_MEMORY_PEAK], "0", 1, 0) < 0)
		return; /* then it is this job's only if it has grown */
}
