"""A server, repositories as forges have them, and deliveries signed as each forge signs: what the tests of forges share."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import re
import shutil
import tempfile
import threading
import time
import urllib.parse
import uuid

from coordinator import Cluster, Repository, Server, Worker
from programs import wait_until

PAYLOADS = pathlib.Path(__file__).resolve().parent / "payloads"
ZEROS = "0" * 40


# --- signatures ---

def hex_hmac(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body, secret, event, delivery=None):
    return {"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
            "X-Hub-Signature-256": "sha256=" + hex_hmac(secret, body)}


def gitea(body, secret, event, delivery=None):
    """As Gitea sends it: every name that it knows. The type is finer than the event."""
    signature, delivery = hex_hmac(secret, body), delivery or str(uuid.uuid4())
    kind = event.replace("pull_request_", "pull_request_review_")
    return {"Content-Type": "application/json", "X-Gitea-Event": event, "X-Gitea-Event-Type": kind, "X-Gitea-Delivery": delivery,
            "X-Gitea-Signature": signature, "X-Gogs-Event": event, "X-Gogs-Delivery": delivery, "X-Gogs-Signature": signature,
            "X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + signature}


def forgejo(body, secret, event, delivery=None):
    headers = gitea(body, secret, event, delivery)
    return {**headers, "X-Forgejo-Event": event, "X-Forgejo-Delivery": headers["X-Gitea-Delivery"],
            "X-Forgejo-Signature": headers["X-Gitea-Signature"]}


def gitlab_token(body, secret, event, delivery=None):
    """The older scheme. GitLab sends webhook-id and webhook-timestamp all the same."""
    delivery = delivery or str(uuid.uuid4())
    return {"Content-Type": "application/json", "X-Gitlab-Event": event, "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "Idempotency-Key": delivery, "webhook-id": delivery, "webhook-timestamp": str(int(time.time())), "X-Gitlab-Token": secret}


def gitlab_signed(body, secret, event, delivery=None, age_s=0):
    """The newer one: standardwebhooks.com."""
    headers = gitlab_token(body, "", event, delivery)
    headers.pop("X-Gitlab-Token")
    headers["webhook-timestamp"] = str(int(time.time()) - age_s)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    headers["webhook-signature"] = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return headers


# --- the world ---

class ForgeWorld:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e-forge."))
        self.folder.chmod(0o755)
        self.cluster = Cluster()
        self.server = Server(self.cluster.url)
        self.admin = self.server.secret("admin-token")
        self.worker_token = self.server.secret("worker-token")
        self.secrets, self.repositories = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        is_well = self.server.close()
        self.cluster.close()
        shutil.rmtree(self.folder)
        assert is_well, "the server did not end well"

    def api(self, method, path, body=None, status=None, token=None, query=None):
        answer = self.server.call(method, "/api/v1" + path, body, token or self.admin, query=query)
        if status is None:
            assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body[:400]}"
        else:
            assert answer.status == status, f"{method} {path}: {answer.status}, not {status}: {answer.body[:400]}"
        return answer.json() if answer.type == "application/json" else None

    def add(self, name, forge, files, **more):
        """A repository with these files that the server watches."""
        folder = self.folder / name
        folder.mkdir()
        repository = Repository(folder, files)
        added = self.api("POST", "/repositories", {"name": name, "url": f"file://{repository.path}", "forge": forge, **more})
        self.secrets[name], self.repositories[name] = added["hook"]["secret"], repository
        return repository

    def deliver(self, name, sign, event, payload, status=202, secret=None, **more):
        """Posts a payload, signed; answers what the server says."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.post(name, body, sign(body, secret or self.secrets.get(name, "?"), event, **more), status)

    def post(self, name, body, headers, status):
        answer = self.server.call("POST", f"/hooks/{urllib.parse.quote(name)}", body, headers=headers)
        statuses = status if isinstance(status, tuple) else (status,)
        assert answer.status in statuses, f"{name}: {answer.status}, not {status}: {answer.body[:400]}"
        return answer.json()

    def deliveries(self, name):
        found, before = [], None
        while True:
            page = self.api("GET", f"/repositories/{name}/deliveries", query={"limit": 200, **({"before": before} if before else {})})
            found, before = found + page["deliveries"], page["next"]
            if not before:
                return found

    def triggers(self, name):
        return self.api("GET", "/triggers", query={"repository": name, "limit": 200})["triggers"]

    def runs(self, name):
        return self.api("GET", "/runs", query={"repository": name, "limit": 200})["runs"]

    def run(self, run):
        return self.api("GET", "/runs/" + urllib.parse.quote(run, safe=""))

    @staticmethod
    def wait(what, find):
        return wait_until(find, what)

    def settle(self, name):
        """Waits until all that came in was dealt with."""
        self.wait("everything is dealt with", lambda: all(d["state"] != "stored" for d in self.deliveries(name)) and
                  all(t["state"] != "pending" for t in self.triggers(name)))

    def wait_run(self, name, **wanted):
        return self.wait(f"a run of {name} with {wanted}", lambda: next(
            (r for r in self.runs(name) if all(r[key] == value for key, value in wanted.items())), None))

    def worker(self, name):
        return Worker(self.server, self.worker_token, name)


