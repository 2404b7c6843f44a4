"""How long it takes from an alarm that fires to the first step of the way back: releases that bake, an alarm that is told of by a signed
webhook, and times from the rows. Each round is a release that ends in quarantine, which is lifted again."""

import hashlib
import hmac
import json
import statistics
import time

from penstock_world import World
from table import Row

ROUNDS = 15
DEPLOY = """\
deploy:
  version: "${{ inputs.version }}"
  steps: [ { run: "true" } ]
"""
RELEASE = """\
name: %s
on: { manual: {} }
inputs: { version: { required: true } }
stages: [ { name: prod, environment: prod, alarms: [errors], waves: [ { targets: [one], bake: %s }, { targets: ["*"] } ] } ]
"""
CONFIGURATION = """\
alarms: { errors: { webhook: { firing: "body.status == 'firing'" } } }
environments: { prod: { targets: { one: {}, two: {}, three: {} } } }
"""


def make_world():
    world = World(workers=4)
    world.__enter__()
    world.repository("web", {".penstock/good.yaml": RELEASE % ("good", "0s") + DEPLOY, ".penstock/bad.yaml": RELEASE % ("bad", "1h") + DEPLOY})
    world.push()
    world.run("config", "apply", "-", text=CONFIGURATION, check=0)
    return world


def tell(world, secret, status):
    body = json.dumps({"status": status}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    answer = world.up.call("POST", "/api/v1/alarms/errors", body, headers={"X-Penstock-Signature": f"sha256={signature}"})
    assert answer.status < 300, answer.body


def release(world, pipeline, version):
    return world.api("/runs", "POST", {"repository": "web", "pipeline": pipeline, "inputs": {"version": version}})["name"]


def seconds_of(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:26])


def measure_one(world, secret, number):
    tell(world, secret, "ok")
    bad = release(world, "bad", f"v{number}")
    world.wait(lambda: world.show(bad)["stages"][0]["delivery"]["waves"][0]["state"] == "baking", 30, f"{bad} bakes")
    time.sleep(0.2)  # at rest, as a bake is
    tell(world, secret, "firing")
    world.wait_state(bad, ["rolled_back"])
    back = world.pushed_run(int(bad.partition("#")[2]) + 1)
    jobs = [job for stage in world.wait_state(back, ["succeeded"])["stages"] for job in stage["jobs"] if job["started_at"]]
    for held in world.api("/quarantine")["quarantine"]:  # or what comes of the same commit would be held, too
        world.run("quarantine", "release", str(held["id"]), "the next round", check=0)
    fired = next(change["at"] for change in world.api("/alarms/errors")["changes"] if change["state"] == "firing")
    return (min(seconds_of(job["started_at"]) for job in jobs) - seconds_of(fired)) * 1000


def rollback():
    world = make_world()
    try:
        secret = world.run("alarm", "secret", "errors", check=0)[1].splitlines()[0]
        tell(world, secret, "ok")
        world.wait_state(release(world, "good", "v0"), ["succeeded"])
        times = [measure_one(world, secret, number) for number in range(1, ROUNDS + 1)]
    finally:
        world.__exit__()
    return [Row("alarm fires to rollback's first step started, median", statistics.median(times), "ms"),
            Row(f"alarm fires to rollback's first step started, worst of {ROUNDS}", max(times), "ms")]
