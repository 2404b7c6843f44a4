"""The configuration document, environments and stops of the line, as api_cases.py runs them."""

FIRST = """# who works here
groups: { release: [ann] }
environments:
  dev:
    variables: { level: one } # of the demo
  # the last one
  prod: { tier: production, lane: fifo, targets: { eu: { url: http://eu.example.com } } }
"""
SHIP = """on: { manual: {} }
stages: [{ name: live, environment: prod, gate: { approvals: 1 } }]
deploy: { service: web, version: v1, steps: [{ run: "true" }] }
"""


def test_configuration(world):
    none = world.expect(200, "getConfiguration")
    world.check((none["version"], none["text"]) == (0, ""), f"there is a configuration at the start: {none}")
    world.check(none["why_not"] == {"compare": "", "apply": "", "revert": ""}, f"{none['why_not']}")
    theirs = world.expect(200, "getConfiguration", token=world.ann)["why_not"]
    world.check(theirs["compare"] == "" and "takes the role admin" in theirs["apply"] == theirs["revert"], f"{theirs}")
    world.refused(404, "no version 1", "getConfigurationVersion")
    world.refused(403, "admin", "applyConfiguration", {"text": FIRST, "version": 0}, token=world.ann)
    diff = world.expect(200, "compareConfiguration", {"text": FIRST}, token=world.ann)
    world.check([one["path"] for one in diff["changes"]] == ["groups", "environments"], f"{diff['changes']}")
    made = world.expect(200, "applyConfiguration", {"text": FIRST, "version": 0, "comment": "begin"})
    world.check(made["version"] == 1 and made["changes"] == diff["changes"], f"{made}")
    world.refused(409, "somebody else", "applyConfiguration", {"text": FIRST, "version": 0})
    world.refused(400, "If-Match", "applyConfiguration", {"text": FIRST})
    now = world.call("getConfiguration")
    world.check(now.headers["ETag"] == '"1"' and now.json()["text"] == FIRST and now.json()["applied_by"] == "admin", f"{now.json()}")
    second = FIRST.replace("level: one", "level: two").replace("[ann]", "[ann, zoe]") + "services: { api: { repository: none } }\n"
    made = world.expect(200, "applyConfiguration", {"text": second}, headers={"If-Match": now.headers["ETag"]})
    world.check(made["version"] == 2 and len(made["warnings"]) == 2, f"{made}")
    wrong = world.expect(200, "compareConfiguration", {"text": "enviroments: {}\n"})
    world.check(wrong["changes"] == [] and 'did you mean "environments"' in wrong["errors"][0]["message"], f"{wrong}")
    world.refused(400, "did you mean", "applyConfiguration", {"text": "enviroments: {}\n", "version": 2})
    world.refused(404, "no version 9", "revertConfiguration", {"to": 9, "version": 2})
    world.refused(400, '"to"', "revertConfiguration", {"to": 0, "version": 2})
    world.refused(409, "somebody else", "revertConfiguration", {"to": 1, "version": 1})
    back = world.expect(200, "revertConfiguration", {"to": 1, "version": 2, "comment": "too early"})
    world.check(back["version"] == 3 and {one["path"] for one in back["changes"]} ==
                {"groups.release", "services", "environments.dev.variables.level"}, f"{back}")
    versions = world.expect(200, "listConfigurationVersions")["versions"]
    world.check([(one["version"], one["reverted_from"], one["comment"]) for one in versions] ==
                [(3, 1, "too early"), (2, 0, ""), (1, 0, "begin")], f"{versions}")
    page = world.expect(200, "listConfigurationVersions", query={"limit": 2})
    world.check(world.expect(200, "listConfigurationVersions", query={"before": page["next"]})["versions"] == versions[2:], "pages")
    world.check(world.expect(200, "getConfigurationVersion", version=2)["text"] == second, "the text of version 2")
    compare_versions(world, diff["changes"], back["changes"])


def compare_versions(world, first, back):
    def paths(version, **query):
        found = world.expect(200, "compareConfigurationVersions", version=version, query=query, token=world.ann)
        world.check(found["version"] == query.get("from", version - 1) and found["errors"] == [], f"{version}, {query}: {found}")
        return found["changes"]
    world.check(paths(1) == first, "what the first version brought")
    world.check(paths(3) == back, "what the way back took away")
    world.check(paths(3, **{"from": 1}) == [], "1 and 3 are the same text")
    world.check(paths(2, **{"from": 0}) != [], "against nothing")
    world.refused(404, "no version 9", "compareConfigurationVersions", version=9)
    world.refused(404, "no version 8", "compareConfigurationVersions", version=2, query={"from": 8})
    world.refused(400, "from", "compareConfigurationVersions", version=2, query={"from": -1})


