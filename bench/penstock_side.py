"""What Penstock itself is measured by: a `penstock up` of its own, real pushes and pipelines, and times from its rows, which server and
worker wrote. Each function answers rows of bench/table.py."""

import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import time

from penstock_world import World
from processes import cpu_of, memory_kib
from rollback_side import rollback  # noqa: F401 (bench/run asks for it by name)
from table import Row, rank

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRIGGERS, PUSHES, APART_S = 200, 40, 0.1
SLOTS = 8
DRAINED, ROUNDS = 600, 3
LOG_MB = 100
STEP = {"start_ms": (25, 80), "drained": 300, "log_s": 1.5, "seen_ms": 150}

ONE = "name: one\non: { manual: {} }\nstages: [ { name: s, jobs: { j: { steps: [ { run: 'true' } ] } } } ]\n"
PUSHED = "name: pushed\non: { push: { branches: [main] } }\nstages: [ { name: s, jobs: { j: { steps: [ { run: 'true' } ] } } } ]\n"
LINE = "a line as long as lines of logs are, and no two are the same"
LOG = f"""name: log
on: {{ manual: {{}} }}
stages:
  - name: s
    jobs:
      j:
        steps:
          - run: seq -f '%.0f {LINE}' 1 9999999 | head -c {LOG_MB}000000 > log
          - run: cat log
"""
CLOCK = """name: clock
on: { manual: {} }
stages: [ { name: s, jobs: { j: { steps: [ { run: "for i in $(seq 1 100); do date +%s%N; sleep 0.03; done" } ] } } } ]
"""


def drain_pipeline(jobs):
    """So many jobs of one step, as matrices of 200."""
    text = "name: drain\non: { manual: {} }\nstages:\n  - name: s\n    jobs:\n"
    for i in range(jobs // 200):
        text += f"      d{i}: {{ matrix: {{ a: {list(range(20))}, b: {list(range(10))} }}, steps: [ {{ run: 'true' }} ] }}\n"
    return text


def files():
    """A small project: what is checked out for each job."""
    sources = {f"src/part{i}.c": f"int part{i}(int x)\n{{\n\treturn x + {i};\n}}\n" * 20 for i in range(20)}
    return {**sources, **queue(), ".penstock/one.yaml": ONE, ".penstock/pushed.yaml": PUSHED, ".penstock/log.yaml": LOG, ".penstock/clock.yaml": CLOCK}


def queue():
    """A repository with nothing but the pipeline."""
    return {".penstock/drain.yaml": drain_pipeline(DRAINED)}


def make_world():
    world = World(workers=SLOTS)
    world.__enter__()
    world.repository("queue", queue())
    world.push()
    world.run("repo", "poll", "queue", check=0)
    world.repository("web", files())
    world.push()
    world.wait_state(world.pushed_run(1), ["succeeded"])
    return world


def ms(start, end):
    def parse(text):
        return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:26])
    return (parse(end) - parse(start)) * 1000


def jobs_of(whole):
    return [job for stage in whole["stages"] for job in stage["jobs"]]


def begin(world, pipeline, repository="web"):
    return world.api("/runs", "POST", {"repository": repository, "pipeline": pipeline})["name"]


def finish(world, run, ends=("succeeded",)):
    """Asked seldom, since what is measured is not the asking."""
    while True:
        newest = next(found for found in world.api("/runs?limit=5")["runs"] if found["name"] == run)
        if newest["ended_at"]:
            break
        time.sleep(0.1)
    assert newest["state"] in ends, newest
    return world.show(run)


# --- from a trigger to its step ---

def start_rows(name, times, budgets=(None, None)):
    median, worst = budgets
    return [Row(f"{name} to first step started, median", statistics.median(times), "ms", median),
            Row(f"{name} to first step started, p99 of {len(times)}", rank(times, 0.99), "ms", worst)]


def trigger_to_step(world):
    names = []
    for _ in range(TRIGGERS):
        names.append(begin(world, "one"))
        time.sleep(APART_S)
    finish(world, names[-1])
    accepted = {run: trigger["created_at"] for trigger in world.api("/triggers?limit=200")["triggers"] for run in trigger["runs"]}
    late = [ms(accepted[name], jobs_of(world.show(name))[0]["started_at"]) for name in names]
    return start_rows("trigger accepted", late, STEP["start_ms"])


def push_to_step(world):
    """The fetch from the repository included, which is git's own time: it has no budget."""
    first = int(world.api("/runs?limit=1")["runs"][0]["name"].partition("#")[2]) + 1
    for i in range(PUSHES):
        world.commit({"src/part0.c": f"int part0;\n/* {i} */\n"}, f"Change {i}")
        world.push()
        finish(world, world.pushed_run(first + i))
    deliveries = world.api("/repositories/web/deliveries?limit=200")["deliveries"]
    taken = sorted(delivery["received_at"] for delivery in deliveries if delivery["event"] == "push")[-PUSHES:]
    steps = [jobs_of(world.show(f"web#{first + i}"))[0]["started_at"] for i in range(PUSHES)]
    return start_rows("push accepted, and fetched,", [ms(*pair) for pair in zip(taken, steps)])


