"""All attempts, by what they go for, and the page that lists them."""
import dataclasses

import bombs
import files
import kernel
import logs
import reach


@dataclasses.dataclass
class Group:
    name: str
    about: str
    attempts: list


GROUPS = [
    Group("too much", "Bombs of every kind.", bombs.ATTEMPTS),
    Group("the kernel", "System calls, rights, `/proc`, devices.", kernel.ATTEMPTS),
    Group("others", "Processes, secrets and sockets of host, worker and neighbour; the network.", reach.ATTEMPTS),
    Group("files", "Repositories, artifacts and outputs made by an enemy.", files.ATTEMPTS),
    Group("logs and ends", "What is printed, and how steps end or refuse to.", logs.ATTEMPTS),
]

HEAD = """# What the abuse suite tries

Printed by `tests/abuse/run --list`; `tests/run abuse` does all of it against a real worker, as root (profile `full`) and as an ordinary
account (profile `user`). After each attempt it also looks that a process, a file and sockets outside are untouched, that the job
in the other slot noticed nothing, that the next job in the same slot finds exactly what a first one finds, and that the host's
processes, mounts, loop devices, cgroups, shared memory and descriptors are as before.
"""

TAIL = """
## What is not covered

- Holes in the kernel itself, and what hardware gives away (timing, caches).
- Secrets that a step transforms in other ways than base64, hex and percent-encoding before it prints them.
- What a step with `network: egress` sends to machines that it may reach.
- In profile `user`: memory and CPU, as the table says.
- Disk bandwidth.
"""


def cell(text):
    return text.replace("|", "\\|")


def row_of(row):
    user = row.for_profile("user")
    ends, by = row.end(), row.stopped_by
    if user.end() != ends:
        ends += f"; in profile `user` {user.end()}"
    if user.stopped_by != by:
        by += f"; {user.stopped_by}"
    return f"| {cell(row.name)} | {cell(by)} | {cell(ends)} |"


def page():
    parts = [HEAD, f"{sum(len(group.attempts) for group in GROUPS)} attempts."]
    for group in GROUPS:
        parts.append(f"\n## {group.name[0].upper()}{group.name[1:]}\n\n{group.about}\n\n"
                     "| attempt | stopped by | the job ends with |\n| --- | --- | --- |")
        parts += map(row_of, group.attempts)
    return "\n".join([*parts, TAIL])
