"""What processes cost, from /proc: processor time and memory of a tree of them."""

import os

TICK = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, pid):
        self.pid = pid
        with open(f"/proc/{pid}/stat") as stat:
            head, _, tail = stat.read().rpartition(")")
        fields = tail.split()
        self.name, self.parent = head.partition("(")[2], int(fields[1])
        # Its own, and that of its children which have ended and were waited for, and of theirs.
        self.cpu_s = sum(int(field) for field in fields[11:15]) / TICK


def below(root):
    """The process and all that descend from it."""
    every = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            every[int(entry)] = Process(entry)
        except (OSError, ValueError):
            continue  # it has just ended
    tree, grew = {root}, True
    while grew:
        more = {pid for pid, process in every.items() if process.parent in tree} - tree
        tree |= more
        grew = bool(more)
    return [every[pid] for pid in tree if pid in every]


def cpu_of(root, part_of):
    """Seconds of processor time that the tree has used so far, by part_of(name of the program)."""
    parts = {}
    for process in below(root):
        part = part_of(process.name)
        parts[part] = parts.get(part, 0) + process.cpu_s
    return parts


def memory_kib(pid, what="Pss"):
    """A line of smaps_rollup. Pss shares out what several processes map; Pss_Anon is without what is shared with others."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(what + ":"))
