#include "worker/sandbox/doctor.h"

#include "common/buf.h"
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEP_MS = 15000, OUTPUT_BYTES = 8192 };

/* What a step can tell of itself, one `key value` a line. It is a shell script, so that it sees what a job sees. */
static const char probe[] =
	"sed -n 's/^\\(CapPrm\\|CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp\\):[[:space:]]*/\\1 /p' /proc/self/status\n"
	"echo uid $(id -u)\n"
	"echo map $(head -1 /proc/self/uid_map)\n"
	"echo host $(uname -n)\n"
	"echo first $(tr '\\000' ' ' </proc/1/cmdline)\n"
	"echo interfaces $(tail -n +3 /proc/net/dev | cut -d: -f1)\n"
	"(echo x >/dev/urandom) 2>/dev/null && echo urandom written || echo urandom refused\n"
	"echo disk $(stat -f -c '%b %S' /workspace)\n";

struct findings {
	char output[OUTPUT_BYTES];
	const struct sandbox_facts *facts;
};

/* The rest of the line that begins with `key`, "" when there is none. */
static struct str finding(const struct findings *findings, const char *key)
{
	struct str rest = str_of(findings->output), line;
	while (str_cut(&rest, '\n', &line)) {
		struct str name;
		if (str_cut(&line, ' ', &name) && str_is(name, key))
			return str_trim(line);
	}
	return (struct str){0};
}

/* ---- running the probe ---- */

static bool wait_for(struct sandbox *sandbox, enum sandbox_event_kind kind, struct sandbox_event *ret, struct err *err)
{
	if (!sandbox_wait(sandbox, STEP_MS, ret, err))
		return false;
	if (ret->kind == SANDBOX_FAILED) {
		*err = ret->err;
		return false;
	}
	return ret->kind == kind || err_set(err, ERR_BUG, "unexpected event from the sandbox");
}

static bool run_probe(struct sandbox *sandbox, uint64_t job, int output, struct err *err)
{
	static const char *const arguments[] = {"/bin/sh", "-c", probe, NULL};
	static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	struct sandbox_step_options options = {
		.arguments = arguments, .environment = environment, .out = output, .err = output};
	struct sandbox_event event;
	uint64_t step;
	if (!wait_for(sandbox, SANDBOX_OPENED, &event, err) || !sandbox_run(sandbox, job, &options, &step, err) ||
		!wait_for(sandbox, SANDBOX_ENDED, &event, err))
		return false;
	if (event.end.reason != SANDBOX_END_EXIT || event.end.exit_code != 0)
		return err_set(err, ERR_SYSTEM, "the probing step ended by %s %d %s",
			sandbox_end_name((enum sandbox_end_reason)event.end.reason), event.end.exit_code,
			event.end.text);
	return true;
}

static bool look_from_inside(struct sandbox *sandbox, struct findings *ret, struct err *err)
{
	auto_fd int output = memfd_create("doctor", MFD_CLOEXEC);
	struct sandbox_job_options options = {0};
	struct sandbox_event event;
	uint64_t job;
	if (output < 0)
		return err_errno(err, "make a memory file");
	if (!sandbox_open(sandbox, &options, &job, err))
		return false;
	bool ok = run_probe(sandbox, job, output, err);
	if (!sandbox_close(sandbox, job, ok ? err : NULL) ||
		!wait_for(sandbox, SANDBOX_CLOSED, &event, ok ? err : &(struct err){0}))
		return false;
	ssize_t n = ok ? pread(output, ret->output, sizeof ret->output - 1, 0) : 0;
	ret->output[n > 0 ? n : 0] = 0;
	return ok;
}

/* ---- judging ---- */

