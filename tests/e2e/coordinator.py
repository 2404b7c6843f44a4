"""A real penstock-server on a private PostgreSQL cluster, and what end-to-end tests need around it: HTTP, server-sent events, a
bare repository to push to, and a worker that only talks (it leases, logs and reports, and runs nothing)."""

import hashlib
import hmac
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PENSTOCK_BIN", ROOT / "build/bin"))
START_S, WAIT_S = 60, 20


class Cluster:
    """PostgreSQL that ends with this process; `crash` and `start` as in tests/support/pg-cluster."""

    def __init__(self):
        self.process = subprocess.Popen([ROOT / "tests/support/pg-cluster", "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise SystemExit("the cluster did not start")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != "ok":
            raise SystemExit(f"the cluster did not {command}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return self.headers.get("Content-Type", "").partition(";")[0]

    def json(self):
        return json.loads(self.body)


class Server:
    """penstock-server with a data directory of its own. Its log goes to standard error when it does not end well."""

    def __init__(self, database_url):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e."))
        self.log_path = self.data / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [BIN / "penstock-server", "--listen-port", "0", "--data-dir", self.data / "data", "--log-level", "debug"],
                stdin=subprocess.DEVNULL, stderr=log,
                env={**os.environ, "DATABASE_URL": database_url, "PENSTOCK_SERVER_POLL_INTERVAL": "1d"})
        self.port = self.wait_for_port()

    def wait_for_port(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.log_path.read_text(errors="replace").splitlines():
                if line.startswith("{") and line.endswith("}") and json.loads(line)["event"] == "server.listening":
                    return json.loads(line)["port"]
            time.sleep(0.02)
        raise SystemExit("penstock-server does not listen:\n" + self.log_path.read_text(errors="replace"))

    def secret(self, name):
        return (self.data / "data" / name).read_text().strip()

    def close(self):
        """Whether it stopped in order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            print(f"penstock-server ended with {status}:")
            print("\n".join(self.log_path.read_text(errors="replace").splitlines()[-60:]))
        shutil.rmtree(self.data)
        return status == 0

    def call(self, method, path, body=None, token=None, headers=None, query=None):
        """One request on a connection of its own. body: bytes as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if query:
            path += "?" + urllib.parse.urlencode(query)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            try:
                connection.request(method, path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused at its headers: the answer is there before the body is sent
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def stream(self, path, token, headers=None):
        return Stream(self.port, path, token, headers or {})


class Stream:
    """Server-sent events as they come: (event, id, data)."""

    def __init__(self, port, path, token, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}", **headers})
        self.response = self.connection.getresponse()
        self.status, self.type = self.response.status, self.response.headers.get("Content-Type", "").partition(";")[0]

    def next(self):
        """The next event; None at the end of the stream."""
        event = {"event": "message", "id": None, "data": ""}
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if not line and event["data"]:
                return event["event"], event["id"], json.loads(event["data"])
            name, _, value = line.partition(": ")
            if name in event:
                event[name] = value
        return None

    def until(self, wanted):
        """The first event for which wanted(event, data) holds."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = self.next()
            if found is None:
                break
            if wanted(found[0], found[2]):
                return found
        raise AssertionError("the event did not come")

    def is_quiet(self, seconds):
        return not select.select([self.connection.sock], [], [], seconds)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"


def zstd_frame(data):
    """RFC 8878: a single segment whose size is told, one raw block."""
    return (0xFD2FB528).to_bytes(4, "little") + b"\xa0" + len(data).to_bytes(4, "little") + \
        (len(data) << 3 | 1).to_bytes(3, "little") + data


class Worker:
    """Speaks the worker's protocol (common/proto/worker_proto.h) as a well-behaved worker would."""

    def __init__(self, server, token, name, labels=()):
        self.server, self.token, self.instance = server, token, f"{name}-instance-0123456789"
        self.held, self.ends, self.leased = {}, {}, []
        answer = server.call("POST", "/api/v1/worker/register", {
            "protocol": 1, "name": name, "version": "0", "instance": self.instance, "labels": list(labels), "slots": 8,
            "profile": "full"}, token)
        if answer.status != 200:
            raise AssertionError(f"register: {answer.status} {answer.body}")
        self.id = answer.json()["worker"]

    def sync(self, free_slots=0, logs=(), **message):
        message |= {"instance": self.instance, "free_slots": free_slots, "wait_ms": 0,
                    "held": [{"job": job, "attempt": attempt} for job, attempt in self.held.items()]}
        body = self.frame(b"S", json.dumps(message).encode())
        for job, text in logs:
            end = self.ends.get(job, 0)
            self.ends[job] = end + len(text)
            body += self.frame(b"L", struct.pack("<qiqii", job, self.held[job], end, len(text), text.count(b"\n")) + zstd_frame(text))
        answer = self.server.call("POST", "/api/v1/worker/sync", body, self.token)
        if answer.status != 200:
            raise AssertionError(f"sync: {answer.status} {answer.body}")
        answer = {"jobs": [], "done": [], "stale": [], "is_draining": False, **answer.json()}
        for job in answer["jobs"]:
            self.held[job["job"]] = job["attempt"]
            self.ends[job["job"]] = 0
        return answer

    @staticmethod
    def frame(kind, payload):
        return struct.pack("<I", len(payload)) + kind + payload

    def lease(self, key):
        """Leases jobs until it holds one of this key, not begun yet; answers its specification."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for job in self.leased:
                if job["key"] == key:
                    self.leased.remove(job)
                    return job
            self.leased += self.sync(free_slots=1)["jobs"]
            time.sleep(0.02)
        raise AssertionError(f"job {key} was not given to the worker")

    def start(self, job):
        self.sync(started=[{"job": job, "attempt": self.held[job], "at": now(), "profile": "full"}])

    def log(self, job, text):
        return self.sync(logs=[(job, text)])

    def upload(self, job, data):
        sha = hashlib.sha256(data).hexdigest()
        answer = self.server.call("PUT", f"/api/v1/worker/attempts/{job}/{self.held[job]}/uploads/{sha}", data, self.token,
                                  query={"offset": 0, "size": len(data)})
        if answer.status != 200 or not answer.json()["complete"]:
            raise AssertionError(f"upload: {answer.status} {answer.body}")
        return sha

    def finish(self, job, exit_code=0, artifacts=(), reason="exit"):
        result = {"job": job, "attempt": self.held[job], "reason": reason, "exit_code": exit_code, "ended_at": now(),
                  "artifacts": list(artifacts), "log_bytes": self.ends[job],
                  "message": f"step 1 ended with {exit_code}" if exit_code else ""}
        answer = self.sync(results=[result])
        if {"job": job, "attempt": self.held[job]} not in answer["done"]:
            raise AssertionError(f"the result of job {job} was not taken: {answer}")
        del self.held[job]


class Repository:
    """A bare repository at `path`; `commits` of main from oldest to newest."""

    def __init__(self, folder, files):
        self.path, self.work = folder / "origin.git", folder / "work"
        self.git("init", "-q", "--bare", "-b", "main", self.path, cwd=folder)
        self.git("init", "-q", "-b", "main", self.work, cwd=folder)
        self.commits = []
        self.commit(files, "Begin")

    def git(self, *arguments, cwd=None):
        environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        return subprocess.run(["git", *who, *arguments], cwd=cwd or self.work, check=True, capture_output=True, text=True,
                              env=environment).stdout.strip()

    def commit(self, files, message, branch="main"):
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", self.path, f"HEAD:refs/heads/{branch}")
        commit = self.git("rev-parse", "HEAD")
        if branch == "main":
            self.commits.append(commit)
        else:
            self.git("reset", "-q", "--hard", "HEAD~1")
        return commit


def signed(body, secret, delivery):
    """Headers of a push notice."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Penstock-Signature": f"sha256={digest}", "X-Penstock-Delivery": delivery, "Content-Type": "application/json"}
