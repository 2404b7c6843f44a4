"""A coordinator in memory, as the worker under attack sees it: jobs out; logs, artifacts and results in.

It holds the worker to the protocol (common/proto/worker_proto.h): logs without gap or double, results behind their whole log,
artifacts complete. Whatever breaks it is in `fault`.
"""
import collections
import ctypes
import ctypes.util
import hashlib
import http.server
import json
import re
import struct
import threading
import time
import urllib.parse

from packs import pack

zstd = ctypes.CDLL(ctypes.util.find_library("zstd"))
zstd.ZSTD_decompress.restype = ctypes.c_size_t
FRAME_SYNC, FRAME_LOG = b"S", b"L"


def decompress(data, size):
    text = ctypes.create_string_buffer(size)
    if zstd.ZSTD_decompress(text, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data))) != size:
        raise ValueError("a frame of the log does not decompress")
    return text.raw


class Attempt:
    def __init__(self, spec):
        self.spec, self.log, self.result, self.cancel = spec, bytearray(), None, None
        self.steps, self.is_leased = {}, False

    @property
    def ref(self):
        return {"job": self.spec["job"], "attempt": 1}


class Coordinator:
    def __init__(self, token, denied=()):
        self.token, self.denied, self.fault = token, list(denied), ""
        self.attempts, self.queue = {}, collections.deque()
        self.repositories, self.blobs, self.parts = {}, {}, {}
        self.instance, self.facts, self.closed, self.drains = None, None, False, False
        self.changed = threading.Condition()
        coordinator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def handle_any(self):
                coordinator.handle(self)

            do_GET = do_POST = do_PUT = do_HEAD = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a worker that leaves cuts its connections
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()

    # ---- for tests ----

    def submit(self, spec):
        """Queues a job: a job_spec without its numbers."""
        with self.changed:
            attempt = Attempt(dict(spec, job=len(self.attempts) + 1, attempt=1))
            self.attempts[attempt.spec["job"]] = attempt
            self.queue.append(attempt)
            self.changed.notify_all()
        return attempt

    def wait(self, condition, seconds):
        """Whether the condition came to hold."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition() and not self.fault:
                left = deadline - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    break
            return bool(condition())

    def cancel(self, attempt, reason):
        with self.changed:
            attempt.cancel = reason
            self.changed.notify_all()

    def add_repository(self, name, commit, objects):
        self.repositories[name, commit] = pack(objects)

    def add_blob(self, content):
        sha256 = hashlib.sha256(content).hexdigest()
        self.blobs[sha256] = content
        return sha256

    # ---- the protocol ----

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        url = urllib.parse.urlsplit(request.path)
        if request.headers.get("Authorization") != "Bearer " + self.token:
            return self.answer(request, 401, b"")
        if url.path == "/api/v1/worker/register":
            return self.register(request, json.loads(body))
        if url.path == "/api/v1/worker/sync":
            return self.sync(request, body)
        match = re.fullmatch(r"/api/v1/worker/attempts/(\d+)/1/(source|blobs|uploads)(?:/([0-9a-f]{64}))?", url.path)
        if not match or int(match[1]) not in self.attempts:
            return self.answer(request, 404, b"")
        if match[2] == "source":
            spec = self.attempts[int(match[1])].spec
            return self.answer(request, 200, self.repositories[spec["repository"], spec["commit"]])
        if match[2] == "blobs":
            return self.answer(request, 200, self.blobs[match[3]])
        return self.upload(request, match[3], urllib.parse.parse_qs(url.query), body)

    @staticmethod
    def answer(request, status, body, headers=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            request.send_response(status)
            for name, value in (headers or {}).items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            if request.command != "HEAD":
                request.wfile.write(body)
        except OSError:
            request.close_connection = True

    def breach(self, text):
        self.fault = self.fault or text

    def register(self, request, message):
        with self.changed:
            self.instance, self.facts = message["instance"], message
            self.changed.notify_all()
        self.answer(request, 200, {"worker": 1, "lease_ms": 60000, "renew_ms": 20000, "wait_ms": 20000,
                                   "denied_addresses": self.denied})

    def upload(self, request, sha256, query, body):
        with self.changed:
            if sha256 in self.blobs:
                part = self.blobs[sha256]
            else:
                part = self.parts.get(sha256, b"")
                if request.command == "PUT":
                    if int(query["offset"][0]) != len(part):
                        return self.answer(request, 409, b"")
                    part = self.parts[sha256] = part + body
                    if len(part) == int(query["size"][0]):
                        if hashlib.sha256(part).hexdigest() != sha256:
                            self.breach("an artifact is not what its name says")
                        self.blobs[sha256] = part
        is_complete = sha256 in self.blobs
        self.answer(request, 200, b"", {"Upload-Offset": str(len(part)), "Upload-Complete": "true" if is_complete else "false"})

    def sync(self, request, body):
        size, = struct.unpack_from("<I", body)
        message, at = json.loads(body[5:5 + size]), 5 + size
        answer = collections.defaultdict(list)
        with self.changed:
            while at < len(body):
                size, = struct.unpack_from("<I", body, at)
                self.take_log(body[at + 5:at + 5 + size], answer)
                at += 5 + size
            for report in message.get("steps", []):
                self.attempts[report["job"]].steps[report["index"]] = report
            for result in message.get("results", []):
                self.take_result(result, answer)
            self.changed.notify_all()
            self.drains |= message.get("is_draining", False)
            deadline = time.monotonic() + message.get("wait_ms", 0) / 1000
            while True:
                self.add_jobs(message, answer)
                left = deadline - time.monotonic()
                if answer or left <= 0 or self.closed or (self.drains and message.get("free_slots")):
                    break
                self.changed.wait(left)
        self.answer(request, 200, answer)

    def take_log(self, frame, answer):
        job, _, offset, raw_bytes, lines = struct.unpack_from("<qiqii", frame)
        attempt = self.attempts[job]
        if offset > len(attempt.log):
            return self.breach(f"log of job {job}: a frame for {offset} comes at {len(attempt.log)}")
        if offset == len(attempt.log):  # what is there already is acknowledged again
            text = decompress(frame[28:], raw_bytes)
            if text.count(b"\n") != lines:
                self.breach(f"log of job {job}: a frame of {text.count(10)} lines says {lines}")
            attempt.log += text
        answer["logs"] = [ack for ack in answer["logs"] if ack["job"] != job] + [dict(attempt.ref, end=len(attempt.log))]

    def take_result(self, result, answer):
        attempt = self.attempts[result["job"]]
        if attempt.result:
            self.breach(f"job {result['job']} has two results")
        if result["log_bytes"] != len(attempt.log):
            self.breach(f"job {result['job']}: its result comes before its log")
        for artifact in result.get("artifacts", []):
            if artifact["sha256"] not in self.blobs:
                self.breach(f"job {result['job']}: artifact {artifact['path']!r} was not uploaded")
        attempt.result = result
        answer["done"].append(attempt.ref)

    def add_jobs(self, message, answer):
        for attempt in self.attempts.values():
            if attempt.cancel is not None and attempt.is_leased and not attempt.result:
                answer["cancel"].append(dict(attempt.ref, reason=attempt.cancel))
                attempt.cancel = None
        while self.queue and len(answer.get("jobs", ())) < message.get("free_slots", 0) and not message.get("is_draining"):
            attempt = self.queue.popleft()
            attempt.is_leased = True
            answer["jobs"].append(attempt.spec)
