"""A running `penstock up` with a repository that tells it of pushes, for end-to-end tests.

Everything lives in one temporary folder and ends with the test, also when it is killed.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("PENSTOCK_BIN", os.path.join(ROOT, "build", "bin"))
PENSTOCK = os.path.join(BIN, "penstock")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    def __init__(self, workers=2):
        self.folder = tempfile.mkdtemp(prefix="penstock-e2e-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.dir = os.path.join(self.folder, "d")
        self.port = free_port()
        self.workers = workers
        self.up = None
        self.env = dict(os.environ, PENSTOCK_URL=f"http://127.0.0.1:{self.port}", NO_COLOR="1", LC_ALL="C",
                        GIT_AUTHOR_NAME="Ann", GIT_AUTHOR_EMAIL="ann@example.org", GIT_COMMITTER_NAME="Ann",
                        GIT_COMMITTER_EMAIL="ann@example.org", GIT_CONFIG_NOSYSTEM="1")

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
        log = open(os.path.join(self.folder, "up.log"), "a")
        self.up = subprocess.Popen([PENSTOCK, "up", "--dir", self.dir, "--port", str(self.port), "--workers",
                                    str(self.workers)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        self.wait(self.is_ready, 60, "the server answers")
        self.wait(lambda: os.path.exists(os.path.join(self.dir, "admin-token")), 10, "admin-token")
        self.env["PENSTOCK_TOKEN"] = open(os.path.join(self.dir, "admin-token")).read().strip()
        self.wait(lambda: any(w["state"] == "online" for w in self.api("/workers")["workers"]), 60, "a worker is online")

    def stop(self):
        if self.up and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            try:
                self.up.wait(30)
            except subprocess.TimeoutExpired:
                self.up.kill()

    def is_ready(self):
        if self.up.poll() is not None:
            raise AssertionError("penstock up ended:\n" + open(os.path.join(self.folder, "up.log")).read())
        try:
            return urllib.request.urlopen(self.env["PENSTOCK_URL"] + "/readyz", timeout=2).status == 200
        except OSError:
            return False

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    def api(self, path, method="GET", body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.env["PENSTOCK_URL"] + "/api/v1" + path, method=method, data=data,
                                         headers={"Authorization": "Bearer " + (token or self.env["PENSTOCK_TOKEN"])})
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def run(self, *words, check=None, text=None):
        """penstock WORDS: (exit code, stdout, stderr)."""
        p = subprocess.run([PENSTOCK, *words], env=self.env, capture_output=True, text=True, input=text, timeout=120)
        if check is not None:
            assert p.returncode == check, f"penstock {' '.join(words)}: exit {p.returncode}, not {check}\n{p.stdout}{p.stderr}"
        return p.returncode, p.stdout, p.stderr

    def git(self, *words, cwd=None):
        return subprocess.run(["git", *words], cwd=cwd or self.tree, env=self.env, check=True, capture_output=True,
                              text=True).stdout.strip()

    def repository(self, name, files):
        """A bare repository with a hook, and a work tree whose first commit holds these files (not pushed yet)."""
        self.bare = os.path.join(self.folder, name + ".git")
        self.tree = os.path.join(self.folder, name)
        self.git("init", "-q", "--bare", "-b", "main", self.bare, cwd=self.folder)
        self.git("init", "-q", "-b", "main", self.tree, cwd=self.folder)
        self.git("remote", "add", "origin", self.bare)
        self.run("repo", "add", name, "file://" + self.bare, check=0)
        self.run("hook", "install", self.bare, check=0)
        self.commit(files, "First")

    def commit(self, files, message):
        for path, text in files.items():
            full = os.path.join(self.tree, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w") as file:
                file.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

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

    def read(self, path):
        """The bytes behind a path of the API."""
        request = urllib.request.Request(self.env["PENSTOCK_URL"] + "/api/v1" + path,
                                         headers={"Authorization": "Bearer " + self.env["PENSTOCK_TOKEN"]})
        return urllib.request.urlopen(request, timeout=30).read()

    def log(self, job_id, attempt=None):
        which = f"?attempt={attempt}" if attempt else ""
        return self.read(f"/jobs/{job_id}/log{which}").decode()

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
            if name == word[:15] and parent == self.up.pid:
                found.append(int(entry))
        return found


def main(tests):
    """Runs the functions; prints a line for each and `N passed, N failed`."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            test()
            print(f"ok      {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as fault:  # the next test says something too
            failed += 1
            print(f"FAILED  {test.__name__}: {type(fault).__name__}: {fault}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
