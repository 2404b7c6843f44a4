#include "worker/sandbox/launcher/slot.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/keeper.h"
#include "worker/sandbox/launcher/net.h"
#include "worker/sandbox/launcher/root.h"
#include "worker/sandbox/launcher/sys.h"
#include "worker/sandbox/launcher/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FIRST_ID = 100000,
	IDS_PER_SLOT = 65536,
	READY_MS = 10000,
	/* Our own processes in the slot's cgroup: keeper, pid 1 of each step, a helper. */
	OWN_PROCESSES = WIRE_MAX_STEPS + 2,
	ROUTES_MAX_BYTES = 64 * 1024,
};

#define MIN_DISK_BYTES   (UINT64_C(4) << 20)
#define MAX_DISK_BYTES   (UINT64_C(16) << 40)
#define MIN_MEMORY_BYTES (UINT64_C(4) << 20)
#define BYTES_PER_INODE  16384

void slot_init(struct slot *slot, unsigned number)
{
	*slot = (struct slot){.number = number, .socket = -1, .routes = BUF_INIT(ROUTES_MAX_BYTES)};
	cgroup_slot_init(&slot->cgroup);
}

bool slot_complete_limits(struct sandbox_limits *limits, struct err *err)
{
	if (!limits->disk_bytes)
		limits->disk_bytes = SANDBOX_DISK_DEFAULT;
	if (limits->disk_bytes < MIN_DISK_BYTES || limits->disk_bytes > MAX_DISK_BYTES)
		return err_set(err, ERR_INVALID, "a disk limit must be between 4 MiB and 16 TiB");
	if (!limits->inodes)
		limits->inodes = limits->disk_bytes / BYTES_PER_INODE;
	if (limits->inodes < 64)
		limits->inodes = 64;
	if (limits->inodes > limits->disk_bytes / 1024)
		return err_set(err, ERR_INVALID, "a limit of inodes must leave at least 1 KiB of disk for each");
	if (!limits->processes)
		limits->processes = 4096;
	if (limits->processes > 1000000)
		return err_set(err, ERR_INVALID, "a limit of processes must be at most 1000000");
	if (limits->memory_bytes && limits->memory_bytes < MIN_MEMORY_BYTES)
		return err_set(err, ERR_INVALID, "a memory limit must be at least 4 MiB");
	if (limits->cpu_milli > 1000000)
		return err_set(err, ERR_INVALID, "a CPU limit must be at most 1000 cores");
	return true;
}

static uid_t first_id(const struct machine *machine, const struct slot *slot)
{
	return FIRST_ID + IDS_PER_SLOT * (machine->first_range + slot->number);
}

/* ---- making ---- */

static bool write_maps(const struct machine *machine, const struct slot *slot, struct err *err)
{
	char path[64], map[64];
	if (machine->is_root) {
		snprintf(map, sizeof map, "0 %u %d", first_id(machine, slot), IDS_PER_SLOT);
		snprintf(path, sizeof path, "/proc/%d/uid_map", (int)slot->keeper);
		if (!sys_write_file(AT_FDCWD, path, map, err))
			return false;
		snprintf(path, sizeof path, "/proc/%d/gid_map", (int)slot->keeper);
		return sys_write_file(AT_FDCWD, path, map, err);
	}
	snprintf(path, sizeof path, "/proc/%d/setgroups", (int)slot->keeper);
	if (!sys_write_file(AT_FDCWD, path, "deny", err))
		return false;
	snprintf(path, sizeof path, "/proc/%d/uid_map", (int)slot->keeper);
	snprintf(map, sizeof map, "%d %u 1", ROOT_UID, geteuid());
	if (!sys_write_file(AT_FDCWD, path, map, err))
		return false;
	snprintf(path, sizeof path, "/proc/%d/gid_map", (int)slot->keeper);
	snprintf(map, sizeof map, "%d %u 1", ROOT_GID, getegid());
	return sys_write_file(AT_FDCWD, path, map, err);
}

