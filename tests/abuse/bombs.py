"""Too much of something."""
import re

from attempt import Attempt

# In profile `user` nothing limits memory: there the attempts take a bounded amount, and the row says so.
NOT_LIMITED = "nothing in profile `user`: memory is not limited there"


def memory_bomb(name, words, amount, what, **more):
    return Attempt(name, "memory limit", f"exec ./probe {words}", reason="out_of_memory", signal=9, log="",
                   message="needed more memory than the job may have (256 MiB)",
                   user={"steps": f"./probe {words} {amount}", "reason": "exit", "signal": 0, "message": "",
                         "log": f"{what}: {amount} and no end\n", "stopped_by": NOT_LIMITED}, **more)


def process_bomb(name, words, log, **more):
    return Attempt(name, "process limit", words, reason="too_many_processes", exit_code=1, log=log,
                   message="wanted more processes at a time than the job may have (200)",
                   user={"reason": "exit", "message": "exited with code 1"}, **more)


ATTEMPTS = [
    process_bomb("processes: forks without end", "./probe forks", "forks: EAGAIN\n"),
    process_bomb("processes: zombies that nobody reaps", "./probe zombies", "zombies: EAGAIN\n"),
    process_bomb("processes: threads", "./probe threads", "threads: EAGAIN\n"),
    Attempt("processes: a storm of forks, until the timeout", "process limit, the end of the process namespace",
            {"name": "storm", "run": "exec ./probe fork-storm", "timeout_ms": 1500}, reason="timeout", signal=None, log="storm\n",
            message="ran into its timeout"),
    Attempt("processes: a fork bomb of shells that its step does not wait for", "process limit, the end of the step",
            # Behind the first process of the bomb the step's own shell may find no room for another.
            "f() { f | f & }; sleep 0.3 & s=$!; (f) 2>/dev/null & wait $s; echo over", log=re.compile(rb"(.*\n)*over\n")),
    memory_bomb("memory: plain", "memory", 400, "memory"),
    memory_bomb("memory: files in memory", "memfd", 400, "memfd"),
    memory_bomb("memory: System V shared memory", "shared-memory", 400, "shared memory"),
    memory_bomb("memory: messages in sockets that nobody reads", "sockets", 3000, "socket buffers"),
    Attempt("memory: /dev/shm", "size of the tmpfs", "./probe file /dev/shm/x", exit_code=1, log="file: ENOSPC\n"),
    Attempt("disk: workspace", "disk limit", "./probe file x", reason="disk_full", exit_code=1, log="file: ENOSPC\n",
            message="filled the job's disk (64 MiB)"),
    Attempt("disk: home", "disk limit", "./probe file ~/x", reason="disk_full", exit_code=1, log="file: ENOSPC\n"),
    Attempt("disk: /tmp", "size of the tmpfs", "./probe file /tmp/x", reason="disk_full", exit_code=1, log="file: ENOSPC\n"),
    Attempt("disk: inodes", "inode limit", "mkdir d; cd d; ../probe inodes", reason="disk_full", exit_code=1, log="inodes: ENOSPC\n"),
    Attempt("disk: inodes of /tmp", "inode limit", "p=$PWD/probe; cd /tmp; $p inodes", reason="disk_full", exit_code=1,
            log="inodes: ENOSPC\n"),
    Attempt("disk: sparse giants, and one that wants all its space", "disk limit", "./probe giants",
            log="sparse: done\nblocks: 0\nsolid: refused\n"),
    Attempt("disk: a tree of 5000 levels that has to be removed", "the removing helper goes level by level", "./probe depth 5000",
            log=re.compile(rb"deep: \d+\n")),
    Attempt("disk: files and directories without any permission", "the removing helper owns them",
            "mkdir -p a/b; echo x > a/b/c; chmod 0 a/b/c a/b a; chmod 0 .", log=""),
    Attempt("descriptors: open files without end, a higher limit", "RLIMIT_NOFILE", "./probe descriptors",
            log="raise the limit: EPERM\nEMFILE, at most 65536\n"),
    Attempt("descriptors: inotify", "limits of the user namespace", "./probe watches", log="inotify: EMFILE\n"),
    Attempt("descriptors: pseudo terminals", "kernel.pty.max without its reserve", "./probe terminals", log="terminals: refused\n"),
    Attempt("CPU: all cores, all signals ignored", "timeout, SIGKILL",
            {"name": "spin", "run": "exec ./probe spin", "timeout_ms": 1500}, reason="timeout", signal=9, log="spinning\n",
            message="ran into its timeout of 1s500ms"),
    Attempt("CPU: priorities, real time, no OOM killer", "no capabilities", "./probe priority",
            log="nice -20: EACCES\nreal time: EPERM\nio priority: EPERM\nreal time limit: EPERM\noom score: EACCES\n"),
]
