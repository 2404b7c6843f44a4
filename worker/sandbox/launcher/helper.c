#include "worker/sandbox/launcher/helper.h"

#include "common/mem.h"
#include "worker/sandbox/launcher/files.h"
#include "worker/sandbox/launcher/guard.h"
#include "worker/sandbox/launcher/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *patterns[WIRE_MAX_STRINGS + 1];

/* Fills in the patterns. */
static bool check_request(const struct wire_message *message, struct err *err)
{
	const struct wire_files *files = &message->head.files;
	struct str tail = message->tail;
	return (message->fd_count == 1 && files->patterns <= WIRE_MAX_STRINGS &&
		       wire_strings(&tail, files->patterns, patterns)) ||
	       err_set(err, ERR_INVALID, "moving files needs a stream and patterns");
}

/* ---- in the helper ---- */

static bool is_disk_full(int area)
{
	struct statvfs st;
	return fstatvfs(area, &st) == 0 && (st.f_bavail == 0 || (st.f_files && st.f_favail == 0));
}

/* By their names on the volume: the places where steps see them are taken away before the emptying. */
static const char *area_path(const struct wire_head *head)
{
	if (head->kind == WIRE_CLOSE)
		return ROOT_VOLUME;
	return head->files.area == SANDBOX_AREA_HOME ? ROOT_VOLUME_HOME : ROOT_VOLUME_WORK;
}

static bool move_files(struct wire_message *message, int area, struct err *err)
{
	const struct wire_files *files = &message->head.files;
	if (message->head.kind == WIRE_CLOSE)
		return files_remove_all(area, err);
	if (!check_request(message, err))
		return false;
	if (message->head.kind == WIRE_IMPORT)
		return files_import(area, message->fds[0], files->max_files, files->max_bytes, err);
	return files_collect(area, message->fds[0], patterns, files->max_files, files->max_bytes, err);
}

static bool confine(struct err *err)
{
	static const char *const writable[] = {ROOT_VOLUME, NULL};
	int ruleset = -1;
	step_volunteer_for_oom("/mnt/self/oom_score_adj", NULL); /* the host's /proc, see root.h */
	umask(022);
	bool ok = guard_landlock_make(writable, &ruleset, err) && guard_set_rlimits(0, err) &&
		  guard_keep_capabilities(0, err) && guard_enter(ruleset, err);
	if (ruleset >= 0)
		close(ruleset);
	return ok;
}

static void serve(struct wire_message *message, bool is_confined, struct err *err, struct step_report *report)
{
	const char *path = area_path(&message->head);
	auto_fd int area = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (is_confined && (area >= 0 || err_errno(err, "open %s", path)) && move_files(message, area, err))
		return;
	report->status = W_EXITCODE(1, 0);
	report->is_disk_full = err->os == ENOSPC || (area >= 0 && is_disk_full(area));
	snprintf(report->text, sizeof report->text, "%.199s", err->text);
}

static _Noreturn void run_helper(int socket, int parent)
{
	static char space[WIRE_MAX_TAIL];
	struct wire_message message;
	struct err err = {0};
	step_die_with_parent(parent);
	socket = sys_close_all_but(socket);
	bool is_confined = confine(&err);
	while (wire_receive(socket, &message, space, 0) == WIRE_GOT) {
		struct step_report report = {.has_started = true};
		serve(&message, is_confined, &err, &report);
		wire_close_fds(&message);
		if (send(socket, &report, sizeof report, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* ---- in the keeper ---- */

/* What an earlier one has left unread, or said without being asked. */
static void drain(int socket)
{
	char byte;
	while (recv(socket, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

static bool start(struct helper *helper, int parent, struct err *err)
{
	drain(helper->sockets[0]);
	drain(helper->sockets[1]);
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		run_helper(helper->sockets[1], parent);
	if (pid < 0)
		return err_errno(err, "fork");
	helper->pid = pid;
	return true;
}

bool helper_ask(struct helper *helper, const struct wire_message *message, int parent, struct err *err)
{
	struct wire_head head = message->head;
	/* Refused here already, so that it is no step that ended but one that never was. */
	if (head.kind != WIRE_CLOSE && !check_request(message, err))
		return false;
	if (helper->step_count == COUNT_OF(helper->steps))
		return err_set(err, ERR_BUSY, "a job moves files at most %d times at a time", WIRE_MAX_STEPS);
	if ((!helper->pid && !start(helper, parent, err)) ||
		!wire_send(
			helper->sockets[0], &head, message->tail, message->fds, message->fd_count, MSG_DONTWAIT, err))
		return false;
	helper->steps[helper->step_count++] = message->head.step;
	return true;
}

bool helper_is_asked(const struct helper *helper, uint64_t step)
{
	for (size_t i = 0; i < helper->step_count; i++) {
		if (helper->steps[i] == step)
			return true;
	}
	return false;
}

static uint64_t take_step(struct helper *helper)
{
	uint64_t step = helper->steps[0];
	helper->step_count--;
	memmove(helper->steps, helper->steps + 1, helper->step_count * sizeof *helper->steps);
	return step;
}

bool helper_next(struct helper *helper, uint64_t *ret_step, struct step_report *ret_report)
{
	if (recv(helper->sockets[0], ret_report, sizeof *ret_report, MSG_DONTWAIT) != (ssize_t)sizeof *ret_report ||
		helper->step_count == 0)
		return false;
	ret_report->text[sizeof ret_report->text - 1] = 0;
	*ret_step = take_step(helper);
	return true;
}

bool helper_lost(struct helper *helper, int status, uint64_t *ret_step, struct step_report *ret_report)
{
	helper->pid = 0;
	if (helper->step_count == 0)
		return false;
	*ret_report = (struct step_report){.has_started = true, .status = status};
	*ret_step = take_step(helper);
	return true;
}
