"""Ways out by system calls, and what would give more rights."""
from attempt import Attempt

SECCOMP, CAPS = "seccomp", "no capabilities"


def refused(*names, error="EPERM"):
    return "".join(f"{name}: {error}\n" for name in names)


def probe(name, stopped_by, words, log, **more):
    return Attempt(name, stopped_by, f"./probe {words}", log=log, **more)


NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")

ATTEMPTS = [
    probe("mounts: mount, bind, remount, unmount a mask, pivot_root, chroot, the new mount API", SECCOMP, "mounts",
          refused("mount", "mount proc", "mount cgroup", "bind", "remount /usr", "umount /proc/sys", "umount /proc/kcore",
                  "pivot_root", "chroot", "fsopen", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr")),
    probe("nested namespaces: unshare, setns, clone, clone3 of every kind", SECCOMP, "namespaces",
          "".join(refused(f"unshare {kind}", f"setns {kind}", f"clone {kind}") for kind in NAMESPACES) +
          refused("unshare time", "setns time") + "clone3 user: ENOSYS\n"),
    probe("kernel control: modules, kexec, reboot, swap, clock, host name, ports, log, perf, fanotify, handles", SECCOMP, "kernel",
          refused("init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "swapoff", "acct", "quotactl",
                  "settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl", "ioperm", "syslog", "vhangup",
                  "perf_event_open", "fanotify_init", "open_by_handle_at", "lookup_dcookie")),
    probe("bpf", SECCOMP, "bpf", refused("map", "program")),
    probe("io_uring", SECCOMP, "io_uring", refused("io_uring_setup", "io_uring_enter", "io_uring_register")),
    probe("userfaultfd, also its device", SECCOMP, "userfaultfd",
          "/dev/userfaultfd: ENOENT\n" + refused("userfaultfd", "user mode only")),
    probe("keyrings", SECCOMP, "keys", refused("add_key", "request_key", "keyctl", "join session")),
    probe("system calls by x32 numbers", SECCOMP, "x32", refused("getpid", "mount", "ptrace", error="ENOSYS")),
    probe("system calls by i386's interrupt", SECCOMP, "i386", "getpid: refused\n"),
    probe("personality: executable data, page zero, layouts", SECCOMP, "personalities",
          refused("READ_IMPLIES_EXEC", "MMAP_PAGE_ZERO", "ADDR_COMPAT_LAYOUT", "PER_BSD", error="ENOSYS")),
    probe("TIOCSTI, also with upper bits set, TIOCLINUX, line disciplines", SECCOMP, "terminal",
          refused("TIOCSTI", "TIOCSTI with upper bits", "TIOCLINUX", "TIOCSETD")),
    probe("becoming root: set-uid calls, groups, capset, ambient, securebits, uid_map", "empty capability sets", "identity",
          refused("setuid 0", "setresuid 0", "setgid 0", "setgroups 0", "capset", "ambient", "securebits") +
          "new privileges: EINVAL\n" + refused("uid_map"),
          user={"log": refused("setuid 0", "setresuid 0", "setgid 0", error="EINVAL") +
                        refused("setgroups 0", "capset", "ambient", "securebits") + "new privileges: EINVAL\n" + refused("uid_map")}),
    probe("file capabilities and trusted attributes on its own program", CAPS, "file-capability probe",
          refused("security.capability", "trusted.x")),
    Attempt("a set-uid copy of a program", "nosuid, no_new_privs", "cp /usr/bin/id mine; chmod 6755 mine; ./mine -u; ./mine -ru",
            log="1000\n1000\n"),
    Attempt("the host's set-uid programs: su, passwd, mount, newuidmap", "nosuid, no_new_privs",
            "for p in su passwd mount newuidmap sudo; do f=$(command -v $p) || continue; "
            "{ echo | $f root -c 'id -u' || true; } 2>/dev/null | grep -x 0 || true; done; echo done", log="done\n"),
    probe("devices: making them, and those of the host", CAPS, "devices",
          refused("mknod mem", "mknod disk") + "mknod whiteout: done\n" +
          refused("/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/net/tun", "/dev/fuse", "/dev/loop-control", "/dev/loop0", "/dev/sda",
                  "/dev/vda", "/dev/console", "/dev/tty1", "/dev/uinput", "/dev/vsock", "/dev/mapper/control", error="ENOENT")),
    Attempt("writing to /proc: core_pattern, sysrq, sysctls, drop_caches, another's limits", "masked and read-only /proc",
            """for f in sys/kernel/core_pattern sysrq-trigger sys/kernel/hostname sys/vm/drop_caches sys/net/ipv4/ip_forward \\
	sys/kernel/randomize_va_space self/setgroups self/gid_map irq/default_smp_affinity sys/fs/file-max; do
	if [ ! -c /proc/$f ] && (echo 1 > /proc/$f) 2>/dev/null; then echo "$f: written"; fi
done
echo done""", log="done\n"),
    Attempt("reading the kernel through /proc: kcore, kallsyms, keys, iomem", "masked /proc",
            """head -c 16 /proc/kcore 2>/dev/null | wc -c; cat /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c
grep -cv '^0*[ ]' /proc/kallsyms || true; grep -cv '^ *0*-0* ' /proc/iomem || true""", log="0\n0\n0\n0\n"),
    Attempt("the way up: .., /proc/1/root, /proc/self/cwd, the host's directories", "pivot_root into a file system of its own",
            lambda site: f"""ls -A /../../.. | tr '\\n' ' '; echo
for f in {site.directory} /root /home/build/../../root /sys/fs /var/lib /proc/1/root /proc/1/cwd/etc; do
	[ ! -e "$f" ] || echo "$f is there"; done
cd -P /proc/self/root/../..; pwd -P""",
            log=lambda site: " ".join(sorted(filter(None, site_root()))) + " \n/\n"),
    Attempt("writing to the system: /usr, /etc, /bin, other names for them", "read-only mounts, Landlock",
            """for f in /usr/x /etc/passwd /bin/sh /lib/x /proc/self/root/usr/x /x /run/x /opt/x /var/x /home/x; do
	if (echo x > $f) 2>/dev/null; then echo "$f: written"; fi
done
echo done""", log="done\n"),
    Attempt("cgroups: its own limits, release_agent", "no cgroup file system",
            "ls /sys 2>&1 | head -1; cut -d: -f3 /proc/self/cgroup | sort -u | tr '\\n' ' '",
            log="ls: cannot access '/sys': No such file or directory\n/ \n"),
]


def site_root():
    import os
    names = ["bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "mnt", "opt", "proc", "run", "sbin", "tmp", "usr",
             "var", "workspace"]
    host = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"}
    return [name for name in [".volume", *names] if name not in host or os.path.lexists("/" + name)]
