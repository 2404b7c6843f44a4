"""Repositories, artifacts and outputs that an enemy made."""
import os
import re

from attempt import Attempt
from packs import Objects

SOURCE = "source_unavailable"


def repository(name, stopped_by, make, script, log="", **more):
    """`make` puts what it wants into the objects and returns the commit."""
    def spec(site):
        objects = Objects()
        commit = make(objects, site)
        site.coordinator.add_repository(name, commit, objects)
        return dict(repository=name, commit=commit, **more.get("job", {}))

    rest = {key: value for key, value in more.items() if key != "job"}
    return Attempt("checkout: " + name, stopped_by, script, log=log, spec=spec, **rest)


def files(**named):
    return lambda objects, site: objects.commit_of({path.replace("__", "/"): value for path, value in named.items()})


def commit_of(entries):
    """A commit of one hand-made tree; entries of (mode, name, content or a function of the objects)."""
    def make(objects, site):
        return objects.commit(objects.tree([(mode, name, value(objects) if callable(value) else objects.blob(value))
                                            for mode, name, value in entries]))
    return make


EVIL = ("100755", "#!/bin/sh\ntouch /workspace/PWNED $HOME/PWNED /tmp/PWNED\necho pwned\n")
UNTOUCHED = "ls /workspace /tmp /home/build | grep -c PWNED || true"


def hooks(objects, site):
    names = ["post-checkout", "pre-commit", "post-merge", "reference-transaction", "fsmonitor-watchman", "post-index-change"]
    return objects.commit_of({**{f"hooks/{name}": EVIL for name in names}, **{f".githooks/{name}": EVIL for name in names},
                              ".gitconfig": "[core]\n\thooksPath = hooks\n\tfsmonitor = hooks/fsmonitor-watchman\n",
                              "config": "[core]\n\thooksPath = hooks\n\tfsmonitor = hooks/fsmonitor-watchman\n"})


def filters(objects, site):
    return objects.commit_of({".gitattributes": "* filter=evil diff=evil merge=evil ident text eol=crlf working-tree-encoding=UTF-16\n",
                              ".gitconfig": "[filter \"evil\"]\n\tsmudge = ./evil\n\tprocess = ./evil\n\trequired\n",
                              "evil": EVIL, "plain": "$Id$\nline\n"})


def submodules(objects, site):
    modules = "".join(f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n\tupdate = !touch PWNED\n' for name, path, url in (
        ("a", "sub", "ext::sh -c touch% PWNED"), ("../../x", "other", "-u./evil"), ("c", "-x", "file:///etc")))
    pin = "1" * 40
    return objects.commit_of({".gitmodules": modules, "evil": EVIL, "sub": ("160000", pin), "other": ("160000", pin)})


def nested(depth, leaf_name="f"):
    def make(objects, site):
        tree = objects.tree([("100644", leaf_name, objects.blob("x"))])
        for _ in range(depth):
            tree = objects.tree([("40000", "d", tree)])
        return objects.commit(tree)
    return make