def test_environments(world):
    listed = world.expect(200, "listEnvironments")
    world.check([(one["name"], one["lane"], one["targets"]) for one in listed["environments"]] ==
                [("dev", "newest", []), ("prod", "fifo", ["eu"])] and listed["version"] == 3, f"{listed}")
    prod = world.expect(200, "getEnvironment", environment="prod")
    world.check(prod["targets"][0]["url"] == "http://eu.example.com" and prod["state"]["kind"] == "open", f"{prod}")
    world.refused(404, "env ls", "getEnvironment", environment="sandbox/bob")
    world.refused(403, "admin", "createEnvironment", {"name": "sandbox/bob"}, token=world.ann)
    world.refused(409, "exists already", "createEnvironment", {"name": "dev"})
    world.refused(400, "sandbox/ann", "createEnvironment", {"name": "x: {}\n"})
    world.refused(400, "plain word", "createEnvironment", {"name": "qa", "tier": "a, lane: fifo"})
    world.refused(400, "lane", "createEnvironment", {"name": "qa", "lane": "slow"})
    made = world.expect(201, "createEnvironment", {"name": "sandbox/bob", "tier": "sandbox"})
    world.check([one["path"] for one in made["changes"]] == ["environments.sandbox/bob"], f"{made}")
    world.check(world.expect(200, "getConfiguration")["text"] == FIRST + "  sandbox/bob: { tier: sandbox }\n", "the text it came to")
    world.check(world.expect(200, "getEnvironment", environment="sandbox/bob")["tier"] == "sandbox", "the new environment")


def test_blockers(world):
    world.check(world.expect(200, "listBlockers")["blockers"] == [], "the line is stopped at the start")
    world.refused(403, "operator", "placeBlocker", {"reason": "x"}, token=world.ann)
    world.refused(400, "did you mean", "placeBlocker", {"environment": "prd", "reason": "x"})
    world.refused(400, "there is no", "placeBlocker", {"service": "nothing", "reason": "x"})
    world.refused(400, "reason", "placeBlocker", {"reason": " "})
    stop = world.expect(201, "placeBlocker", {"environment": "prod", "service": "", "reason": "it burns"})
    state = world.expect(200, "getEnvironment", environment="prod")["state"]
    world.check(state["kind"] == "blocker" and "by admin: it burns" in state["reason"] and state["since"] == stop["placed_at"], f"{state}")
    world.check(world.expect(200, "getEnvironment", environment="dev")["state"]["kind"] == "open", "another environment is stopped")
    lifted = world.expect(200, "liftBlocker", {"reason": "it is out"}, blocker=stop["id"])
    world.check(lifted["lifted_by"] == "admin" and lifted["lift_reason"] == "it is out", f"{lifted}")
    world.refused(404, "no stop", "liftBlocker", {"reason": "again"}, blocker=stop["id"])
    world.check(world.expect(200, "getEnvironment", environment="prod")["state"]["kind"] == "open", "it is still stopped")
    world.check(world.expect(200, "listBlockers")["blockers"] == [], "a lifted stop stands")
    world.check(world.expect(200, "listBlockers", query={"all": "true"})["blockers"] == [lifted], "the lifted stop is forgotten")
    world.expect(400, "listBlockers", query={"all": "perhaps"})
    audit = world.cluster.sql("select action || ' ' || object from audit where action like 'line.%' order by id").splitlines()
    world.check(audit == ["line.stop stop 1", "line.lift stop 1"], f"audit: {audit}")
    world.refused(404, "no run", "overrideFreeze", {"reason": "x"}, run="web#999")
    world.refused(409, "no stage", "overrideFreeze", {"reason": "x"}, run="web#1")
    world.repository.commit({".penstock/ship.yaml": SHIP}, "Ship", branch="ship")
    run = world.expect(201, "createRun", {"repository": "web", "pipeline": "ship", "ref": "ship"})["name"]
    passed = world.expect(200, "overrideFreeze", {"reason": "it burns"}, run=run)
    world.check(passed == {"run": run, "stage": "live", "environment": "prod"}, f"{passed}")
    world.expect(200, "cancelRun", {}, run=run)
    world.refused(403, "operator", "overrideFreeze", {"reason": "x"}, run="web#1", token=world.ann)
    world.refused(400, "reason", "overrideFreeze", {"reason": ""}, run="web#1")
