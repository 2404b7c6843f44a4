#ifndef WORKER_SANDBOX_LAUNCHER_SYS_H
#define WORKER_SANDBOX_LAUNCHER_SYS_H

/* System calls that Debian 12's glibc has no function for, and small file helpers that several parts need. */

#include "common/err.h"
#include "common/str.h"

#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

pid_t sys_clone3(struct clone_args *args);
int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_pivot_root(const char *new_root, const char *put_old);
/* Replaces stdin, stdout, stderr by /dev/null and closes every descriptor but `keep`, which moves to 3. */
int sys_close_all_but(int keep);

/* Writes `text` into an existing file in one write; a relative path counts from `dir`. */
bool sys_write_file(int dir, const char *path, const char *text, struct err *err);
/* At most `size` - 1 bytes, zero-terminated; -1 on failure. */
ssize_t sys_read_file(int dir, const char *path, char *ret, size_t size);
/* The number behind `key ` in an open flat keyed file, or the number the file consists of when key is NULL. Reads from
 * its start each time. */
bool sys_read_number(int fd, const char *key, uint64_t *ret);

#endif
