"""Starts what end-to-end tests talk to, and ends it: a PostgreSQL cluster, penstock-server, `penstock up`. Also how a test waits, how
it speaks HTTP, and how a file of tests is run."""

import http.client
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PENSTOCK_BIN", ROOT / "build/bin"))
PENSTOCK = BIN / "penstock"
START_S, WAIT_S, STOP_S = 120, 60, 60  # of a machine that has much else to do; only a test that fails takes them


def free_port():
    """One that no client of another test is given meanwhile: below those that the kernel hands out."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(end // 2, end) if end > 4096 else 0  # where it hands out nearly all, one of those
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                pass


class Refused(Exception):
    """The server answered, and not what was asked for."""


def wait_until(find, what, seconds=WAIT_S):
    """What find() answers, once that is something. A server that is not there yet, or not ready, is waited for. Less time than WAIT_S is
    never given."""
    seconds = max(seconds, WAIT_S)
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if found := find():
                return found
        except (OSError, http.client.HTTPException, Refused) as fault:
            last = fault
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}" + (f" ({last})" if last else ""))


# --- HTTP ---

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return self.headers.get("Content-Type", "").partition(";")[0]

    def json(self):
        return json.loads(self.body)


class Client:
    """One server, from outside."""

    def __init__(self, port):
        self.port = port

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


# --- programs ---

class Cluster:
    """PostgreSQL that ends with this process; `crash`, `start` and `restart` as in tests/support/pg-cluster. room: of a file system of its
    own, such as 96M; by default all there is."""

    def __init__(self, room=None):
        self.process = subprocess.Popen([ROOT / "tests/support/pg-cluster", "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **({"PG_CLUSTER_ROOM": room} if room else {})})
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise SystemExit("the cluster did not start")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != "ok":
            raise SystemExit(f"the cluster did not {command}")

    def sql(self, text):
        """What psql prints: a row a line, columns separated by "|"."""
        psql = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", text], capture_output=True, text=True)
        if psql.returncode != 0:
            raise AssertionError(psql.stderr)
        return psql.stdout.strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Program:
    """Runs in a session of its own; what it prints goes to the end of a file."""

    def __init__(self, argv, log_path, environment):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            start_new_session=True)
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_until(self, find, what):
        """As wait_until() after the start: a program that does not get there is ended."""
        def find_while_running():
            if self.process.poll() is not None:
                raise AssertionError(f"{what}: the program ended with {self.process.returncode}:\n{self.log()}")
            return find()
        try:
            return wait_until(find_while_running, what, START_S)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Its status; that of a killed one when SIGTERM did not end it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Server(Client):
    """penstock-server with a data directory of its own or that of another one, and settings as flags. Its log is shown when it does
    not end well."""

    def __init__(self, database_url, data_dir=None, settings=()):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e."))
        self.program = Program(
            # A worker that only talks renews no lease while the test has something else to do.
            [BIN / "penstock-server", "--listen-port", "0", "--data-dir", data_dir or self.data / "data", "--log-level", "debug",
             "--lease", "10m", *settings],
            self.data / "log", {**os.environ, "DATABASE_URL": database_url, "PENSTOCK_SERVER_POLL_INTERVAL": "1d"})
        self.log_path = self.program.log_path
        super().__init__(self.program.wait_until(self.listening_port, "penstock-server listens"))

    def listening_port(self):
        for line in self.program.log().splitlines():
            if line.startswith("{") and line.endswith("}") and json.loads(line)["event"] == "server.listening":
                return json.loads(line)["port"]
        return None

    def secret(self, name):
        return (self.data / "data" / name).read_text().strip()

    def kill(self):
        """At once, as a power cut would."""
        self.program.process.kill()
        self.program.process.wait()
        shutil.rmtree(self.data)

    def close(self):
        """Whether it stopped in order."""
        status = self.program.stop()
        if status != 0:
            print(f"penstock-server ended with {status}:")
            print("\n".join(self.program.log().splitlines()[-60:]))
        shutil.rmtree(self.data)
        return status == 0


class Up(Client):
    """`penstock up` on a directory, ready to be used; `token` is the admin's."""

    def __init__(self, directory, port, workers, log_path):
        super().__init__(port)
        self.program = Program([PENSTOCK, "up", "--dir", directory, "--port", str(port), "--workers", str(workers)], log_path, None)
        self.program.wait_until(self.is_ready, "the server answers")
        self.token = self.program.wait_until(lambda: read_secret(directory / "admin-token"), "admin-token is written")
        if workers:
            self.program.wait_until(self.has_worker, "a worker is online")

    def is_ready(self):
        return self.call("GET", "/readyz").status == 200

    def has_worker(self):
        answer = self.call("GET", "/api/v1/workers", token=self.token)
        return answer.status == 200 and any(worker["state"] == "online" for worker in answer.json()["workers"])


def read_secret(path):
    return path.read_text().strip() if path.exists() else None


# --- tests ---

def at_once(tests):
    """The same tests, begun together: what each shows is how it ended."""
    ends = {}

    def run(test):
        try:
            test()
            ends[test] = None
        except Exception as fault:
            ends[test] = fault

    def end_of(test, thread):
        def shown():
            thread.join()
            if ends[test]:
                raise ends[test]
        shown.__name__ = test.__name__
        return shown
    threads = [threading.Thread(target=run, args=(test,)) for test in tests]
    for thread in threads:
        thread.start()
    return [end_of(test, thread) for test, thread in zip(tests, threads)]


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
