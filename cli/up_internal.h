#ifndef CLI_UP_INTERNAL_H
#define CLI_UP_INTERNAL_H

/*
 * Inside of `penstock up` only. The files:
 *   up.c           the command: flags, order of starting, watching, stopping
 *   up_account.c   which account PostgreSQL and server run as, and whether it gets where it must
 *   up_dir.c       the data directory: lock, layout, room
 *   up_part.c      one child process: start, log file, signal, end
 *   up_postgres.c  the private cluster
 *   up_programs.c  server and worker: command lines, environments, readiness, tokens
 *
 * The data directory D (as root: of root, mode 0711, so that nobody else moves things about in it):
 *   lock  address  admin-password  admin-token  worker-token   files of `up`
 *   logs/      one file for each part
 *   postgres/  the cluster; run/ its socket      (of the account)
 *   data/      the server's data_dir             (of the account)
 *   worker/    the worker's work_dir
 *   programs/  copies, only where the account cannot enter the folder of the programs
 */

#include "cli/cli.h"

#include <sys/types.h>

struct up_account {
	const char *name; /* NULL: whoever runs `up` */
	const char *home;
	uid_t uid;
	gid_t gid;
};

/* One child process. Its output goes to D/logs/NAME.log. */
struct part {
	const char *name;
	const char *title;   /* "PostgreSQL" */
	const char *account; /* NULL: as it is */
	const char *const *argv;
	const char *const *environment;
	int death_signal;               /* what it gets when `up` is killed */
	pid_t pid;                      /* 0: does not run */
	int status;                     /* of waitpid, once it has ended */
	off_t log_start;                /* where its log began at the last start */
	int64_t started_us, restart_us; /* monotonic; restart_us 0: not to be started again */
	int64_t delay_ms;
};

struct up {
	struct cli *cli;
	struct arena arena;
	const char *dir; /* absolute, without links */
	const char *self;
	const char *programs; /* folder of penstock-server and penstock-worker */
	const char *listen, *public_url, *url;
	const char *labels;       /* of the worker; NULL: as the environment says */
	const char *postgres_bin; /* given, or found */
	const char *socket_dir;
	int64_t port, slots;
	struct up_account account;
	int lock_fd, signal_fd;
	int stops;     /* stop signals so far */
	bool is_first; /* the cluster is new */
	struct part postgres, server, worker;
};

/* Opens the directory that --dir names, makes the cluster where there is none, and runs `act` while PostgreSQL does. */
bool up_with_postgres(
	struct cli *cli, bool (*act)(struct up *up, void *arg, struct err *err), void *arg, struct err *err);
/* How the server reaches it: "DATABASE_URL=..." */
const char *up_database_url(struct up *up);
/* D/NAME, in up's arena. */
const char *up_path(struct up *up, const char *name);
/* One line of progress. */
void up_say(const struct up *up, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits up to `ms` for a signal, and counts those that ask to stop. */
void up_pause(struct up *up, int ms);
/* The error of a part that ended though it should not have: what it logged goes to stderr, and err gets one sentence.
 */
bool up_say_end(struct up *up, const struct part *part, struct err *err);
/* Polls until `is_done` says so or the part ends, which is an error then. */
bool up_wait_for(struct up *up, struct part *part, bool (*is_done)(struct up *), int64_t timeout_ms, const char *what,
	struct err *err);

bool up_choose_account(struct up *up, struct err *err);
/* Whether the account gets through every directory above the path; the error names the one that keeps it out. */
bool up_account_can_reach(const struct up *up, const char *path, struct err *err);
/* The environment of a part: the caller's without what must not leak in, then `extra` (NULL-terminated "NAME=value").
 */
const char *const *up_environment(struct up *up, const char *account_home, const char *const *extra);

bool up_open_dir(struct up *up, const char *dir, struct err *err);
/* A directory in D; of the account where is_account_s. */
bool up_make_dir(struct up *up, const char *name, mode_t mode, bool is_account_s, struct err *err);
/* Takes the lock and checks that there is room. */
bool up_lock(struct up *up, struct err *err);
void up_unlock(struct up *up);
bool up_write_file(struct up *up, const char *name, mode_t mode, struct str text, struct err *err);

bool part_start(struct up *up, struct part *part, struct err *err);
/* Whether it has ended by now. */
bool part_has_ended(struct part *part);
void part_signal(const struct part *part, int number);
/* "exited with status 1", "was ended by signal 9 (Killed)". */
const char *part_end_text(struct up *up, const struct part *part);
/* The sentence that one of our programs left with, or else the last lines that it logged since it was started. */
struct str part_log_tail(struct up *up, const struct part *part);
/* Starts it, waits for its end; fails unless it exits with 0. input may be NULL. */
bool part_run(struct up *up, struct part *part, struct err *err);

/* Finds the programs, makes the cluster at the first start, ends what an earlier `up` left, fills in the part. */
bool up_prepare_postgres(struct up *up, struct err *err);
bool up_start_postgres(struct up *up, struct err *err);

bool up_prepare_programs(struct up *up, struct err *err);
bool up_check_port(struct up *up, struct err *err);
bool up_start_server(struct up *up, struct err *err);
bool up_server_is_ready(struct up *up);
/* Moves the secrets that the server wrote at its first start to where people and the worker look for them. */
bool up_adopt_secrets(struct up *up, struct err *err);

#endif
