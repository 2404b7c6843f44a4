"""A running `penstock up` with a repository that tells it of pushes, for end-to-end tests.

Everything lives in one temporary folder and ends with the test, also when it is killed.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

from coordinator import Repository
from programs import PENSTOCK, Refused, Up, free_port, main, wait_until  # noqa: F401 (tests of a world run by main)


class World:
    def __init__(self, workers=2):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.dir = self.folder / "d"
        self.port = free_port()
        self.workers = workers
        self.up = None
        self.env = dict(os.environ, PENSTOCK_URL=f"http://127.0.0.1:{self.port}", NO_COLOR="1", LC_ALL="C")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if os.environ.get("PENSTOCK_KEEP"):
            print("kept", self.folder)
            return
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.up = Up(self.dir, self.port, self.workers, self.folder / "up.log")
        self.env["PENSTOCK_TOKEN"] = self.up.token

    def stop(self):
        if self.up:
            self.up.program.stop()

    def is_ready(self):
        return self.up.is_ready()

    def wait(self, condition, seconds, what):
        wait_until(condition, what, seconds)

    def ask(self, path, method="GET", body=None, token=None):
        answer = self.up.call(method, "/api/v1" + path, body, token or self.env["PENSTOCK_TOKEN"])
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return answer

    def api(self, path, method="GET", body=None, token=None):
        answer = self.ask(path, method, body, token)
        return answer.json() if answer.body else None

    def run(self, *words, check=None, text=None):
        """penstock WORDS: (exit code, stdout, stderr)."""
        p = subprocess.run([PENSTOCK, *words], env=self.env, capture_output=True, text=True, input=text, timeout=120)
        if check is not None:
            assert p.returncode == check, f"penstock {' '.join(words)}: exit {p.returncode}, not {check}\n{p.stdout}{p.stderr}"
        return p.returncode, p.stdout, p.stderr

    def git(self, *words, cwd=None):
        return self.origin.git(*words, cwd=cwd)

    def repository(self, name, files):
        """A bare repository with a hook, and a work tree whose first commit holds these files (not pushed yet)."""
        self.origin = Repository(self.folder, None, name)
        self.bare, self.tree = str(self.origin.path), str(self.origin.work)
        self.run("repo", "add", name, "file://" + self.bare, check=0)
        self.run("hook", "install", self.bare, check=0)
        self.commit(files, "First")

    def commit(self, files, message):
        self.origin.record(files, message)

    def push(self, *options):
        self.git("push", "-q", *options, "origin", "main")

    def pushed_run(self, number, name="web"):
        """Waits until the run exists."""
        self.wait(lambda: any(r["name"] == f"{name}#{number}" for r in self.api("/runs")["runs"]), 30, f"{name}#{number} exists")
        return f"{name}#{number}"

    def show(self, run):
        return self.api("/runs/" + run.replace("#", "%23"))

    def wait_state(self, run, states, seconds=60):
        self.wait(lambda: self.show(run)["run"]["state"] in states, seconds,
                  f"{run} is {' or '.join(states)}")
        return self.show(run)

    def job(self, run, key):
        return next(j for s in self.show(run)["stages"] for j in s["jobs"] if j["key"] == key)

    def log(self, job_id, attempt=None):
        return self.ask(f"/jobs/{job_id}/log" + (f"?attempt={attempt}" if attempt else "")).body.decode()

    def pids(self, word):
        """Children of this world's `penstock up` that run this program."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                name = open(f"/proc/{entry}/comm").read().strip()
                parent = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if name == word[:15] and parent == self.up.program.pid:
                found.append(int(entry))
        return found
