"""The demo's stage: the programs and people that the story of `show` is played with, all below one folder."""

import http.client
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PENSTOCK = os.environ.get("PENSTOCK", "penstock")
# name: (what it may do, its commits' address)
PEOPLE = {"dana": ("developer", "dana@example.org"), "ann": ("developer", "ann@example.org"), "bob": ("developer", "bob@example.org"),
          "hosts": ("viewer", "")}
# The ports of penstock.yaml and config/, which stand for free ones: the front door, then a service for each target.
PORTS, PORT_FIRST, PORT_LAST = 8, 8600, 8990
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


class Trouble(Exception):
    """The story cannot go on; the text says why and what to do."""


class Stage:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.tree = self.base / "tally"
        self.url, self.token = os.environ["PENSTOCK_URL"], os.environ["PENSTOCK_TOKEN"]
        self.people_file = self.base / "people.json"
        self.people = json.loads(self.people_file.read_text()) if self.people_file.exists() else {}

    # --- asking Penstock ---

    def penstock(self, *words, person=None, text=None, may_fail=False):
        """What `penstock WORDS` prints, for the admin or another person."""
        token = self.people[person]["token"] if person else self.token
        done = subprocess.run([PENSTOCK, *words], env={**os.environ, "PENSTOCK_TOKEN": token}, input=text, capture_output=True, text=True)
        if done.returncode and not may_fail:
            raise Trouble(f"penstock {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout + done.stderr

    def call(self, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/api/v1" + path, data, {
            "Content-Type": "application/json", "Authorization": f"Bearer {self.token}", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response), response.headers
        except urllib.error.HTTPError as refused:
            raise Trouble(f"{path}: {refused.read().decode(errors='replace')}") from None
        except (OSError, http.client.HTTPException) as fault:
            raise Trouble(f"the server at {self.url} does not answer: {fault}\n  what to do: see {self.base}/server.log") from None

    def api(self, path):
        return self.call(path)[0]

    def run(self, name):
        return self.api("/runs/" + urllib.parse.quote(name, safe=""))

    # --- what the story needs ---

    def git(self, *words, cwd=None, **variables):
        done = subprocess.run(["git", *words], cwd=cwd or self.tree, env={**os.environ, **GIT, **variables}, capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"git {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout.strip()

    def make_repository(self, name, source):
        """A bare repository, and a clone of it with these files as its first commit."""
        bare, tree = self.base / f"{name}.git", self.base / name
        self.git("init", "-q", "--bare", "-b", "main", bare, cwd=self.base)
        self.git("clone", "-q", bare, tree, cwd=self.base)
        subprocess.run(["cp", "-R", f"{source}/.", tree], check=True)
        self.git("checkout", "-q", "-B", "main", cwd=tree)
        self.git("config", "user.name", "Dana", cwd=tree)
        self.git("config", "user.email", PEOPLE["dana"][1], cwd=tree)
        return bare, tree

    def first_commit(self, tree, message):
        self.git("add", "-A", cwd=tree)
        self.git("commit", "-q", "-m", message, cwd=tree)

    def make_repositories(self, port):
        bare, tree = self.make_repository("tally", HERE.parent / "demo")
        self.first_commit(tree, "Add tally, a service that counts")
        # The server asks for options such as `git push -o ci.skip`.
        self.git("config", "receive.advertisePushOptions", "true", cwd=bare)
        self.penstock("repo", "add", "tally", f"file://{bare}")
        self.penstock("hook", "install", str(bare))
        self.make_configuration("tally-config", HERE / "config", port, "main", "hotfix/**")
        # Into this one whoever can push any branch may write, so nothing else lies there.
        self.make_configuration("tally-sandboxes", HERE / "sandboxes", port, "**")

    def make_configuration(self, name, source, port, *refs):
        """A repository that hosts watch, and into which runs of these branches may commit."""
        bare, tree = self.make_repository(name, source)
        for path in tree.glob("**/*.yaml"):
            path.write_text(re.sub(r"(?<=port: )\d+", lambda found: str(port + int(found[0]) - PORT_FIRST), path.read_text()))
        self.first_commit(tree, "Begin: nothing runs anywhere")
        self.git("push", "-q", "origin", "main", cwd=tree)
        # git runs a repository's hooks as whoever pushes: it has to belong to the server's account, which commits there.
        if os.geteuid() == 0:
            account = (self.base / "data/data").stat()
            for path in (bare, *bare.glob("**/*")):
                os.chown(path, account.st_uid, account.st_gid)
        self.penstock("repo", "add", name, f"file://{bare}")
        self.penstock("repo", "gitops", "allow", name, "--from", "tally", *(word for ref in refs for word in ("--refs", ref)))

    def make_people(self):
        """Accounts with passwords for the pages and tokens for the command line."""
        for name, (role, email) in PEOPLE.items():
            password = "pw_" + secrets.token_urlsafe(12)
            flags = ("--email", email) if email else ()
            self.penstock("account", "add", name, "--role", role, *flags, text=password + "\n")
            me, headers = self.call("/login", {"name": name, "password": password}, {"Authorization": ""})
            session = {"Authorization": "", "Cookie": headers["Set-Cookie"].partition(";")[0], "X-CSRF-Token": me["csrf"], "Origin": self.url}
            self.people[name] = {"password": password, "token": self.call("/tokens", {"name": "demo", "kind": "api"}, session)[0]["token"]}
        with open(os.open(self.people_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.people, file)

    def make_site(self, port):
        """What the hosts need, as the account that they run as: the one of the server, since root should run no service."""
        site = self.base / "site"
        site.mkdir()
        (self.base / "hosts").write_bytes((HERE / "hosts").read_bytes())
        (site / "token").write_text(self.people["hosts"]["token"])
        (site / "token").chmod(0o600)
        (self.base / "site-port").write_text(str(port))
        if os.geteuid() == 0:
            account = (self.base / "data/data").stat()
            for path in (site, site / "token"):
                os.chown(path, account.st_uid, account.st_gid)

    def configure(self, port):
        text = (HERE / "penstock.yaml").read_text()
        text = re.sub(r"(?<=//127\.0\.0\.1:)\d+", lambda found: str(port + int(found[0]) - PORT_FIRST), text)
        path = self.base / "penstock.yaml"
        path.write_text("".join(line for line in text.splitlines(True) if not line.startswith("# Ports 8600")))
        return self.penstock("config", "apply", str(path), "--comment", "the demo's environments")

    def front_door(self, path):
        """(status, text) of the front door of the hosts; (0, "") while there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{(self.base / 'site-port').read_text()}{path}", timeout=5) as response:
                return response.status, response.read().decode().strip()
        except urllib.error.HTTPError as bad:
            return bad.code, bad.read().decode().strip()
        except OSError:
            return 0, ""


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports():
    """The first of so many free ports in a row."""
    for first in range(PORT_FIRST, PORT_LAST, 10):
        if all(is_free(port) for port in range(first, first + PORTS)):
            return first
    raise Trouble(f"no {PORTS} ports in a row are free between {PORT_FIRST} and {PORT_LAST + 10} for the demo's services")


def set_up(base):
    stage, port = Stage(base), free_ports()
    stage.make_repositories(port)
    stage.make_people()
    print(stage.configure(port))
    stage.make_site(port)


if __name__ == "__main__":
    try:
        set_up(sys.argv[1])
    except Trouble as trouble:
        sys.exit(f"error: {trouble}")
