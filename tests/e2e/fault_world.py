"""A server, a worker, a repository and a forge on a database of their own, whose parts die, stall and lose each other, and what a person
sees of a run that came through it: what the tests of faults share."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

from coordinator import Repository
from forge_world import ZEROS, gitea, push_payload
from programs import BIN, Client, Program, Refused, free_port, read_secret, wait_until

LINES = 40
SECRET = "secret-of-the-forge"
EXPECTED = "".join(f"line {i}\n" for i in range(1, LINES + 1))
CI = f"""\
name: ci
on: {{ push: {{ branches: ["**", "!slow/*", "!long/*", "!deliver/*"] }}, manual: {{ refs: ["**"] }}, schedule: {{ cron: 0 0 1 1 *, time_zone: UTC }} }}
concurrency: one
stages:
  - name: build
    jobs:
      make:
        outputs: [word]
        artifacts: {{ paths: [out/file] }}
        steps:
          - run: "for i in $(seq 1 {LINES}); do echo line $i; sleep 0.005; done"
          - run: "mkdir out; echo $CI_COMMIT_SHA > out/file; echo word=$CI_COMMIT_SHA >> $CI_OUTPUT"
  - name: ship
    gate: {{ approvals: 1, author: allow }}
    jobs:
      take:
        needs: [make]
        env: {{ WORD: "${{{{ jobs.make.outputs.word }}}}" }}
        steps: [ {{ run: "cat out/file; echo $WORD" }} ]
