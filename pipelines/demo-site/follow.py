"""Follows runs for the story of `show`: a line for whatever happens, and at the end a table of stages, jobs and times."""

import datetime
import os
import re
import sys
import time

from stage import Trouble

LOOK_S, APPEARS_S, GOES_ON_S = 0.15, 60, 180
ENDED = {"succeeded", "failed", "cancelled", "superseded", "rolled_back", "skipped", "lost"}
HAS_COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
COLOURS = {"succeeded": 32, "live": 32, "failed": 31, "rolled_back": 33, "cancelled": 31}
BEGAN = time.monotonic()


# What a target's probe answers.
REPORTS = {"": "", "same": "the same", "drifted": "{}", "unknown": "nothing"}


def paint(text, code):
    return f"\x1b[{code}m{text}\x1b[0m" if HAS_COLOUR and code else text


def paint_state(state, width=0):
    return paint(f"{state.replace('_', ' '):<{width}}", COLOURS.get(state))


def short(version):
    """A digest at a length that still tells it apart."""
    return version.removeprefix("sha256:")[:12] or "-"


def shorten(text):
    """Digests in sentences."""
    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]*", r"\1", text)


def tell(run, what, text):
    print(f"  {time.monotonic() - BEGAN:6.1f} s  {run:<9} {what:<14} {shorten(text)}", flush=True)


def tell_command(person, *words):
    line = " ".join(f'"{word}"' if " " in word else word for word in words)
    print(paint(f"            {person}$ {line}", 1), flush=True)


def seconds(thing):
    if not thing["started_at"] or not thing["ended_at"]:
        return ""
    start, end = (datetime.datetime.fromisoformat(thing[key].replace("Z", "+00:00")) for key in ("started_at", "ended_at"))
    return f"{(end - start).total_seconds():.1f} s"


def jobs_of(stage):
    return stage.get("jobs") or []


class Follower:
    """One run until it has ended. `people` answer its gates: {stage: [(person, comment), ...]}."""

    def __init__(self, stage, name, people=None):
        self.stage, self.name, self.people = stage, name, people or {}
        self.told, self.takes_down = set(), False

    def once(self, key):
        if key in self.told:
            return False
        self.told.add(key)
        return True

    def follow(self, on_look=None):
        deadline = time.monotonic() + GOES_ON_S
        while time.monotonic() < deadline:
            run = self.stage.run(self.name)
            self.takes_down = run["run"]["event"] == "teardown"
            for stage in run["stages"]:
                self.look_at(stage)
                if stage["state"] == "queued" and run["run"]["waiting_for"] and self.once(run["run"]["waiting_for"]):
                    tell(self.name, stage["name"], f"waits for {run['run']['waiting_for']}")
            if on_look:
                on_look(run)
            if run["run"]["state"] in ENDED:
                self.tell_end(run["run"])
                return run
            time.sleep(LOOK_S)
        waits = run["run"]["waiting_for"]
        raise Trouble(f"{self.name} did not end within {GOES_ON_S} s" + (f": it waits for {waits}" if waits else "") +
                      f"\n  what to do: penstock show {self.name}")

    def look_at(self, stage):
        name = stage["name"]
        if stage["kind"] == "jobs":
            if stage["state"] in ENDED and self.once(stage["id"]):
                told = ", ".join(job["name"] + ("" if job["state"] == "succeeded" else f" {job['state']}") for job in jobs_of(stage))
                tell(self.name, name, f"{paint_state(stage['state'])}: {told} ({seconds(stage) or 'not run'})")
            return
        gate = stage.get("gate")
        if gate and gate["state"] == "open" and stage["state"] == "gated" and self.once(("gate", stage["id"])):
            self.answer(stage, gate)
        for wave in (stage.get("delivery") or {"waves": []})["waves"]:
            self.look_at_wave(stage, wave)

    def answer(self, stage, gate):
        wanted = f"{gate['approvals']} of {', '.join(gate['groups'])}" + (", nobody approves their own change" if gate["author"] == "deny" else "")
        tell(self.name, stage["name"], f"waits at its gate for {wanted}")
        for person, comment in self.people.get(stage["name"], []):
            words = ["approve", self.name, "--stage", stage["name"], *(["--comment", comment] if comment else [])]
            tell_command(person, "penstock", *words)
            self.stage.penstock(*words, person=person)

    def look_at_wave(self, stage, wave):
        what = stage["name"] + (f", wave {wave['number']}" if len(stage["delivery"]["waves"]) > 1 else "")
        for one in wave["deployments"]:
            # On a busy machine users may meet a bad version, and the alarm take it back, while its deployment is still verified.
            if one["state"] in ("live", "rolled_back") and self.once(("live", one["id"])):
                change = f"{short(one['version'])} is taken down" if self.takes_down else \
                    f"{short(one['previous'])} -> {paint(short(one['version']), 1)}"
                tell(self.name, what, f"{one['target']}: {change}")
        if wave["state"] == "baking" and wave["bake_ms"] and self.once(("bake", stage["id"], wave["number"])):
            alarms = ", ".join(stage["delivery"]["alarms"])
            tell(self.name, what, f"bakes {wave['bake_ms'] / 1000:g} s" + (f", watched by {alarms}" if alarms else ""))
        if wave["held"] and wave["state"] in ("pending", "deploying") and self.once(("held", stage["id"], wave["held"])):
            tell(self.name, what, f"waits for {wave['held']}")

    def tell_end(self, run):
        why = f": {run['reason']}" if run["reason"] and run["state"] != "succeeded" else ""
        tell(self.name, "", f"{paint_state(run['state'])}{why} ({seconds(run)})")