static void judge(struct sandbox_layer *layer, bool is_on, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void judge(struct sandbox_layer *layer, bool is_on, const char *remedy, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(layer->detail, sizeof layer->detail, format, args);
	va_end(args);
	layer->state = is_on ? SANDBOX_LAYER_ON : SANDBOX_LAYER_MISSING;
	layer->remedy = is_on ? "" : remedy;
}

/* A layer that an ordinary account does without is off, not missing. */
static void judge_by_profile(struct sandbox_layer *layer, const struct findings *findings, bool is_on,
	const char *remedy, const char *detail)
{
	judge(layer, is_on, remedy, "%.150s", detail);
	if (!is_on && findings->facts->profile == SANDBOX_PROFILE_USER)
		layer->state = SANDBOX_LAYER_OFF;
}

#define CGROUP_REMEDY                                                                                                  \
	"run the worker as root, or as a systemd service with Delegate=yes; jobs that demand profile full are refused here"

static void judge_account(const struct findings *findings, struct sandbox_layer *layers)
{
	struct str map = finding(findings, "map"), caps = finding(findings, "CapBnd");
	bool is_range = findings->facts->layers & (UINT32_C(1) << SANDBOX_LAYER_ID_RANGE);
	judge(&layers[SANDBOX_LAYER_USER_NS], str_is(finding(findings, "uid"), "1000"),
		"sysctl -w user.max_user_namespaces=10000", "id map %.*s", STR_ARG(str_brief(map, 60)));
	judge_by_profile(&layers[SANDBOX_LAYER_ID_RANGE], findings, is_range,
		"run the worker as root: its steps then run as accounts that exist nowhere else",
		is_range ? "65536 ids for each slot" : "steps share the worker's own account");
	bool is_bare = str_is(caps, "0000000000000000") && str_is(finding(findings, "CapEff"), "0000000000000000") &&
		       str_is(finding(findings, "CapPrm"), "0000000000000000") &&
		       str_is(finding(findings, "NoNewPrivs"), "1");
	judge(&layers[SANDBOX_LAYER_CAPABILITIES], is_bare, "report this as a fault of Penstock", "bounding set %.*s",
		STR_ARG(caps));
}

static void judge_kernel(const struct findings *findings, struct sandbox_layer *layers)
{
	bool is_own = str_is(finding(findings, "host"), "penstock") &&
		      str_is(finding(findings, "first"), "penstock-init") &&
		      str_is(finding(findings, "interfaces"), "lo");
	judge(&layers[SANDBOX_LAYER_NAMESPACES], is_own, "report this as a fault of Penstock",
		"pid 1 is %.*s, host name %.*s, network %.*s", STR_ARG(str_brief(finding(findings, "first"), 30)),
		STR_ARG(str_brief(finding(findings, "host"), 30)),
		STR_ARG(str_brief(finding(findings, "interfaces"), 30)));
	judge(&layers[SANDBOX_LAYER_SECCOMP], str_is(finding(findings, "Seccomp"), "2"),
		"use a kernel with CONFIG_SECCOMP_FILTER", "mode %.*s", STR_ARG(finding(findings, "Seccomp")));
	judge(&layers[SANDBOX_LAYER_LANDLOCK], str_is(finding(findings, "urandom"), "refused"),
		"use a kernel with CONFIG_SECURITY_LANDLOCK, and name landlock in the lsm= boot option", "ABI %u",
		findings->facts->landlock_abi);
}

static void judge_limits(const struct findings *findings, struct sandbox_layer *layers)
{
	static const enum sandbox_layer_bit by_cgroup[] = {SANDBOX_LAYER_MEMORY, SANDBOX_LAYER_CPU};
	const struct sandbox_facts *facts = findings->facts;
	char version[32];
	snprintf(version, sizeof version, "cgroup version %u", facts->cgroup_version);
	for (size_t i = 0; i < COUNT_OF(by_cgroup); i++) {
		bool is_on = facts->layers & (UINT32_C(1) << by_cgroup[i]);
		judge_by_profile(&layers[by_cgroup[i]], findings, is_on, CGROUP_REMEDY,
			is_on ? version : facts->cgroup_obstacle);
	}
	bool is_full = facts->profile == SANDBOX_PROFILE_FULL;
	judge(&layers[SANDBOX_LAYER_PROCESSES], true, "", "%s", is_full ? version : "by rlimit in the user namespace");
	judge(&layers[SANDBOX_LAYER_DISK], finding(findings, "disk").n > 0, "report this as a fault of Penstock",
		"a file system of its own: %.*s (blocks, bytes each)",
		STR_ARG(str_brief(finding(findings, "disk"), 40)));
	bool has_egress = facts->layers & (UINT32_C(1) << SANDBOX_LAYER_EGRESS);
	judge(&layers[SANDBOX_LAYER_EGRESS], has_egress,
		"apt-get install slirp4netns; modprobe tun; chmod 666 /dev/net/tun", "%s",
		has_egress ? "slirp4netns and /dev/net/tun are there" : "slirp4netns or /dev/net/tun cannot be used");
}

bool sandbox_doctor(struct sandbox *sandbox, struct sandbox_layer ret[static SANDBOX_LAYER_COUNT], struct err *err)
{
	static const struct {
		const char *name, *purpose;
	} layers[SANDBOX_LAYER_COUNT] = {
#define X(constant, name, purpose) {name, purpose},
		SANDBOX_LAYERS(X)
#undef X
	};
	struct findings findings = {.facts = sandbox_facts(sandbox)};
	if (!look_from_inside(sandbox, &findings, err))
		return err_wrap(err, "look at the sandbox from inside");
	for (size_t i = 0; i < SANDBOX_LAYER_COUNT; i++)
		ret[i] = (struct sandbox_layer){.name = layers[i].name, .purpose = layers[i].purpose, .remedy = ""};
	judge_account(&findings, ret);
	judge_kernel(&findings, ret);
	judge_limits(&findings, ret);
	return true;
}

const char *sandbox_layer_state_name(enum sandbox_layer_state state)
{
	static const char *const names[] = {
		[SANDBOX_LAYER_ON] = "on", [SANDBOX_LAYER_OFF] = "off", [SANDBOX_LAYER_MISSING] = "missing"};
	return names[state];
}
