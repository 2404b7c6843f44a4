"""What runs where, going back, deploying again, quarantine, as api_cases.py runs them."""

RELEASE = """name: release
on: { manual: {} }
stages:
  - { name: moon, environment: moon }
deploy: { service: web, version: "${{ event.commit }}", steps: [ { run: ./deploy } ] }
"""
PLACES = "environments:\n  moon: { targets: { base: { url: http://moon.example.com } } }\n  dark: { targets: { side: {} } }\n"


def release(world):
    run = world.expect(201, "createRun", {"repository": "web", "pipeline": "release", "ref": world.repository.commits[-1]})
    return run["name"]


def deployed(world, run, exit_code=0):
    job = world.bench.lease("moon/deploy[target=base]")["job"]
    world.bench.start(job)
    world.bench.finish(job, exit_code)
    return world.wait_for(f"{run} ends", lambda: (
        one := world.expect(200, "getRun", run=run)["run"])["state"] in ("succeeded", "failed") and one)


def changes(world, old, new):
    """Between two releases there is one commit; a point is a version, an environment, a branch or a commit."""
    commits = world.repository.commits
    for points, titles, reverted in (
            ({"from": old, "to": new}, ["More"], 0),
            ({"from": old, "to": "moon"}, ["More"], 0),
            ({"from": "moon", "to": "main"}, [], 0),
            ({"from": commits[-2], "to": commits[-1][:10]}, ["More"], 0),
            ({"from": "moon", "to": old}, [], 1)):
        found = world.expect(200, "listChanges", query=points, service="web")
        world.check([one["title"] for one in found["commits"]] == titles and found["total"] == len(titles)
                    and found["reverted"] == reverted and found["is_counted"], f"{points}: {found}")
    whole = world.expect(200, "listChanges", query={"from": "dark", "to": "moon", "limit": 1}, service="web")
    world.check(whole["from"]["commit"] == "" and len(whole["commits"]) == 1 and whole["total"] > 3, f"to where nothing runs: {whole}")
    nothing = world.expect(200, "listChanges", query={"from": "moon", "to": "dark"}, service="web")
    world.check(nothing["to"]["commit"] == "" and nothing["total"] == 0, f"from where nothing runs: {nothing}")
    world.refused(400, "from, to", "listChanges", query={"from": "moon"}, service="web")
    world.refused(404, "no branch, tag or commit \"mars\"", "listChanges", query={"from": "mars", "to": "moon"}, service="web")
    world.refused(404, "no service \"wobble\"", "listChanges", query={"from": "a", "to": "b"}, service="wobble")