class ForgeServer(http.server.ThreadingHTTPServer):
    """The API of forges: lists of pull requests, and their reviews; takes statuses without a word."""
    daemon_threads = True

    def __init__(self, names, answer=(200, [])):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(handler, status, text, **headers):
                handler.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(text)

            def do_POST(handler):
                handler.rfile.read(int(handler.headers["Content-Length"]))
                handler.answer(201, b"{}")

            def do_GET(handler):
                forge = next(name for name in names if name in handler.path)
                if reviews := re.search(r"/pulls/(\d+)/reviews\?(?:limit|per_page)=50&page=(\d+)$", handler.path):
                    number, page = int(reviews[1]), int(reviews[2])
                    found = self.reviews.get((forge, number), [])
                    more = {"Link": f'<http://x{handler.path}>; rel="next"'} if len(found) > page * self.page else {}
                    handler.answer(self.review_status, json.dumps(found[(page - 1) * self.page:page * self.page]).encode(), **more)
                    return
                self.asked[forge] = (handler.path, dict(handler.headers))
                self.counts[forge] = self.counts.get(forge, 0) + 1
                status, body = self.answers.get(forge, answer)
                handler.answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **self.headers)

            def log_message(self, *_):
                pass
        self.asked, self.answers, self.counts, self.reviews, self.page, self.headers = {}, {}, {}, {}, 50, {}
        self.review_status = 200
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def review(self, forge, number, login, state, commit):
        """A review, as the forge keeps it: of Gitea and Forgejo a later one dismisses those before it."""
        reviews = self.reviews.setdefault((forge, number), [])
        for one in reviews if forge == "gitea" else []:
            one["dismissed"] = one["dismissed"] or one["user"]["login"] == login
        more = {"dismissed": False, "stale": False, "official": True} if forge == "gitea" else {}
        reviews.append({"id": len(reviews) + 1, "user": {"login": login}, "state": state, "commit_id": commit, **more})


# --- payloads: the fields that the server reads, in the shape that each forge documents, with some of those around them ---

def push_payload(forge, ref, before, after):
    """GitHub: "Webhook events and payloads", push. GitLab: "Webhook events", push and tag. Gitea: "Webhooks", push."""
    payload = json.loads((PAYLOADS / f"{forge}-push.json").read_text())
    payload |= {"ref": ref, "before": before, "after": after}
    if forge == "github":
        payload |= {"created": before == ZEROS, "deleted": after == ZEROS, "head_commit": None, "commits": []}
        payload["repository"]["pushed_at"] = int(time.time() * 1000)
    elif forge == "gitea":
        payload["repository"]["updated_at"] = str(time.time())
    return payload


def push_event(forge, ref):
    return {"github": "push", "gitea": "push", "gitlab": "Tag Push Hook" if ref.startswith("refs/tags/") else "Push Hook"}[forge]


SIGN = {"github": github, "gitlab": gitlab_signed, "gitea": gitea}

PULL_REF = {"github": "refs/pull/{}/head", "gitlab": "refs/merge-requests/{}/head", "gitea": "refs/pull/{}/head"}
ACTIONS = {  # what was done → the action that each forge sends; GitHub and Gitea tell a merge from a close by a field
    "github": {"open": "opened", "update": "synchronize", "reopen": "reopened", "close": "closed", "merge": "closed",
               "approve": "submitted", "unapprove": "dismissed", "label": "labeled"},
    "gitlab": {"open": "open", "update": "update", "reopen": "reopen", "close": "close", "merge": "merge", "approve": "approved",
               "unapprove": "unapproved", "label": "update"},
    "gitea": {"open": "opened", "update": "synchronized", "reopen": "reopened", "close": "closed", "merge": "closed",
              "approve": "reviewed", "unapprove": "reviewed", "label": "label_updated"},
}


def pull_delivery(forge, done, number, head, base="main", is_fork=False, title="Change", actor="ben"):
    """(event, payload) of something done to a pull request, as the forge sends it."""
    name = {"gitlab": "gitlab-merge-request", "gitea": "gitea-pull"}.get(forge, "github-pull")
    payload = json.loads((PAYLOADS / f"{name}.json").read_text())
    action = ACTIONS[forge][done]
    if forge == "gitlab":
        merge = payload["object_attributes"]
        merge |= {"iid": number, "action": action, "target_branch": base, "title": title}
        merge["last_commit"]["id"] = head
        if done == "update":
            merge["oldrev"] = "1" * 40
        if is_fork:
            merge["source_project_id"] = 77
        payload["user"]["username"] = actor
        return "Merge Request Hook", payload
    pull = payload["pull_request"]
    payload |= {"action": action, "number": number}
    pull |= {"number": number, "title": title, "merged": done == "merge", "updated_at": str(time.time_ns())}
    pull["head"]["sha"], pull["base"]["ref"] = head, base
    payload["sender"]["login"] = actor
    if is_fork:
        pull["head"]["repo"] = {"id": 4711, "name": "web", "full_name": "eve/web", "fork": True}
    if done not in ("approve", "unapprove"):
        return "pull_request", payload
    if forge != "gitea":
        if done == "unapprove":  # by whoever may, not only by who wrote it
            payload["sender"]["login"] = "maintainer"
        state = {"approve": "approved", "unapprove": "dismissed"}[done]
        return "pull_request_review", payload | {"review": {"state": state, "commit_id": head, "user": {"login": actor}}}
    word = {"approve": "approved", "unapprove": "rejected"}[done]
    return f"pull_request_{word}", payload | {"review": {"type": f"pull_request_review_{word}", "content": "well"}}
