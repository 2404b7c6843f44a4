"""Where the attempts take place: a worker of two slots with a coordinator, a neighbour in the first slot, canaries outside, and a
look at the host that must not change."""
import collections
import ctypes
import glob
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from attempt import SLOWNESS
from fake_coordinator import Coordinator
from packs import Objects

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILD", ROOT / "build"))
BIN = pathlib.Path(os.environ.get("PENSTOCK_BIN", BUILD / "bin"))
PROBE = pathlib.Path(os.environ.get("PENSTOCK_PROBE", BIN.parent / "tests/abuse_probe"))
FIRST_RANGE = 5000
WAIT_S, SETTLE_S = 60 * SLOWNESS, 30 * SLOWNESS
MIB = 1 << 20
PR_SET_CHILD_SUBREAPER = 36

# What every job gets unless its attempt says otherwise. Limits that stay the same let the slot be used again.
DEFAULTS = {"network": "none", "timeout_ms": int(30000 * SLOWNESS), "grace_ms": 300, "memory_bytes": 256 * MIB, "disk_bytes": 64 * MIB,
            "processes": 200, "log_max_bytes": MIB, "fetch_depth": 1}


def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def owner(path):
    try:
        return os.lstat(path).st_uid
    except OSError:  # somebody else's, gone meanwhile
        return None


def families():
    """{pid: (parent, name)} of every process but zombies."""
    found = {}
    for entry in os.listdir("/proc"):
        stat = read(f"/proc/{entry}/stat") if entry.isdigit() else ""
        if stat:
            name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
            if rest[0] not in "ZX":
                found[int(entry)] = (int(rest[1]), name)
    return found


