"""A server whose every answer is held against its description, and a repository with pipelines for it."""

import pathlib
import re
import shutil
import tempfile
import traceback
import urllib.parse

from contract import Contract
from coordinator import Repository
from programs import ROOT, Cluster, Server, wait_until

CI = """name: ci
on:
  push: { branches: [main] }
  manual: {}
inputs:
  colour: { type: choice, options: [red, green], default: red }
stages:
  - name: test
    jobs:
      unit:
        artifacts: { paths: [out.txt] }
        steps:
          - run: make test
      graphics:
        labels: [gpu]
        allow_failure: true
        steps:
          - run: make graphics
  - name: review
    gate: { approvals: 1, groups: [release], author: allow, timeout: 1d }
  - name: publish
    jobs:
      push:
        steps:
          - run: make push
"""
NIGHTLY = """name: nightly
on:
  manual: { groups: [release] }
stages:
  - name: only
    jobs:
      one:
        steps:
          - run: "true"
"""
UNSUPPORTED = """name: later
on:
  manual: {}
stages:
  - name: only
    jobs:
      one:
        image: debian:12
        steps:
          - run: "true"
"""
BROKEN = "name: broken\non:\n  manual: {}\nstages: 7\n"


class World:
    """The server under test, and what the cases have made in it so far."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e-git."))
        self.cluster = Cluster()
        self.server = Server(self.cluster.url)
        self.contract = Contract(ROOT / "server/api/openapi.yaml")
        self.repository = Repository(self.folder, {
            ".penstock/ci.yaml": CI, ".penstock/nightly.yaml": NIGHTLY, ".penstock/later.yaml": UNSUPPORTED})
        self.repository.commit({".penstock/broken.yaml": BROKEN}, "Break a pipeline", branch="broken")
        self.admin, self.worker_token = self.server.secret("admin-token"), self.server.secret("worker-token")
        self.seen, self.passed, self.failures = {}, 0, []
        # Values for the parameters of paths, once they exist.
        self.names = {"repository": "web", "run": "web#1", "worker": "bench", "job": 0, "gate": 0, "artifact": 0, "token_id": 0,
                      "version": 1, "environment": "dev", "blocker": 1, "source": "hub", "quarantine": 1, "service": "web", "account": "dan"}

    def close(self):
        ended_well = self.server.close()
        self.cluster.close()
        shutil.rmtree(self.folder)
        return ended_well

    def call(self, operation_id, body=None, token="admin", headers=None, query=None, **names):
        """Calls an operation and holds the answer against the file."""
        operation = self.contract.operations[operation_id]
        path = re.sub(r"\{(\w+)\}", lambda found: urllib.parse.quote(str({**self.names, **names}[found[1]]), safe=""), operation.path)
        answer = self.server.call(operation.method, path, body, self.admin if token == "admin" else token, headers, query)
        self.seen.setdefault(operation_id, set()).add(answer.status)
        fault = operation.fault(answer.status, answer.type, answer.body)
        self.check(fault is None, f"{operation.method} {path} answers {answer.status}: {fault}")
        return answer

    def expect(self, status, operation_id, *arguments, why="", **more):
        answer = self.call(operation_id, *arguments, **more)
        self.check(answer.status == status,
                   f"{operation_id}{' (' + why + ')' if why else ''}: {answer.status}, expected {status}: {answer.body[:300]!r}")
        return answer.json() if answer.type == "application/json" else answer

    def refused(self, status, text, operation_id, *arguments, **more):
        """Refused with a message that holds the text."""
        answer = self.expect(status, operation_id, *arguments, why=text, **more)
        message = answer["error"]["message"] if isinstance(answer, dict) and "error" in answer else ""
        self.check(re.search(text, message), f"{operation_id}: the message {message!r} does not say {text!r}")

    def check(self, holds, fault):
        if holds:
            self.passed += 1
        else:
            caller = next(frame for frame in reversed(traceback.extract_stack()[:-1])
                          if frame.name not in ("call", "expect", "refused", "check"))
            self.failures.append(f"line {caller.lineno}: {fault}")

    def wait_for(self, what, find):
        return wait_until(find, what)

    def run_of(self, commit):
        return self.wait_for(f"a run of {commit}", lambda: next(
            (run for run in self.expect(200, "listRuns")["runs"] if run["commit"] == commit), None))

    def stage(self, run, name):
        return next(stage for stage in self.expect(200, "getRun", run=run)["stages"] if stage["name"] == name)

    def job(self, run, key):
        return next(job for stage in self.expect(200, "getRun", run=run)["stages"] for job in stage["jobs"] if job["key"] == key)