static bool start_keeper(struct slot *slot, const struct machine *machine, struct err *err)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return err_errno(err, "make a socket pair");
	char volume[PATH_MAX];
	snprintf(volume, sizeof volume, "%.4000s/slot-%u", machine->state, slot->number);
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD};
	pid_t launcher = getpid();
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		int kept = sys_close_all_but(sockets[1]);
		keeper_run(&(struct keeper_spec){.socket = kept,
			.launcher = pidfd_open(launcher, 0),
			.volume = slot->has_volume ? volume : NULL,
			.can_set_groups = machine->is_root,
			.has_cgroup = machine->cgroups.has[CGROUP_PIDS],
			.disk_bytes = slot->disk_bytes,
			.inodes = slot->inodes});
	}
	close(sockets[1]);
	if (pid < 0) {
		close(sockets[0]);
		return err_errno(err,
			"make a user namespace (never allowed in a chroot; else look at sysctl user.max_user_namespaces and "
			"kernel.unprivileged_userns_clone)");
	}
	slot->keeper = pid;
	slot->socket = sockets[0];
	return true;
}

static bool send_go(struct slot *slot, const struct wire_open *open, struct err *err)
{
	struct wire_head go = {.kind = WIRE_GO, .open = *open};
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return err_errno(err, "make a socket pair");
	bool ok = wire_send(slot->socket, &go, buf_str(&slot->routes), sockets, COUNT_OF(sockets), 0, err);
	close(sockets[0]);
	close(sockets[1]);
	if (!ok)
		return false;
	struct pollfd wait = {.fd = slot->socket, .events = POLLIN};
	if (poll(&wait, 1, READY_MS) != 1)
		return err_set(
			err, ERR_TIMEOUT, "slot %u: its keeper is not ready after %d ms", slot->number, READY_MS);
	static char space[WIRE_MAX_TAIL];
	struct wire_message answer;
	if (wire_receive(slot->socket, &answer, space, 0) != WIRE_GOT)
		return err_set(err, ERR_SYSTEM, "slot %u: its keeper died while it was set up", slot->number);
	wire_close_fds(&answer);
	if (answer.head.kind == WIRE_FAILED)
		return err_set(err, ERR_SYSTEM, "slot %u: %s", slot->number, answer.head.failed.text);
	return answer.head.kind == WIRE_READY || err_set(err, ERR_BUG, "slot %u: its keeper is confused", slot->number);
}

static bool make(struct slot *slot, const struct machine *machine, const struct wire_open *open, struct err *err)
{
	if (!cgroup_slot_open(&machine->cgroups, slot->number, &slot->cgroup, err))
		return false;
	if (machine->has_volumes) {
		if (!volume_open(machine->state, slot->number, slot->disk_bytes, slot->inodes,
			    first_id(machine, slot) + ROOT_UID, err))
			return false;
		slot->has_volume = true;
	}
	return start_keeper(slot, machine, err) && write_maps(machine, slot, err) &&
	       cgroup_slot_add(&machine->cgroups, &slot->cgroup, slot->keeper, err) &&
	       (open->network != SANDBOX_NETWORK_EGRESS || net_egress_start(slot->keeper, &slot->relay, err)) &&
	       send_go(slot, open, err);
}

/* The caller's denied networks, ours, then the allowed ones. */
static void gather_routes(struct wire_open *open, struct str networks, struct buf *ret)
{
	if (open->network != SANDBOX_NETWORK_EGRESS) {
		open->denied = open->allowed = 0;
		return;
	}
	const char *strings[WIRE_MAX_STRINGS + 1];
	struct str rest = networks;
	if (!wire_strings(&rest, open->denied, strings))
		return;
	buf_add(ret, networks.p, networks.n - rest.n);
	open->denied += (uint32_t)net_add_own_addresses(ret);
	buf_add_str(ret, rest);
}