"""
SLOW = """\
name: slow
on: { push: { branches: ["slow/*"] } }
stages: [ { name: only, jobs: { wait: { steps: [ { run: "echo begun; sleep 60" } ] } } } ]
"""


class Forge(http.server.ThreadingHTTPServer):
    """Takes the statuses of commits, as Gitea does."""
    daemon_threads = True

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.states.setdefault(handler.path.rpartition("/")[2], []).append(body["state"])
                handler.send_response(201)
                handler.send_header("Content-Length", "2")
                handler.end_headers()
                handler.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.states = {}
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # who died while it was told is no news


class Proxy:
    """Between two parts, by TCP or by socket files. Lets everything through, until it is told to hold what comes (as a network does that
    is cut; with `ceiling_bytes`, as soon as a connection has asked for more than that), to refuse, or to cut what is open: `before` what
    was asked is passed on, or before the answer to it is."""

    def __init__(self, dial, path=None):
        self.dial, self.ceiling_bytes = dial, None
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            path.chmod(0o777)
            self.socket.listen(64)
        else:
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
        self.passes, self.is_refusing, self.pairs, self.armed, self.lock = threading.Event(), False, set(), None, threading.Lock()
        self.passes.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.passes.wait()
        try:
            if self.is_refusing:
                raise OSError
            server = self.dial()
        except OSError:
            client.close()
            return
        pair = (client, server)
        self.pairs.add(pair)
        back = threading.Thread(target=self.pump, args=(server, client, pair, False), daemon=True)
        back.start()
        self.pump(client, server, pair, True)
        back.join()
        self.pairs.discard(pair)
        client.close()
        server.close()

    def pump(self, source, sink, pair, is_question):
        passed_bytes = 0
        try:
            while data := source.recv(1 << 16):
                passed_bytes += len(data)
                if is_question and self.ceiling_bytes and passed_bytes > self.ceiling_bytes:
                    self.hold()
                self.passes.wait()
                with self.lock:
                    armed, self.armed = (self.armed, None) if is_question else (None, self.armed)
                if armed == "before":
                    break
                if armed == "behind":
                    source.shutdown(socket.SHUT_WR)  # nothing of the answer gets there
                sink.sendall(data)
                if armed:
                    time.sleep(0.05)
                    break
        except OSError:
            pass
        self.close(pair)

    @staticmethod
    def close(pair):
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def hold(self):
        self.passes.clear()

    def go_on(self):
        self.passes.set()

    def cut(self):
        for pair in list(self.pairs):
            self.close(pair)

    def cut_next(self, where):
        """"before" or "behind": the connection of the next question."""
        with self.lock:
            self.armed = where


class Part:
    """Server or worker of a site: started with a place where it dies, and after that without."""

    def __init__(self, site, name, argv, environment):
        self.site, self.name, self.argv, self.environment = site, name, argv, environment
        self.program, self.point, self.deaths = None, None, 0

    def start(self, point=None):
        self.point = point
        environment = {**os.environ, **self.environment, **({"PENSTOCK_FAILPOINT": point} if point else {})}
        self.program = Program(self.argv, self.site.folder / f"{self.name}.log", environment)

    def stop(self):
        if self.program:
            self.program.stop()

    def look(self):
        """Starts it again when it died where it was to."""
        status = self.program.process.poll() if self.program else None
        if status is None:
            return
        assert status == -signal.SIGKILL and self.point, f"{self.name} ended with {status}: {self.program.log()[-3000:]}"
        self.deaths += 1
        self.start()


def dial_file(path):
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


class Site(Client):
    """A database, a server, a worker and a repository of their own."""

    def __init__(self, cluster, number=0, settings=(), database_proxy=False, server_proxy=False, worker_host=None, worker_in=()):
        super().__init__(free_port())
        self.cluster, self.number, self.database = cluster, number, f"site_{number}_{time.monotonic_ns()}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e-faults."))
        self.folder.chmod(0o755)
        self.forge = Forge()
        self.url = f"http://127.0.0.1:{self.port}"
        cluster.sql(f"create database {self.database}")
        self.database_url = cluster.url.replace("///postgres?", f"///{self.database}?")
        served_url, worked_url = self.database_url, self.url
        if database_proxy:
            theirs = cluster.url.partition("host=")[2].partition("&")[0]
            self.database_proxy = Proxy(lambda: dial_file(theirs + "/.s.PGSQL.5432"), self.folder / ".s.PGSQL.5432")
            served_url = self.database_url.replace(theirs, str(self.folder))
        if server_proxy:
            self.server_proxy = Proxy(lambda: socket.create_connection(("127.0.0.1", self.port)))
            worked_url = f"http://127.0.0.1:{self.server_proxy.port}"
        if worker_host:  # the server, from where the worker is
            worked_url = f"http://{worker_host}:{self.port}"
        self.server = Part(self, "server", [
            BIN / "penstock-server", "--listen-port", str(self.port), "--data-dir", self.folder / "data", "--poll-interval", "1d",
            "--public-url", self.url, "--keep-runs", "30d", "--keep-newest", "1", "--keep-unused", "1s", "--retention-interval", "1d",
            *settings], {"DATABASE_URL": served_url})
        self.worker = Part(self, "worker", [
            *worker_in, BIN / "penstock-worker", "--server-url", worked_url, "--token-file", self.folder / "data/worker-token", "--slots", "2",
            "--work-dir", self.folder / "worker", "--first-range", str(40 + 8 * number)], {})
        self.branches = 0

    def open(self, point=None):
        self.server.start(point)
        self.token = self.wait(lambda: self.is_ready() and read_secret(self.folder / "data/admin-token"), "the server is ready", 60)
        self.repository = Repository(self.folder, {".penstock/ci.yaml": CI, ".penstock/slow.yaml": SLOW})
        self.add_repository()
        self.worker.start()
        return self

    def add_repository(self):
        self.api("POST", "/repositories", {
            "name": "web", "url": f"file://{self.repository.path}", "forge": "gitea", "project": "octo/web", "token": "t" * 20,
            "api_url": f"http://127.0.0.1:{self.forge.server_port}/api", "secret": SECRET})

    def close(self):
        self.worker.stop()
        self.server.stop()
        left = [line for line in open("/proc/self/mountinfo") if str(self.folder) in line]
        spooled = [path for path in self.folder.glob("worker/spool/*") if path.suffix in (".spool", ".bad")]
        shutil.rmtree(self.folder)
        assert not left and not spooled, (left, spooled)

    # --- asking ---

    def is_ready(self):
        return self.call("GET", "/readyz").status == 200

    def wait(self, find, what, seconds=45):
        """As wait_until(); who dies meanwhile is started again."""
        def look():
            self.server.look()
            self.worker.look()
            return find()
        return wait_until(look, what, seconds)

    def ask(self, method, path, body=None):
        answer = self.call(method, "/api/v1" + path, body, self.token)
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status} {answer.body[:300]}")
        return answer

    def api(self, method, path, body=None):
        """Waits for a server that is away."""
        answer = self.wait(lambda: self.ask(method, path, body), f"{method} {path}")
        return answer.json() if answer.body else None

    def sql(self, text):
        psql = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.database_url, "-c", text], capture_output=True, text=True)
        assert psql.returncode == 0, psql.stderr
        return psql.stdout.strip()

    def show(self, run):
        return self.api("GET", "/runs/" + urllib.parse.quote(run, safe=""))

    # --- what happens ---

    def push(self, folder="", files=None):
        """A commit on a branch of its own."""
        self.branches += 1
        branch = f"{folder}b{self.branches}"
        return branch, self.repository.commit({"file": branch, **(files or {})}, branch, branch)

    def tell(self, branch, commit):
        """The forge's webhook, sent again by hand, with its id, when nobody answers."""
        body = json.dumps(push_payload("gitea", f"refs/heads/{branch}", ZEROS, commit)).encode()
        headers = gitea(body, SECRET, "push")
        self.wait(lambda: self.call("POST", "/hooks/web", body, headers=headers).status in (200, 202), "the push is told")

    def run_of(self, commit, event="push"):
        def find():
            found = [run for run in self.ask("GET", "/runs?limit=20").json()["runs"] if run["commit"] == commit and run["event"] == event]
            assert len(found) <= 1, found
            return found[0]["name"] if found else None
        return self.wait(find, f"{commit[:8]} has its run")

    def approve(self, whole):
        gate = next((stage["gate"] for stage in whole["stages"] if stage.get("gate") and stage["gate"]["state"] == "open"), None)
        if gate:
            self.ask("POST", f"/gates/{gate['id']}/approve", {})

    def end_of(self, run, state="succeeded"):
        def find():
            whole = self.ask("GET", "/runs/" + urllib.parse.quote(run, safe="")).json()
            self.approve(whole)
            return whole if whole["run"]["state"] in ("succeeded", "failed", "cancelled", "superseded", "rolled_back") else None
        try:
            whole = self.wait(find, f"{run} is over", 60)
        except AssertionError as fault:
            whole = self.show(run)
            raise AssertionError(f"{fault}: {whole['run']['state']}, waits for {whole['run'].get('waiting_for')}, "
                                 f"{[(j['key'], j['state'], j['attempt'], j['message']) for s in whole['stages'] for j in s['jobs']]}")
        assert whole["run"]["state"] == state, (whole["run"]["state"], whole["run"]["reason"],
                                                [(j["key"], j["state"], j["message"]) for s in whole["stages"] for j in s["jobs"]])
        return whole

    def is_exact(self, run, commit):
        """What a person sees of a run that went well."""
        whole = self.end_of(run)
        jobs = {job["name"]: job for stage in whole["stages"] for job in stage["jobs"]}
        for name, expected in (("make", EXPECTED), ("take", f"{commit}\n{commit}\n")):
            assert jobs[name]["attempt"] <= 2, jobs[name]
            log = self.wait(lambda job=jobs[name]["id"]: self.ask("GET", f"/jobs/{job}/log"), "the log is told").body.decode()
            assert log == expected, (name, log[-200:])
        artifacts = self.api("GET", f"/runs/{urllib.parse.quote(run, safe='')}/artifacts")["artifacts"]
        assert [artifact["path"] for artifact in artifacts] == ["out/file"], artifacts
        assert self.wait(lambda: self.ask("GET", f"/artifacts/{artifacts[0]['id']}"), "the artifact is given").body == f"{commit}\n".encode()

    def is_told(self, commit):
        self.wait(lambda: self.forge.states.get(commit, [""])[-1] == "success", "the forge has heard of the end")

    def is_clean(self):
        findings = self.api("GET", "/fsck")["findings"]
        assert findings == [], findings
        self.wait(lambda: not list(self.folder.glob("worker/spool/*.spool")), "the worker's spool is empty")


# --- what is done to a site ---

def a_push(site):
    branch, commit = site.push()
    site.tell(branch, commit)
    run = site.run_of(commit)
    site.is_exact(run, commit)
    site.is_told(commit)
    return run


def begin_slow(site):
    branch, commit = site.push("slow/")
    site.tell(branch, commit)
    run = site.run_of(commit)
    job = site.show(run)["stages"][0]["jobs"][0]["id"]
    site.wait(lambda: site.ask("GET", f"/jobs/{job}/log").body == b"begun\n", "the step runs")
    return run, job