# --- a queue ---

def part_of(name):
    for part in ("penstock-server", "penstock-worker", "postgres"):
        if name.startswith(part[:15]):
            return part
    return "sandbox" if name.startswith("penstock-") else "other"


def drain_rows(world, repository, what, budget=None):
    """The median of some rounds; processor time beside it says the same on a machine that others use, too."""
    rates, costs = [], {}
    for _ in range(ROUNDS):
        before = cpu_of(world.up.program.pid, part_of)
        jobs = jobs_of(finish(world, begin(world, "drain", repository)))
        seconds = ms(min(job["started_at"] for job in jobs), max(job["ended_at"] for job in jobs)) / 1000
        rates.append(len(jobs) / seconds)
        for part, used in cpu_of(world.up.program.pid, part_of).items():
            costs.setdefault(part, []).append((used - before.get(part, 0)) * 1000 / len(jobs))
    costs = {part: statistics.median(values) for part, values in costs.items() if part != "other"}
    return [Row(f"one-step jobs drained, 1 worker of {SLOTS} slots{what}", statistics.median(rates), "jobs/s", budget, at_least=True),
            Row("  processor time of each", sum(costs.values()), "ms"),
            *(Row(f"    of which {part}", cost, "ms") for part, cost in sorted(costs.items(), key=lambda item: -item[1]))]


def drain(world):
    """Of jobs that have nothing to check out but their pipeline, and of a small project's."""
    return drain_rows(world, "queue", "", STEP["drained"]) + drain_rows(world, "web", f", {len(files())} files each")


# --- logs ---

def log(world):
    """From the start of the step that prints until the server has the result, which it takes only behind the whole log."""
    seconds = []
    for _ in range(3):
        whole = finish(world, begin(world, "log"))
        seconds.append(ms(jobs_of(whole)[0]["steps"][1]["started_at"], whole["run"]["ended_at"]) / 1000)
    return [Row(f"{LOG_MB} MB of log through to storage", statistics.median(seconds), "s", STEP["log_s"])]


def visible(world):
    """A step prints the time; a follower of the log says when it has the line."""
    run = begin(world, "clock")
    follower = subprocess.Popen([os.path.join(os.environ["PENSTOCK_BIN"], "penstock"), "logs", "--follow", run], env=world.env,
                                stdout=subprocess.PIPE, text=True)
    late = [time.time() * 1000 - float(line) / 1e6 for line in follower.stdout if line.strip().isdigit()]
    late = late[10:]  # the first ones were printed before the follower was there
    return [Row("line printed to line seen, median", statistics.median(late), "ms", STEP["seen_ms"]),
            Row(f"line printed to line seen, worst of {len(late)}", max(late), "ms", STEP["seen_ms"])]


# --- at rest ---

def memory(world):
    time.sleep(3)
    return [Row(f"idle memory of {program} (Pss)", memory_kib(world.pids(program)[0]) / 1024, "MiB", budget)
            for program, budget in (("penstock-server", 25), ("penstock-worker", 10))]


def first_page(world):
    """The page, and the scripts and styles that it names, each as it is sent or by gzip."""
    def size(path):
        answer = world.up.call("GET", path, headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200, f"{path}: {answer.status}; scripts/build-web makes the pages"
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        return len(answer.body if is_packed else gzip.compress(answer.body)), gzip.decompress(answer.body) if is_packed else answer.body
    total, page = size("/")
    named = re.findall(rb'<(?:script|link)[^>]*(?:src|href)="(/[^"]+\.(?:js|css))"', page)
    return [Row("first page with scripts and styles, gzipped", (total + sum(size(path.decode())[0] for path in named)) / 1000, "KB", 100)]


# --- on their own ---

def other(program, *arguments):
    """The rows of another benchmark."""
    out = subprocess.run([program, "--json", *arguments], capture_output=True, text=True)
    try:
        return json.loads(out.stdout)
    except ValueError:
        raise SystemExit(f"{program} failed:\n{out.stdout}{out.stderr}") from None


def planning():
    return [Row("planning a run of 1,000 jobs", other(ROOT / "build/bench/bench_planning")["planning_ms"], "ms", 50)]


def connections():
    return [Row(row["what"], row["value"], row["unit"], row["budget"]) for row in other(ROOT / "bench/bench_idle")
            if row["budget"] and "connections" in row["what"]]


def lists():
    found = other(ROOT / "bench/bench_lists")
    worst = max(found["rows"], key=lambda row: row["p99_ms"])
    return [Row(f"slowest of {len(found['rows'])} lists and boards over {found['runs']:,} runs, p99: {worst['list'][8:]}", worst["p99_ms"],
                "ms", found["budget_ms"])]
