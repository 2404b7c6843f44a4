"""The same work by Buildbot, as Debian packages it: a master with its SQLite and one worker with as many slots as Penstock's, in a
directory that goes again. It does less: its steps run without a sandbox, as the account of its worker, and nothing is checked out.

Packages are installed by apt-get when they are missing, as root or by sudo; Debian's start nothing as long as no instance is configured."""

import contextlib
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import penstock_side
from processes import below, cpu_of, memory_kib
from programs import Program, free_port, wait_until
from table import Row, rank

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ("buildbot", "buildbot-worker")
SLOTS, TRIGGERS, DRAINED, LOG_MB = penstock_side.SLOTS, 30, 80, 30

MASTER = """
from buildbot.plugins import changes, schedulers, steps, util, worker
slots = ["slot%d" % i for i in range({slots})]

def builder(name, *commands):
    return util.BuilderConfig(name=name, workernames=["one"], factory=util.BuildFactory(
        [steps.ShellCommand(command=["sh", "-c", command]) for command in commands]))

def scheduler(name, builders):
    return schedulers.SingleBranchScheduler(name=name, change_filter=util.ChangeFilter(branch=name), treeStableTimer=None,
                                            builderNames=builders)

BuildmasterConfig = {{
    "workers": [worker.Worker("one", "bench", max_builds={slots})],
    "protocols": {{"pb": {{"port": "tcp:{port}:interface=127.0.0.1"}}}},
    "change_source": [changes.PBChangeSource(user="bench", passwd="bench")],
    "schedulers": [scheduler("start", ["start"]), scheduler("drain", slots), scheduler("log", ["log"])],
    "builders": [builder("start", "date +%s%N >> {times}/start"), builder("log", "cat {times}/log"),
                 *[builder(name, "date +%s%N >> {times}/drain") for name in slots]],
    "collapseRequests": False,
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
"""


def install():
    if all(shutil.which(program) for program in PACKAGES):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    print("bench/run: installing " + " and ".join(PACKAGES), file=sys.stderr)
    done = subprocess.run([*as_root, "env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y",
                           "--no-install-recommends", *PACKAGES], stdout=sys.stderr)
    if done.returncode != 0:
        raise SystemExit("bench/run: apt-get could not install Buildbot; `apt-get update` first may help")


class Buildbot:
    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-bench-buildbot-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.make(free_port())
            self.master = self.start(stack, "buildbot", "master")
            self.master.wait_until(lambda: "BuildMaster is running" in self.twisted_log("master"), "Buildbot's master runs")
            self.worker = self.start(stack, "buildbot-worker", "worker")
            self.worker.wait_until(lambda: "Connected to" in self.twisted_log("worker"), "Buildbot's worker is connected")
            self.changes = subprocess.Popen(["/usr/bin/python3", HERE / "buildbot_changes.py", str(self.port)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True, bufsize=1)
            stack.callback(self.changes.wait)
            stack.callback(self.changes.stdin.close)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def make(self, port):
        self.port = port
        for command in (["buildbot", "create-master", "master"],
                        ["buildbot-worker", "create-worker", "worker", f"127.0.0.1:{port}", "one", "bench"]):
            subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        (self.folder / "master/master.cfg").write_text(MASTER.format(slots=SLOTS, port=port, times=self.folder))
        with open(self.folder / "log", "w") as log:
            subprocess.run(f"seq -f '%.0f {penstock_side.LINE}' 1 9999999 | head -c {LOG_MB}000000", shell=True, stdout=log)

    def start(self, stack, program, directory):
        started = Program([shutil.which(program), "start", "--nodaemon", self.folder / directory], self.folder / (directory + ".out"), None)
        stack.callback(started.stop)
        return started

    def twisted_log(self, directory):
        path = self.folder / directory / "twistd.log"
        return (path.read_text() if path.exists() else "") + (self.folder / (directory + ".out")).read_text()

    def change(self, branch, count=1):
        """Sends changes; the time before the first, in nanoseconds."""
        self.changes.stdin.write(f"{branch} {count}\n")
        return int(self.changes.stdout.readline())

    def times(self, name):
        path = self.folder / name
        return sorted(int(line) for line in path.read_text().split()) if path.exists() else []

    def builds_ended(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/master/state.sqlite?mode=ro", uri=True)) as database:
            return database.execute("select count(*) from builds where results is not null").fetchone()[0]

    def wait_ended(self, count, seconds):
        def is_over():
            with contextlib.suppress(sqlite3.OperationalError):  # it is being written
                return self.builds_ended() >= count
        wait_until(is_over, f"{count} builds of Buildbot end", seconds)


# --- each as its namesake in penstock_side.py ---

def trigger_to_step(bot):
    late, before = [], bot.builds_ended()
    for number in range(TRIGGERS):
        sent = bot.change("start")
        bot.wait_ended(before + number + 1, 30)
        late.append((bot.times("start")[-1] - sent) / 1e6)
    return [Row("trigger sent to first step started, median", statistics.median(late), "ms"),
            Row(f"trigger sent to first step started, p99 of {TRIGGERS}", rank(late, 0.99), "ms")]


def drain(bot):
    before, used = bot.builds_ended(), cpu_time(bot)
    bot.change("drain", DRAINED // SLOTS)
    bot.wait_ended(before + DRAINED, 120)
    times = bot.times("drain")
    return [Row("one-step builds drained", (DRAINED - 1) * 1e9 / (times[-1] - times[0]), "jobs/s"),
            Row("  processor time of each", (cpu_time(bot) - used) * 1000 / DRAINED, "ms")]


def log(bot):
    before = bot.builds_ended()
    sent = bot.change("log")
    bot.wait_ended(before + 1, 120)
    return [Row("log through to storage", LOG_MB * 1e9 / (time.time_ns() - sent), "MB/s")]


def memory(bot):
    time.sleep(3)
    of = [sum(memory_kib(process.pid) for process in below(program.pid)) / 1024 for program in (bot.master, bot.worker)]
    return [Row("idle memory of server and worker (Pss)", sum(of), "MiB")]


def cpu_time(bot):
    return sum(sum(cpu_of(program.pid, lambda name: name).values()) for program in (bot.master, bot.worker))


# --- side by side ---

def own_rows():
    """Penstock's figures of the same things."""
    world = penstock_side.make_world()
    try:
        memory_rows = penstock_side.memory(world)
        start = penstock_side.trigger_to_step(world)
        drained = penstock_side.drain(world)
        seconds = penstock_side.log(world)[0].value
    finally:
        world.__exit__()
    return [*start, *drained[:2], Row("log through to storage", penstock_side.LOG_MB / seconds, "MB/s"),
            Row("idle memory of server and worker (Pss)", sum(row.value for row in memory_rows), "MiB")]


def peer_rows():
    install()
    with Buildbot() as bot:
        bot.change("start")
        bot.wait_ended(1, 60)  # warm
        rows = [*memory(bot), *trigger_to_step(bot), *drain(bot), *log(bot)]
        return rows[1:] + rows[:1]


def compare():
    """Pairs of rows, Penstock's and Buildbot's."""
    return list(zip(own_rows(), peer_rows()))