def history_of_depth(depth):
    """The commit itself is harmless; its parent's tree is not."""
    def make(objects, site):
        parent = nested(depth)(objects, site)
        tree = objects.tree([("100644", "f", objects.blob("x"))])
        who = "Mallory <m@example.org> 1700000000 +0000"
        return objects.add("commit", f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nx\n".encode())
    return make


def bomb(objects, site):
    """A few objects that stand for 10^10 files."""
    entry = objects.blob("x" * 1000)
    tree = objects.tree([("100644", f"{i}", entry) for i in range(10)])
    for _ in range(9):
        tree = objects.tree([("40000", f"{i}", tree) for i in range(10)])
    return objects.commit(tree)


def many_times(count, size):
    def make(objects, site):
        entry = objects.blob(b"\0" * size)
        return objects.commit(objects.tree(sorted(("100644", f"{i:04}", entry) for i in range(count))))
    return make


def blob_of(size):
    return lambda objects, site: objects.commit(objects.tree([("100644", "zeros", objects.blob(b"\0" * size))]))


NOT_ALLOWED = "the commit holds a path that is not allowed"


def artifacts(name, stopped_by, script, patterns, kept=None, **more):
    """`kept`: the paths that are uploaded."""
    def check(site, got):
        paths = sorted(artifact["path"] for artifact in got.result.get("artifacts", []))
        return [] if kept is None or paths == sorted(kept) else [f"artifacts {paths!r} instead of {kept!r}"]
    return Attempt("artifacts: " + name, stopped_by, script, spec={"artifacts": patterns}, check=check, **more)


def inputs(name, stopped_by, script, path, make=None, content=b"it\n", **more):
    def spec(site):
        objects = Objects()
        changes = {}
        if make:
            changes["commit"], changes["repository"] = make(objects, site), "inputs " + name
            site.coordinator.add_repository(changes["repository"], changes["commit"], objects)
        changes["inputs"] = [{"path": path, "sha256": site.coordinator.add_blob(content), "size_bytes": len(content), "mode": 0o644}]
        return changes
    return Attempt("inputs: " + name, stopped_by, script, spec=spec, **more)


def tampered(site):
    sha256 = site.coordinator.add_blob(b"what was promised\n")
    site.coordinator.blobs[sha256] = b"what was put there\n"
    return {"inputs": [{"path": "it", "sha256": sha256, "size_bytes": 18, "mode": 0o644}]}


UNAVAILABLE = {"reason": "sandbox_unavailable", "message": "could not be brought in"}

ATTEMPTS = [
    repository("hooks, fsmonitor and configuration in the tree", "libgit2 reads objects alone; no configuration of a checkout",
               hooks, "git status >/dev/null; git log --oneline | wc -l; " + UNTOUCHED, "1\n0\n"),
    repository("filters, encodings and ident in .gitattributes", "no attribute is applied", filters,
               "cat plain; " + UNTOUCHED, "$Id$\nline\n0\n"),
    repository("submodules with commands and options for URLs", "submodules are empty directories", submodules,
               "find sub other; " + UNTOUCHED, "sub\nother\n0\n"),
    Attempt("checkout: branch names that look like options and commands", "a job names its commit by id, the branch is a variable",
            'printf "%s\\n" "$CI_BRANCH"; ' + UNTOUCHED,
            spec={"env": {"CI_BRANCH": "--upload-pack=touch${IFS}PWNED;$(touch PWNED)"}},
            log="--upload-pack=touch${IFS}PWNED;$(touch PWNED)\n0\n"),
    repository("a commit that is no id", "checked", lambda objects, site: "--output=/tmp/x" + "0" * 25, "true", reason=SOURCE,
               message="is no commit id"),
    *(repository(f"a file named {shown}", "every name is checked", commit_of([(mode, name, value)]), "true", reason=SOURCE,
                 message=NOT_ALLOWED)
      for shown, mode, name, value in ((".git", "100644", ".git", "gitdir: /tmp"), (".GIT", "100644", ".GIT", "x"),
                                       ("..", "100644", "..", "x"), ("../../etc/x", "100644", "../../etc/x", "x"),
                                       ("/etc/x", "100644", "/etc/x", "x"))),
    repository("a .git directory below", "every name is checked", lambda o, site: o.commit_of({"sub/.git/config": "[core]"}), "true",
               reason=SOURCE, message=NOT_ALLOWED),
    repository("a link and a directory of one name", "resolved beneath, links never followed",
               lambda o, site: o.commit(o.tree([("120000", "a", o.blob("/tmp")), ("40000", "a", o.tree([("100644", "f", o.blob("x"))]))])),
               "true", **UNAVAILABLE),
    repository("links to everywhere", "they point to what is inside",
               lambda o, site: o.commit_of({"a": ("120000", "/etc/passwd"), "b": ("120000", "../../../root"),
                                            "c": ("120000", str(site.canaries.file)), "d": ("120000", "/proc/1/root")}),
               "grep -c : a; cat b/x c d/etc/shadow 2>/dev/null | wc -c", "3\n0\n"),
    repository("modes of set-uid, devices and nonsense", "a file is 0644 or 0755",
               commit_of([("104755", "a", "x"), ("060644", "b", "x"), ("100777", "c", "x")]), "stat -c '%a %F' a b c",
               log=re.compile(rb"(?:(?:644|755) regular file\n){3}")),
    repository("a name of 5000 bytes", "limit of paths", commit_of([("100644", "n" * 5000, "x")]), "true", reason=SOURCE),
    repository("a name of 300 bytes", "limit of names", commit_of([("100644", "n" * 300, "x")]), "true", reason=SOURCE,
               message=NOT_ALLOWED),
    repository("names of invalid bytes, escapes and options", "bytes are bytes",
               commit_of([("100644", b"\x1b[31m\xff", "1"), ("100644", b"--help", "2"), ("100644", b"a\nb", "3")]),
               "ls -A | wc -c; cat ./*", log="23\n123\n"),
    repository("a tree of 5000 levels", "limit of depth", nested(5000), "true", reason=SOURCE, message="too deep"),
    repository("a parent's tree of 60000 levels, with all history", "only the commit's own tree is walked", history_of_depth(60000),
               "git log --oneline | wc -l; cat f", "2\nx\n", job={"fetch_depth": 0}, seconds=30),
    repository("a tree that stands for 10^10 files", "limit of entries and bytes", bomb, "true", reason="disk_full",
               message="than fit on the job's disk", seconds=30),
    repository("one blob as 1000 files of 4 MB", "limit of bytes", many_times(1000, 4 << 20), "true", reason="disk_full",
               message="than fit on the job's disk"),
    repository("a blob of 100 MB that takes 100 KB in the pack", "limit of bytes", blob_of(100 << 20), "true", reason="disk_full",
               message="than fit on the job's disk"),
    Attempt("checkout: a pack that is none", "the pack is indexed and the commit looked for", "true", reason=SOURCE,
            spec=lambda site: broken_pack(site, "no pack", b"GIF89a"), message="no pack"),
    Attempt("checkout: a pack cut short", "the pack is indexed and the commit looked for", "true", reason=SOURCE,
            spec=lambda site: broken_pack(site, "cut pack", None)),
    Attempt("checkout: a pack that lacks the commit", "the pack is indexed and the commit looked for", "true", reason=SOURCE,
            spec=lambda site: other_commit(site)),

    artifacts("links to files outside, and to secrets", "links are never followed",
              "ln -s /etc/passwd a; ln -s /proc/self/environ b; mkdir c; ln -s / c/d; echo real > e", ["a", "b", "c", "e"],
              reason="artifact_failed", message='no file matches the artifact "a"', kept=[]),
    artifacts("links among files", "links are left out", "mkdir out; ln -s /etc out/etc; ln -s ../probe out/p; echo x > out/real",
              ["out"], kept=["out/real"]),
    artifacts("pipes, sockets and whiteouts", "regular files only",
              "mkdir out; mkfifo out/pipe; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"out/s\")'; "
              "mknod out/w c 0 0; echo x > out/real", ["out"], kept=["out/real"]),
    artifacts("names that climb, hide or confuse", "walked from above, names checked",
              """mkdir -p out/... 'out/-rf' "out/$(printf 'new\\nline')"; echo 1 > 'out/.../x'; echo 2 > out/-rf/--help
echo 3 > "out/$(printf 'new\\nline')/x"; echo 4 > "out/$(printf '\\033[2J')"; echo 5 > 'out/..\\..\\x'; echo 6 > 'out/C:x'""",
              ["out"], kept=["out/.../x", "out/-rf/--help", "out/new\nline/x", "out/\x1b[2J", "out/..\\..\\x", "out/C:x"]),
    artifacts("a name that is not UTF-8", "checked", "echo x > \"$(printf 'bad\\377')\"", ["bad*"], reason="artifact_failed",
              message="its name is not UTF-8", kept=[]),
    artifacts("patterns that climb out: .., absolute", "matched against paths of the walk", "echo x > real",
              ["../../etc/passwd", "/etc/passwd", "real"], reason="artifact_failed", message="no file matches", kept=[]),
    artifacts("a sparse giant", "limit of bytes: the job's disk", "truncate -s 1T giant", ["giant"], reason="artifact_failed",
              message="more than 67108864 bytes", kept=[]),
    artifacts("one file under a hundred names", "limit of bytes: the job's disk",
              "mkdir out; head -c 5000000 /dev/zero > out/1; for i in $(seq 2 100); do ln out/1 out/$i; done", ["out"],
              reason="artifact_failed", message="more than 67108864 bytes", kept=[]),
    artifacts("a tree too deep to walk", "limit of depth", "./probe depth 300; echo x > shallow", ["**"],
              log="deep: 300\n", kept=["probe", "shallow"]),
    artifacts("its own .git", "left out", "echo x > .git/evil", ["**"], kept=["probe"]),
    artifacts("archives that climb out of where they are unpacked", "nothing is unpacked; bytes are bytes",
              "python3 - <<'E'\nimport io, tarfile\nt = tarfile.open('evil.tar', 'w')\ni = tarfile.TarInfo('../../etc/cron.d/x')\n"
              "i.size = 1\nt.addfile(i, io.BytesIO(b'x'))\nt.close()\nE", ["evil.tar"], kept=["evil.tar"]),
    artifacts("files that change while they are taken", "taken when all processes are dead",
              "echo x > f; setsid sh -c 'while :; do head -c $RANDOM /dev/zero > f; rm -f f; ln -s /etc/passwd f; done' "
              ">/dev/null 2>&1 & sleep 0.1; rm -rf f g; echo whole > g", ["g"], kept=["g"]),

    inputs("into a directory that a commit made a link", "resolved beneath, links never followed", "true", "out/it",
           make=lambda o, site: o.commit_of({"out": ("120000", "/tmp")}), **UNAVAILABLE),
    inputs("over a file that a commit made a link", "the link itself is replaced", "cat it; ls -A /tmp", "it",
           make=lambda o, site: o.commit_of({"it": ("120000", "/tmp/target")}), log="it\n"),
    *(inputs(f"at {path}", "names are checked", "true", path, reason=SOURCE, message="is not allowed")
      for path in ("../../home/build/.profile", "/etc/profile", "a/../../b")),
    inputs("over .git's hooks", "no hook is run for a checkout that is there", "git -c advice.ignoredHook=false status >/dev/null; " + UNTOUCHED,
           ".git/hooks/post-index-change", content=EVIL[1].encode(), log="0\n"),
    Attempt("inputs: other bytes than promised", "SHA-256", "true", spec=tampered, reason=SOURCE, message="came damaged"),

    Attempt("outputs: a link in place of $CI_OUTPUT", "links are never followed", 'rm -f "$CI_OUTPUT"; ln -s /etc/passwd "$CI_OUTPUT"',
            spec={"outputs": ["x"]}, reason="artifact_failed", message="a link"),
    Attempt("outputs: a pipe in place of $CI_OUTPUT", "regular files only", 'rm -f "$CI_OUTPUT"; mkfifo "$CI_OUTPUT"',
            spec={"outputs": ["x"]}, reason="artifact_failed", message="not a regular file"),
    Attempt("outputs: 50 MB of them", "limit of bytes", 'yes x=1 | head -c 50000000 > "$CI_OUTPUT"', spec={"outputs": ["x"]},
            reason="artifact_failed"),
    Attempt("outputs: names that were not declared, or are variables of the worker", "declared names only",
            'echo "LD_PRELOAD=/workspace/x" > "$CI_OUTPUT"', spec={"outputs": ["x"]}, reason="artifact_failed"),
]


def broken_pack(site, name, content):
    objects = Objects()
    commit = objects.commit_of({"a": os.urandom(5000)})
    site.coordinator.add_repository(name, commit, objects)
    whole = site.coordinator.repositories[name, commit]
    site.coordinator.repositories[name, commit] = whole[:len(whole) // 2] if content is None else content
    return {"repository": name, "commit": commit}


def other_commit(site):
    objects = Objects()
    objects.commit_of({"a": "x"})
    site.coordinator.add_repository("other commit", "1" * 40, objects)
    return {"repository": "other commit", "commit": "1" * 40}
