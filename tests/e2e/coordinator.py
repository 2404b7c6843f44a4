"""What stands around a coordinator in end-to-end tests: a bare repository to push to, signed notices, and a worker that only talks (it
leases, logs and reports, and runs nothing)."""

import hashlib
import hmac
import json
import os
import struct
import subprocess
import time

from programs import Cluster, Server, wait_until  # noqa: F401 (what it stands around)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"


def zstd_frame(data):
    """RFC 8878: a single segment whose size is told, one raw block."""
    return (0xFD2FB528).to_bytes(4, "little") + b"\xa0" + len(data).to_bytes(4, "little") + \
        (len(data) << 3 | 1).to_bytes(3, "little") + data


class Worker:
    """Speaks the worker's protocol (common/proto/worker_proto.h) as a well-behaved worker would."""

    def __init__(self, server, token, name, labels=(), protocol=None):
        self.server, self.token, self.instance = server, token, f"{name}-instance-0123456789"
        self.held, self.ends, self.leased = {}, {}, []
        answer = server.call("POST", "/api/v1/worker/register", {
            **(protocol or {"protocol": 1}), "name": name, "version": "0", "instance": self.instance, "labels": list(labels), "slots": 8,
            "profile": "full"}, token)
        if answer.status != 200:
            raise AssertionError(f"register: {answer.status} {answer.body}")
        self.registered = answer.json()
        self.id = self.registered["worker"]

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
        def find():
            if not any(job["key"] == key for job in self.leased):
                self.leased += self.sync(free_slots=1)["jobs"]
            return next((job for job in self.leased if job["key"] == key), None)
        job = wait_until(find, f"job {key} is given to the worker")
        self.leased.remove(job)
        return job

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

    def finish(self, job, exit_code=0, artifacts=(), reason="exit", outputs=None):
        result = {"job": job, "attempt": self.held[job], "reason": reason, "exit_code": exit_code, "ended_at": now(),
                  "artifacts": list(artifacts), "outputs": outputs or {}, "log_bytes": self.ends[job],
                  "message": f"step 1 ended with {exit_code}" if exit_code else ""}
        answer = self.sync(results=[result])
        if {"job": job, "attempt": self.held[job]} not in answer["done"]:
            raise AssertionError(f"the result of job {job} was not taken: {answer}")
        del self.held[job]


def git(*arguments, cwd):
    """As Ann, whatever this machine's own settings are."""
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True, text=True,
                          env=environment).stdout.strip()


class Repository:
    """A bare repository at `path`, and its work tree `work`; `commits` of main from oldest to newest."""

    def __init__(self, folder, files, name="origin"):
        self.path, self.work = folder / f"{name}.git", folder / name
        self.git("init", "-q", "--bare", "-b", "main", self.path, cwd=folder)
        self.git("init", "-q", "-b", "main", self.work, cwd=folder)
        self.git("remote", "add", "origin", self.path)
        self.commits = []
        if files:
            self.commit(files, "Begin")

    def git(self, *arguments, cwd=None):
        return git(*arguments, cwd=cwd or self.work)

    def record(self, files, message):
        """Commits without pushing."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def commit(self, files, message, branch="main"):
        self.record(files, message)
        self.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
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
