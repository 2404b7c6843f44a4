/* The repository "web" of the flows against a real server. Only ci runs on pushes; the rest is started by the flow that wants it. */
import type { Files } from "./world.ts";

/* A commit with a file "pace" says how many seconds the tests of it take. */
const CI = `name: ci
on: { push: { branches: [main] } }
stages:
  - name: test
    jobs:
      lint: { steps: [ { name: look, run: "sleep 1; echo lint is clean" } ] }
      unit:
        matrix: { shard: [1, 2] }
        steps: [ { run: "sleep $(cat pace 2>/dev/null || echo 1); echo shard $MATRIX_SHARD" } ]
  - name: build
    jobs:
      package:
        artifacts: { paths: ["out/*.txt"] }
        steps: [ { run: "mkdir out && echo made > out/made.txt" } ]
`;

const GATE = `name: release
on: { manual: {} }
stages:
  - name: ship
    gate: { approvals: 1, groups: [release], timeout: 1h }
    jobs: { ship: { steps: [ { run: "echo shipped" } ] } }
`;

/* The first attempt fails, the second does not. */
const FLAKY = `name: flaky
on: { manual: {} }
stages:
  - name: test
    jobs:
      good: { steps: [ { run: "echo fine" } ] }
      flaky: { steps: [ { run: "echo trying" }, { run: "[ $CI_ATTEMPT = 2 ] || { echo 'error: the disk said no'; exit 7; }" } ] }
`;

const LONG = `name: long
on: { manual: {} }
stages:
  - name: wait
    jobs: { long: { steps: [ { run: "echo begun; sleep 600" } ] } }
`;

/* A line each tenth of a second, with the time of its printing, until somebody has seen enough. */
const TICKS = `name: ticks
on: { manual: {} }
stages:
  - name: tick
    jobs:
      ticks: { steps: [ { run: "for i in $(seq 3000); do echo \\"printed $(date +%s%3N) $i\\"; sleep 0.1; done" } ] }
`;

/* For the restart in the middle: two hundred lines in ten seconds. */
const COUNT = `name: count
on: { manual: {} }
stages:
  - name: count
    jobs: { count: { steps: [ { run: "for i in $(seq 200); do echo line $i; sleep 0.05; done" } ] } }
`;

export const BIG_LINES = 100_000;
const BIG = `name: big
on: { manual: {} }
stages:
  - name: print
    jobs:
      big:
        steps:
          - name: first half
            run: seq -f 'record %06.0f of ${BIG_LINES}' 49999
          - name: second half
            run: |
              printf '\\033[1;31merror:\\033[0m in \\033[38;5;208mthe middle\\033[0m\\n'
              seq -f 'record %06.0f of ${BIG_LINES}' 50001 ${BIG_LINES}
`;

/* What its policy step finds is in the very file: an image by its tag, in a job that never runs. */
const CHECK = `name: check
on: { manual: {} }
stages:
  - name: check
    jobs:
      pins: { steps: [ { policy: pipeline-pinned } ] }
      never: { if: "false", image: debian:12, steps: [ { run: "true" } ] }
      unit:
        reports: { junit: junit.xml }
        steps: [ { run: "echo '<testsuite><testcase name=\\"cart sums up\\"><failure message=\\"was 9\\"/></testcase></testsuite>' > junit.xml" } ]
`;

const FORM = `name: load-test
on: { manual: { refs: ["**"], groups: [release] } }
inputs:
  target: { type: choice, options: [staging, qa], default: staging, label: Where to, description: Production is never load-tested }
  users: { type: number, default: 50, min: 1, max: 5000 }
  length: { type: duration, default: 10m, max: 2h }
  ticket: { type: string, required: true, pattern: "[A-Z]+-[0-9]+", description: The ticket that asks for it }
  verbose: { type: boolean, default: false, label: Print every request }
stages:
  - name: load
    jobs:
      load: { steps: [ { run: "echo $INPUT_TARGET $INPUT_USERS $INPUT_LENGTH $INPUT_TICKET $INPUT_VERBOSE" } ] }
`;

export const BROKEN_CI = CI.replace("stages:", "stage:");

export const WEB: Files = {
	".penstock/ci.yaml": CI,
	".penstock/release.yaml": GATE,
	".penstock/flaky.yaml": FLAKY,
	".penstock/long.yaml": LONG,
	".penstock/ticks.yaml": TICKS,
	".penstock/count.yaml": COUNT,
	".penstock/big.yaml": BIG,
	".penstock/load-test.yaml": FORM,
	".penstock/check.yaml": CHECK,
};