def test_deliveries(world):
    empty = world.expect(200, "getBoard")
    world.check(empty["targets"] == [] and empty["waiting"] == [] and empty["places"] == [], f"a board before anything was deployed: {empty}")
    world.check(set(empty["why_not"].values()) == {""}, f"an admin may not: {empty['why_not']}")
    dan = world.expect(200, "getBoard", token=world.dan)["why_not"]
    world.check(dan["deploy"] == "" and dan["roll_back"] == "" and "takes the role operator; dan is a developer" in dan["stop"], f"dan may not: {dan}")
    version = world.expect(200, "getConfiguration")["version"]
    world.expect(200, "applyConfiguration", {"text": PLACES, "version": version})
    world.repository.commit({".penstock/release.yaml": RELEASE}, "Release by hand")
    world.refused(404, "nothing was deployed", "rollBack", {"service": "web", "environment": "moon", "reason": "bad"})
    world.refused(404, "no such service", "deployVersion", {"service": "web", "environment": "mars", "version": "1"})
    first = release(world)
    world.check(deployed(world, first)["state"] == "succeeded", "the first release")
    stage = world.expect(200, "getRun", run=first)["stages"][0]
    wave = stage["delivery"]["waves"][0]
    world.check(wave["state"] == "succeeded" and wave["deployments"][0]["state"] == "live" and wave["deployments"][0]["baked_at"], f"{wave}")
    old = stage["delivery"]["version"]
    world.repository.commit({"a": "3"}, "More")
    second = release(world)
    deployed(world, second)
    board = world.expect(200, "getBoard")["targets"]
    world.check([(one["target"], one["run"], one["state"]) for one in board] == [("base", second, "live")], f"{board}")
    world.check(board[0]["commit"] == world.repository.commits[-1] and board[0]["quarantine_id"] == 0 and board[0]["coming_state"] == "", f"{board}")
    for query, count in (({"service": "web"}, 1), ({"environment": "moon"}, 1), ({"service": "web", "environment": "mars"}, 0)):
        found = world.expect(200, "getBoard", query=query)
        world.check(len(found["targets"]) == len(found["places"]) == count, f"the board of {query}: {found}")
    changes(world, old, board[0]["version"])
    stop = world.expect(201, "placeBlocker", {"service": "web", "environment": "moon", "reason": "we look first"})
    place = world.expect(200, "getBoard")["places"][0]
    world.check(place["state"]["kind"] == "blocker" and "we look first" in place["state"]["reason"] and place["pin"] == "", f"{place}")
    world.expect(200, "liftBlocker", {"reason": "seen"}, blocker=stop["id"])
    world.refused(400, "reason", "rollBack", {"service": "web", "environment": "moon"})
    slip = {"service": "web", "environment": "moon", "reason": "a slip of the finger"}
    world.refused(404, "no version \"nonsense\"", "rollBack", {**slip, "to": "nonsense"})
    world.refused(409, "is no way back in moon", "rollBack", {**slip, "to": board[0]["version"]})
    world.check(world.expect(200, "listQuarantine")["quarantine"] == [], "a rollback to nowhere condemned what runs")
    world.refused(404, "no version \"nonsense\"", "deployVersion", {"service": "web", "environment": "moon", "version": "nonsense"})
    back = world.expect(201, "rollBack", {"service": "web", "environment": "moon", "reason": "it lost orders", "to": old[:8]})
    world.check(back["kind"] == "rollback" and back["event"] == "rollback", f"{back}")
    world.check(deployed(world, back["name"])["state"] == "succeeded", "the way back")
    listed = world.expect(200, "listDeployments", query={"service": "web", "environment": "moon"})["deployments"]
    world.check([(one["run"], one["version"] == old) for one in listed] == [(back["name"], True), (second, False), (first, True)], f"{listed}")
    held = world.expect(200, "listQuarantine")["quarantine"]
    world.check(len(held) == 1 and held[0]["reason"] == "it lost orders" and held[0]["placed_by"] == "admin", f"{held}")
    again = {"service": "web", "environment": "moon", "version": held[0]["version"][:8]}
    refused = world.expect(201, "deployVersion", again)["name"]
    ended = world.wait_for("a quarantined version", lambda: (
        one := world.expect(200, "getRun", run=refused)["run"])["state"] == "cancelled" and one)
    world.check("is quarantined in moon: it lost orders" in ended["reason"], ended["reason"])
    fixed = {"run": first, "reason": "mended"}
    world.refused(400, "named by its id", "markFixed", fixed, quarantine="x")
    world.refused(404, "no such quarantine", "markFixed", fixed, quarantine=999)
    world.expect(204, "markFixed", fixed, quarantine=held[0]["id"])
    marked = world.expect(200, "listQuarantine")["quarantine"][0]
    world.check(marked["fixed_reason"] == "mended" and len(marked["fixed_commit"]) == 40, f"{marked}")
    world.refused(400, "named by its id", "releaseQuarantine", {"reason": "mended"}, quarantine="x")
    world.refused(404, "no such quarantine", "releaseQuarantine", {"reason": "mended"}, quarantine=999)
    world.expect(204, "releaseQuarantine", {"reason": "mended"}, quarantine=held[0]["id"])
    once_more = world.expect(201, "deployVersion", again)["name"]
    world.check(deployed(world, once_more)["state"] == "succeeded", "a version that was released")
    until = {"service": "web", "environment": "moon"}
    world.refused(400, "in_ms", "setExpiry", {**until, "in_ms": 0})
    world.refused(404, "nothing of such a service", "setExpiry", {"service": "web", "environment": "mars"})
    soon = {**until, "in_ms": 3600000}
    world.refused(400, "no `teardown` steps", "setExpiry", soon)
    world.repository.commit({".penstock/release.yaml": RELEASE.replace("./deploy } ]", "./deploy } ], teardown: [ { run: ./undo } ]")}, "Undo")
    mortal = release(world)
    world.check(deployed(world, mortal)["state"] == "succeeded", "a release that can be taken down")
    world.refused(403, "takes the role operator", "setExpiry", soon, token=world.dan)
    world.check(world.expect(200, "setExpiry", soon)["expires_at"], "an expiry")
    world.check(world.expect(200, "setExpiry", soon, token=world.dan)["expires_at"], "what expires, a developer may")
    world.check(world.expect(200, "getBoard")["targets"][0]["expires_at"], "the board says so")
    listed = world.expect(200, "listExpiries")["expiries"]
    world.check([(one["environment"], one["run"], one["tries"]) for one in listed] == [("moon", mortal, 0)], f"{listed}")
    world.check(world.expect(200, "setExpiry", until)["expires_at"] is None, "no expiry")
    world.refused(404, "web#9999", "resolveDeployment", {"target": "base", "verdict": "live"}, run="web#9999")
    world.refused(404, "web#9999", "acceptWave", {"reason": "it is good"}, run="web#9999")
    world.refused(409, "no wave that asks", "acceptWave", {"reason": "it is good"}, run=once_more)
    world.refused(400, "reason", "acceptWave", {}, run=once_more)
    world.refused(409, "no deployment", "resolveDeployment", {"target": "base", "verdict": "live"}, run=once_more)
    lost = release(world)
    job = world.bench.lease("moon/deploy[target=base]")["job"]
    world.bench.start(job)
    world.bench.finish(job, reason="worker_lost")
    world.wait_for("an unknown outcome", lambda: "penstock resolve" in world.expect(200, "getRun", run=lost)["run"]["waiting_for"])
    board = world.expect(200, "getBoard")
    world.check([(one["run"], one["stage"]) for one in board["waiting"]] == [(lost, "moon")], f"the board does not say who waits: {board}")
    world.check([(one["coming_run"], one["coming_state"]) for one in board["targets"]] == [(lost, "unknown")], f"{board}")
    world.expect(200, "resolveDeployment", {"target": "base", "verdict": "live"}, run=lost)
    world.wait_for(f"{lost} ends", lambda: world.expect(200, "getRun", run=lost)["run"]["state"] == "succeeded")
    world.repository.commit({".penstock/release.yaml": RELEASE.replace("environment: moon }", "environment: moon, waves: [ { targets: [base], bake: 1h } ] }")},
                            "Bake")
    slow = release(world)
    job = world.bench.lease("moon/deploy[target=base]")["job"]
    world.bench.start(job)
    world.bench.finish(job, 0)
    world.wait_for("a bake", lambda: "to bake until" in world.expect(200, "getRun", run=slow)["run"]["waiting_for"])
    world.refused(409, "no wave that asks", "acceptWave", {"reason": "it is good"}, run=slow)
    world.cluster.sql("begin; update wave set asked_at = now(), bake_until = now() where state = 'baking'; "
                      f"update run set version = version + 1 where 'web#' || number = '{slow}'; commit")
    world.check(world.expect(200, "getBoard")["waiting"][0]["is_asked"], "the board does not say that somebody is asked")
    world.refused(403, "takes the role operator", "acceptWave", {"reason": "it is good"}, run=slow, token=world.dan)
    world.expect(200, "acceptWave", {"reason": "it is good"}, run=slow)
    world.wait_for(f"{slow} ends", lambda: world.expect(200, "getRun", run=slow)["run"]["state"] == "succeeded")
    wave = world.expect(200, "getRun", run=slow)["stages"][0]["delivery"]["waves"][0]
    world.check(wave["accepted"] == "admin: it is good", f"{wave}")