bool slot_prepare(struct slot *slot, const struct machine *machine, const struct wire_open *wanted, struct str networks,
	struct err *err)
{
	struct wire_open open = *wanted;
	auto_buf routes = BUF_INIT(ROUTES_MAX_BYTES);
	gather_routes(&open, networks, &routes);
	if (routes.is_full)
		return err_set(err, ERR_TOO_LARGE, "too many denied and allowed networks");
	bool fits = slot->keeper && slot->network == open.network && slot->disk_bytes == open.limits.disk_bytes &&
		    slot->inodes == open.limits.inodes && str_eq(buf_str(&slot->routes), buf_str(&routes));
	if (!fits) {
		slot_tear_down(slot, machine);
		slot->network = (enum sandbox_network)open.network;
		slot->disk_bytes = open.limits.disk_bytes;
		slot->inodes = open.limits.inodes;
		buf_add_str(&slot->routes, buf_str(&routes));
		if (!make(slot, machine, &open, err)) {
			slot_tear_down(slot, machine);
			return false;
		}
	}
	if (!cgroup_slot_limit(&machine->cgroups, &slot->cgroup, &open.limits, OWN_PROCESSES, err))
		return false;
	cgroup_slot_reset_peak(&machine->cgroups, &slot->cgroup);
	cgroup_slot_read(&slot->cgroup, &slot->counters);
	slot->peak_before = slot->counters.memory_peak_bytes;
	return true;
}

static void end_process(pid_t *pid)
{
	if (!*pid)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void slot_tear_down(struct slot *slot, const struct machine *machine)
{
	if (slot->socket >= 0)
		close(slot->socket);
	slot->socket = -1;
	end_process(&slot->keeper);
	end_process(&slot->relay);
	cgroup_slot_close(&machine->cgroups, slot->number, &slot->cgroup);
	if (slot->has_volume)
		volume_close(machine->state, slot->number);
	slot->has_volume = false;
	buf_done(&slot->routes);
}

/* ---- steps ---- */

bool slot_add_step(struct slot *slot, uint64_t step)
{
	for (size_t i = 0; i < WIRE_MAX_STEPS; i++) {
		if (!slot->steps[i]) {
			slot->steps[i] = step;
			return true;
		}
	}
	return false;
}

bool slot_remove_step(struct slot *slot, uint64_t step)
{
	for (size_t i = 0; i < WIRE_MAX_STEPS; i++) {
		if (step && slot->steps[i] == step) {
			slot->steps[i] = 0;
			return true;
		}
	}
	return false;
}

void slot_explain_end(struct slot *slot, struct sandbox_end *end)
{
	struct cgroup_counters now;
	cgroup_slot_read(&slot->cgroup, &now);
	bool has_failed = end->reason == SANDBOX_END_SIGNAL || (end->reason == SANDBOX_END_EXIT && end->exit_code);
	if (has_failed && now.oom_kills > slot->counters.oom_kills) {
		end->reason = SANDBOX_END_OUT_OF_MEMORY;
		snprintf(end->text, sizeof end->text, "the job used up its memory limit of %llu MiB",
			(unsigned long long)(slot->cgroup.limits.memory_bytes >> 20));
	} else if (has_failed && now.process_refusals > slot->counters.process_refusals) {
		end->reason = SANDBOX_END_TOO_MANY_PROCESSES;
		snprintf(end->text, sizeof end->text, "the job reached its limit of %u processes",
			slot->cgroup.limits.processes);
	} else if (end->reason == SANDBOX_END_DISK_FULL && !*end->text) {
		snprintf(end->text, sizeof end->text, "the job filled its disk of %llu MiB and %llu inodes",
			(unsigned long long)(slot->disk_bytes >> 20), (unsigned long long)slot->inodes);
	}
	slot->counters = now;
	/* Kernels before 6.12 cannot start a version 2 peak anew: then it is this job's only if it has grown. */
	if (now.memory_peak_bytes > slot->peak_before)
		end->memory_peak_bytes = now.memory_peak_bytes;
}