def below(pid, processes):
    found, grew = {pid}, True
    while grew:
        more = {child for child, (parent, _) in processes.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found - {pid}


def own_address():
    """An address of this machine that is not loopback; None where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return None


class Canaries:
    """A process, a file and sockets outside that nobody in a job may reach. `damage()` says what was touched."""

    def __init__(self, directory):
        self.secret = "canary-" + secrets.token_hex(12)
        self.directory = directory / "canary"
        self.directory.mkdir()
        self.file = self.directory / "file"
        self.file.write_text(self.secret)
        os.chmod(self.file, 0o666)
        os.chmod(self.directory, 0o777)
        self.process = subprocess.Popen([PROBE, "canary", self.secret], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.process.stdout.readline()
        os.set_blocking(self.process.stdout.fileno(), False)
        self.touched = []
        self.sockets = {}
        self.abstract = "penstock-" + secrets.token_hex(6)
        address = own_address()
        self.listen("loopback", socket.AF_INET, ("127.0.0.1", 0))
        if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6") and read("/proc/net/if_inet6"):
            self.listen("loopback6", socket.AF_INET6, ("::1", 0))
        if address:
            self.listen("address", socket.AF_INET, (address, 0))
        self.listen("abstract", socket.AF_UNIX, "\0" + self.abstract)
        self.listen("path", socket.AF_UNIX, str(self.directory / "socket"))
        os.chmod(self.directory / "socket", 0o777)
        self.state = self.look()

    def listen(self, name, family, address):
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(address)
        server.listen()
        self.sockets[name] = server
        threading.Thread(target=self.serve, args=(name, server), daemon=True).start()
        if family == socket.AF_INET:
            datagrams = socket.socket(family, socket.SOCK_DGRAM)
            datagrams.bind((address[0], server.getsockname()[1]))
            self.sockets[name + " udp"] = datagrams
            threading.Thread(target=self.serve, args=(name + " udp", datagrams), daemon=True).start()

    def serve(self, name, server):
        try:
            while True:
                if server.type == socket.SOCK_STREAM:
                    server.accept()[0].close()
                else:
                    server.recv(100)
                self.touched.append(name)
        except OSError:
            pass

    def where(self, name):
        """The words that name a socket to `probe reach`."""
        address = self.sockets[name].getsockname()
        if name == "abstract":
            return f"@{self.abstract} 0"
        return f"{address} 0" if isinstance(address, str) else f"{address[0]} {address[1]}"

    def look(self):
        info = os.stat(self.file)
        return self.file.read_text(), info.st_mode, info.st_uid, info.st_mtime_ns, sorted(os.listdir(self.directory))

    def damage(self):
        stat = read(f"/proc/{self.process.pid}/stat").rpartition(")")[2].split()
        said = self.process.stdout.read()
        return [text for text, is_so in (
            ("the canary process is not as it was", self.process.poll() is not None or stat[0] != "S"),
            (f"the canary process got {said}", said),
            ("the canary process is traced", "TracerPid:\t0" not in read(f"/proc/{self.process.pid}/status")),
            ("the canary file was touched", self.look() != self.state),
            (f"somebody reached {self.touched}", self.touched)) if is_so]

    def close(self):
        for server in self.sockets.values():
            try:
                server.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            server.close()
        self.process.kill()
        self.process.wait()


class Site:
    def __init__(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what escapes a job comes to us
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="penstock-abuse-", dir="/tmp"))
        os.chmod(self.directory, 0o755)
        self.token = "pw_" + secrets.token_hex(16)
        self.secret = "worker-" + secrets.token_hex(16)
        self.server_address = "198.51.100.7"  # as if the server were elsewhere; the worker is told to deny it
        self.canaries = Canaries(self.directory)
        self.coordinator = Coordinator(self.token, [self.server_address])
        self.worker = self.start_worker()
        if not self.coordinator.wait(lambda: self.coordinator.facts, WAIT_S):
            raise SystemExit("the worker does not register:\n" + read(self.directory / "worker.log"))
        self.profile = self.coordinator.facts["profile"]
        self.has_egress = any(layer["name"] == "network egress" and layer["state"] == "on"
                              for layer in self.coordinator.facts["layers"])
        self.probe = PROBE.read_bytes()
        objects = Objects()
        self.commit = objects.commit_of({"probe": ("100755", self.probe)})
        self.coordinator.add_repository("probe", self.commit, objects)
        self.neighbour = self.coordinator.submit(self.spec(["exec ./probe neighbour"], timeout_ms=3600000))
        if not self.coordinator.wait(lambda: self.neighbour.log == b"ready\n", WAIT_S):
            raise SystemExit(f"the neighbour does not come up: {self.neighbour.log} {self.neighbour.result}")
        self.clean = self.look_inside()
        self.clean = self.look_inside()  # the first one also made the slot
        self.host = self.settled()

    def start_worker(self):
        environment = dict(os.environ, PENSTOCK_WORKER_TOKEN=self.token, WORKER_SECRET=self.secret)
        with open(self.directory / "worker.log", "w") as log:
            return subprocess.Popen(
                [BIN / "penstock-worker", "--server-url", f"http://127.0.0.1:{self.coordinator.port}", "--slots", "2",
                 "--work-dir", self.directory / "work", "--first-range", str(FIRST_RANGE), "--name", "target",
                 "--log-level", "warn"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                start_new_session=True, cwd="/")

    def close(self):
        self.coordinator.cancel(self.neighbour, "the suite is over")
        self.coordinator.wait(lambda: self.neighbour.result, WAIT_S)
        self.worker.send_signal(signal.SIGTERM)
        try:
            status = self.worker.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            status = "does not end"
            self.worker.kill()
            self.worker.wait()
        self.coordinator.close()
        self.canaries.close()
        left = [name for _, name in (families().get(pid, (0, "")) for pid in below(os.getpid(), families())) if name]
        log = read(self.directory / "worker.log")
        shutil.rmtree(self.directory, ignore_errors=True)
        return [text for text, is_so in ((f"the worker's exit: {status}\n{log}", status != 0),
                                         (f"left running: {left}", left)) if is_so]

    # ---- jobs ----

    def spec(self, steps, **changes):
        """A job_spec of shell scripts, in a workspace that holds the probe."""
        return {"repository": "probe", "commit": self.commit,
                "steps": [step if isinstance(step, dict) else {"name": f"step {i + 1}", "run": step}
                          for i, step in enumerate(steps)], **DEFAULTS, **changes}

    def run(self, spec, cancel_at=None):
        """Runs a job to its end; cancels it when its log holds that text."""
        attempt = self.coordinator.submit(spec)
        if cancel_at is not None:
            self.coordinator.wait(lambda: cancel_at in attempt.log or attempt.result, WAIT_S)
            self.coordinator.cancel(attempt, "enough")
        if not self.coordinator.wait(lambda: attempt.result, WAIT_S):
            raise AssertionError(f"no end within {WAIT_S} s: {self.coordinator.fault} {attempt.log[-300:]!r}")
        return attempt

    def look_inside(self):
        """All that a job finds, by a job in the attempts' slot."""
        attempt = self.run(self.spec(["./probe look"]))
        log = re.sub(r"/dev/loop\d+", "/dev/loopN", attempt.log.decode(errors="replace"))  # whichever was free
        return f"{attempt.result['reason']} {attempt.result.get('message', '')}\n{log}"

    # ---- the host ----

    def look_outside(self):
        """What must be the same before an attempt and after it."""
        processes = families()
        ours = below(self.worker.pid, processes)
        everybody = below(os.getpid(), processes)
        ids = range(100000 + 65536 * FIRST_RANGE, 100000 + 65536 * (FIRST_RANGE + 3))
        state = str(self.directory / "work/sandbox")
        launcher = next((pid for pid in ours if processes[pid][0] == self.worker.pid), 0)
        mine = [line.split() for path in ("msg", "sem", "shm") for line in read(f"/proc/sysvipc/{path}").splitlines()[1:]]
        return {
            "processes": sorted(collections.Counter(processes[pid][1] for pid in everybody).items()),
            "worker": self.worker.poll(),
            "launcher": launcher,
            "mounts": sorted(read("/proc/self/mountinfo").splitlines()),
            "launcher's mounts": len(read(f"/proc/{launcher}/mountinfo").splitlines()),
            "loop devices": sorted(filter(lambda path: path.startswith(state),
                                          map(read, glob.glob("/sys/block/loop*/loop/backing_file")))),
            "cgroups": self.cgroups(state),
            "open files": [self.count_files(self.worker.pid), self.count_files(launcher)],
            "ipc": [words for words in mine if len(words) > 7 and any(w.isdigit() and int(w) in ids for w in words[2:])],
            "files": sorted(path for place in ("/tmp", "/dev/shm", "/var/tmp") for path in glob.glob(place + "/*")
                            if owner(path) in ids),
            "work": sorted(str(path.relative_to(self.directory)) for name in ("tmp", "spool", "sandbox")
                           for path in (self.directory / "work" / name).glob("*")),
            "kernel": [read(f"/proc/sys/kernel/{name}") for name in ("core_pattern", "hostname", "domainname", "tainted")],
        }

    def settled(self):
        """What it looks like when nothing has moved for a second."""
        before, looks = None, 0
        while looks < 5:
            now = self.look_outside()
            before, looks = now, looks + 1 if now == before else 0
            time.sleep(0.2)
        return before

    @staticmethod
    def count_files(pid):
        try:
            links = [os.path.join(f"/proc/{pid}/fd", name) for name in os.listdir(f"/proc/{pid}/fd")]
            # Connections to the coordinator come and go.
            return sum(os.path.islink(link) and not os.readlink(link).startswith("socket:") for link in links)
        except OSError:
            return None

    @staticmethod
    def cgroups(state):
        """The launcher's groups, named after its directory, with how many processes are in each."""
        name = 14695981039346656037
        for byte in state.encode():
            name = (name ^ byte) * 1099511628211 % 2**64
        roots = glob.glob(f"/sys/fs/cgroup/**/penstock-{name:016x}", recursive=True)
        return sorted((str(path.parent), len(read(path).split())) for root in roots
                      for path in pathlib.Path(root).rglob("cgroup.procs"))

    def damage(self):
        """What an attempt that has ended has changed: canaries, neighbour, host, and what the next job finds."""
        found = []
        inside = self.look_inside()
        if inside != self.clean:
            before, after = self.clean.splitlines(), inside.splitlines()
            found.append("the next job finds another place: gone " + repr([l for l in before if l not in after]) + ", new " +
                         repr([l for l in after if l not in before]))
            self.clean = inside  # one report for each
        deadline = time.monotonic() + SETTLE_S
        while (outside := self.look_outside()) != self.host and time.monotonic() < deadline:
            time.sleep(0.02)
        found += [f"the host's {name}: {self.host[name]} → {value}" for name, value in outside.items() if value != self.host[name]]
        self.host = outside
        if self.neighbour.log != b"ready\n" or self.neighbour.result:
            found.append(f"the neighbour says {self.neighbour.log[-200:]} {self.neighbour.result}")
        if self.coordinator.fault:
            found.append(self.coordinator.fault)
            self.coordinator.fault = ""
        return found + self.canaries.damage()
