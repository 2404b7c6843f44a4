"""Repositories, and what ties them to their forges."""

import json

from coordinator import signed


def test_repositories(world):
    web = {"name": "web", "url": str(world.repository.path)}
    world.refused(400, "name", "addRepository", {**web, "name": "not a name"})
    world.refused(400, "url", "addRepository", {**web, "url": "ext::sh -c id"})
    world.refused(400, "url", "addRepository", {**web, "url": "--upload-pack=id"})
    world.refused(502, "not added: .*missing.git' does not appear to be a git repository", "addRepository", {**web, "url": str(world.folder / "missing.git")})
    world.check(world.expect(200, "listRepositories")["repositories"] == [], "a repository that cannot be fetched was kept")
    world.refused(403, "operator", "addRepository", web, token=world.ann)
    added = world.expect(201, "addRepository", web)
    world.check(added["default_branch"] == "main" and added["problem"] == "", f"added: {added}")
    world.refused(409, "already", "addRepository", web)
    world.check(world.expect(200, "getRepository") == added, "a repository is not what was added")
    world.check([one["name"] for one in world.expect(200, "listRepositories")["repositories"]] == ["web"], "list of repositories")
    world.refused(404, "missing", "getRepository", repository="missing")
    world.refused(404, "missing", "rotateHookSecret", repository="missing")
    world.refused(404, "missing", "pollRepository", repository="missing")
    world.refused(404, "missing", "removeRepository", repository="missing")
    found = world.expect(200, "pollRepository")
    world.check(found == {"updates": 0, "pull_requests": 0, "problem": ""}, f"a fresh repository has news: {found}")
    path = world.repository.path
    world.check(world.expect(200, "changeRepository", {"default_branch": "main"}) | {"fetched_at": 0} ==
                world.expect(200, "getRepository") | {"fetched_at": 0}, "what stays the same is changed")
    world.refused(400, "no branch", "changeRepository", {"default_branch": "missing"})
    world.refused(404, "missing", "changeRepository", {"default_branch": "main"}, repository="missing")
    world.refused(403, "admin", "changeRepository", {"default_branch": "main"}, token=world.ann)
    world.refused(502, "nowhere.git", "changeRepository", {"url": str(path.with_name("nowhere.git"))})
    away = path.rename(path.with_name("away"))
    world.refused(502, "origin.git", "pollRepository")
    away.rename(path)


def test_gitops_grants(world):
    world.expect(201, "addRepository", {"name": "hub", "url": str(world.repository.path)})
    world.check(world.expect(200, "listGitopsGrants")["grants"] == [], "a fresh repository takes changes")
    world.refused(403, "admin", "setGitopsGrant", {"source": "hub"}, token=world.ann)
    world.refused(400, "its own repository", "setGitopsGrant", {"source": "web"})
    world.refused(400, "refs", "setGitopsGrant", {"source": "hub", "refs": ["[a"]})
    world.refused(400, "unknown field", "setGitopsGrant", {"source": "hub", "paths": []})
    world.refused(404, "missing", "setGitopsGrant", {"source": "missing"})
    world.refused(404, "missing", "setGitopsGrant", {"source": "hub"}, repository="missing")
    world.expect(200, "setGitopsGrant", {"source": "hub"})
    grants = world.expect(200, "setGitopsGrant", {"source": "hub", "refs": ["main"], "files": ["apps/**"]})["grants"]
    world.check([(one["source"], one["refs"], one["files"]) for one in grants] == [("hub", ["main"], ["apps/**"])], f"grants: {grants}")
    world.check(world.expect(200, "listGitopsGrants")["grants"] == grants, "the list is not what was set")
    world.refused(404, "missing", "listGitopsGrants", repository="missing")
    world.expect(204, "removeGitopsGrant")
    world.refused(404, "as it is", "removeGitopsGrant")
    world.expect(204, "removeRepository", repository="hub")


def test_pipelines(world):
    found = world.expect(200, "listPipelines")
    world.check(found["ref"] == "refs/heads/main" and found["commit"] == world.repository.commits[-1], f"where: {found}")
    world.check("main" in found["branches"] and "broken" in found["branches"], f"branches: {found['branches']}")
    ci = next(one for one in found["pipelines"] if one["name"] == "ci")
    world.check(ci["may_start"] and [one["name"] for one in ci["inputs"]] == ["colour"], f"ci: {ci}")
    nightly = lambda token: next(one for one in world.expect(200, "listPipelines", token=token)["pipelines"]  # noqa: E731
                                 if one["name"] == "nightly")
    world.check(nightly(world.ann)["may_start"], "ann may not start it")
    world.check("release" in nightly(world.dan)["why_not"], f"dan may start it: {nightly(world.dan)}")
    broken = next(one for one in world.expect(200, "listPipelines", query={"ref": "broken"})["pipelines"] if one["name"] == "broken")
    world.check(not broken["may_start"] and broken["errors"][0]["line"] == 4, f"faults: {broken}")
    world.refused(404, "no-such-branch", "listPipelines", query={"ref": "no-such-branch"})
    world.refused(404, "missing", "listPipelines", repository="missing")
    world.check("schedules" in world.expect(200, "listSchedules"), "no list of schedules")
    world.refused(404, "missing", "listSchedules", repository="missing")
    kept = world.expect(200, "getRetention")
    world.check({one["what"]: one["count"] for one in kept["would_remove"]}["runs"] == 0, f"{kept}")
    world.refused(403, "operator", "getRetention", token=world.dan)
    world.refused(403, "admin", "runRetention", {}, token=world.dan)
    world.check("is_new" in world.expect(202, "runRetention", {}), "it does not begin")