def find_run(stage, event, wanted):
    """The name of the newest run of this event for which wanted(run) holds, once there is one."""
    deadline = time.monotonic() + APPEARS_S
    while time.monotonic() < deadline:
        for run in stage.api("/runs?repository=tally&limit=20")["runs"]:
            if run["event"] == event and wanted(run):
                return run["name"]
        time.sleep(LOOK_S)
    triggers = stage.penstock("triggers", may_fail=True)
    raise Trouble(f"no run came of this {event} within {APPEARS_S} s; penstock triggers says:\n{triggers}"
                  f"  what to do: see {stage.base}/server.log")


# --- at the end ---

def rows_of(run):
    head = run["run"]
    title = head["title"] if head["kind"] == "rollback" else f"{head['pipeline']}: {head['title']}"
    yield head["name"], shorten(title)[:70], head["state"], seconds(head)
    for stage in run["stages"]:
        yield "", f"  {stage['name']}", stage["state"], seconds(stage)
        if stage["kind"] == "jobs":
            for job in jobs_of(stage):
                yield "", f"    {job['name']}", job["state"], seconds(job)
        for wave in (stage.get("delivery") or {"waves": []})["waves"]:
            yield "", f"    wave {wave['number']}: {', '.join(wave['targets'])}", wave["state"], seconds(wave)


def summarize_runs(runs):
    rows = [row for run in runs for row in rows_of(run)]
    width = max(len(text) for _, text, _, _ in rows)
    for name, text, state, took in rows:
        print(f"  {name:<9} {text:<{width}}  {paint_state(state, 11)}  {took:>8}".rstrip())


def summarize_board(stage):
    rows = [(one["environment"], one["target"], short(one["version"]), one["run"], REPORTS[one["report"]].format(short(one["reported"])))
            for one in stage.api("/board")["targets"]]
    for row in [("", "", "version", "by run", "its host says"), *rows]:
        print("  {:<13} {:<10} {:<13} {:<9} {}".format(*row).rstrip())
    for one in stage.api("/quarantine")["quarantine"]:
        print(f"  quarantine: {short(one['version'])} stays out of {one['environment']}: {one['reason']}")