def test_forges(world):
    folder = world.repository.path
    world.refused(400, "forge", "addRepository", {"name": "hub", "url": str(folder), "forge": "sourceforge"})
    world.refused(400, "secret", "addRepository", {"name": "hub", "url": str(folder), "forge": "github", "secret": "short"})
    world.refused(400, "password out of the address", "addRepository", {"name": "hub", "url": "https://ann:pw@example.org/a/b"})
    world.refused(400, "https", "addRepository", {"name": "hub", "url": "http://example.org/a/b", "token": "t"})
    world.refused(400, "ssh://", "addRepository", {"name": "hub", "url": "https://example.org/a/b", "ssh_key": "k"})
    added = world.expect(201, "addRepository", {"name": "hub", "url": str(folder), "forge": "github", "project": "octo/hub"})
    world.check(added["hook"]["url"].endswith("/hooks/hub") and added["project"] == "octo/hub", f"added: {added}")
    set_to = world.expect(200, "setCredential", {"token": "not-to-be-seen", "api_url": "https://api.example.org"}, repository="hub")
    world.check(set_to["has_token"] and "not-to-be-seen" not in str(set_to), f"set: {set_to}")
    world.refused(400, "nothing to set", "setCredential", {}, repository="hub")
    world.refused(400, "api_url", "setCredential", {"api_url": "http://example.org"}, repository="hub")
    world.refused(403, "admin", "setCredential", {"token": "t"}, repository="hub", token=world.ann)
    world.refused(404, "missing", "setCredential", {"token": "t"}, repository="missing")
    world.expect(204, "removeCredential", repository="hub")
    world.check(not world.expect(200, "getRepository", repository="hub")["has_token"], "the token was not forgotten")
    world.refused(404, "missing", "removeCredential", repository="missing")
    world.check(world.expect(200, "listDeliveries", repository="hub")["deliveries"] == [], "deliveries of nobody")
    world.refused(404, "missing", "listDeliveries", repository="missing")
    world.expect(204, "removeRepository", repository="hub")


def notice(world, commit, before, branch="main", **more):
    updates = [{"ref": f"refs/heads/{branch}", "before": before, "after": commit}]
    return json.dumps({"updates": updates, "pusher": "ann", **more}).encode()


def test_hooks(world):
    old = world.expect(200, "rotateHookSecret")["secret"]
    secret = world.expect(200, "rotateHookSecret")
    world.check(secret["url"].endswith("/hooks/web"), f"address {secret['url']}")
    first = world.repository.commits[-1]
    commit = world.repository.commit({"a": "1"}, "Add a")
    body = notice(world, commit, first)

    def send(status, body, secret, delivery="d1", **more):
        return world.expect(status, "receiveHook", body, token=None, headers=signed(body, secret, delivery), **more)

    send(401, body, "wrong")
    send(401, body, secret["secret"], repository="missing")
    world.expect(401, "receiveHook", body, token=None, why="no signature")
    send(400, b"{", secret["secret"])
    send(400, b'{"updates": [{"ref": "x"}]}', secret["secret"])
    send(400, b"[]", secret["secret"])
    world.expect(400, "receiveHook", body, token=None, why="no delivery id",
                 headers={key: value for key, value in signed(body, secret["secret"], "").items() if "Delivery" not in key})
    send(413, b'{"updates": [], "pusher": "' + b"x" * (4 << 20) + b'"}', secret["secret"])
    stored = send(202, body, secret["secret"])
    again = send(200, body, secret["secret"])
    world.check((again["delivery"], again["outcome"]) == (stored["delivery"], "repeated"), "a repeated delivery is not the same")
    run = world.run_of(commit)
    world.check(run["name"] == "web#1" and run["branch"] == "main" and run["title"] == "Add a", f"run: {run}")
    send(202, body, old, delivery="d2")  # the secret before stays valid
    skipped = world.repository.commit({"a": "2"}, "Unimportant")
    send(202, notice(world, skipped, commit, options=["ci.skip"]), old, delivery="d3")
    skipped = world.wait_for("a skipped trigger", lambda: next(
        (trigger for trigger in world.expect(200, "listTriggers", query={"repository": "web"})["triggers"]
         if trigger["state"] == "skipped"), None))
    world.check(skipped["reason"] and skipped["runs"] == [], f"skipped: {skipped}")
    settled = (b"\npenstock_deliveries_stored 0\n", b"\npenstock_triggers_pending 0\n")
    world.wait_for("all that came in", lambda: (
        figures := world.expect(200, "metrics", token=None).body) and all(line in figures for line in settled))
    everything = world.expect(200, "listTriggers")["triggers"]
    page = world.expect(200, "listTriggers", query={"limit": 1})
    rest = world.expect(200, "listTriggers", query={"before": page["next"]})
    world.check(page["triggers"] + rest["triggers"] == everything and rest["next"] is None, "pages of triggers do not join up")
    world.check(world.expect(200, "listTriggers", query={"repository": "missing"})["triggers"] == [], "triggers of nobody")
