/*
 * Example runs with environment stages: one that bakes, one at its gate with previews, one that was rolled back and the
 * rollback itself. Apart from the other examples, whose tests count runs.
 */
import { exampleBoard } from "./mock-board.ts";
import type { Job, Run, Stage, StageDelivery, Wave, WaveDeployment } from "../src/lib/model";
import { makeJob, makeStage, makeSummary, type MockData } from "./mock-data.ts";
import { makeGate } from "./mock-gates.ts";

const MINUTE_MS = 60_000;
const BAKES = "wave 2 of prod to bake until its time has passed";
const SILENT =
	"an operator to say how the deployment to eu-2 ended: its worker went silent (penstock resolve shop#51 eu-2 live|failed|retry)";

export function makeDeployment(id: number, target: string, given: Partial<WaveDeployment> = {}): WaveDeployment {
	return {
		id,
		target,
		version: "1.4.2",
		previous: "1.4.1",
		state: "live",
		job_id: id,
		started_at: null,
		ended_at: null,
		baked_at: null,
		...given,
	};
}

export function makeWave(number: number, targets: string[], given: Partial<Wave> = {}): Wave {
	return {
		number,
		name: "",
		state: "pending",
		held: "",
		targets,
		parallel: 1,
		bake_ms: 0,
		min_points: 0,
		started_at: null,
		baking_since: null,
		bake_until: null,
		ended_at: null,
		asked_at: null,
		accepted: "",
		deployments: [],
		...given,
	};
}

export function makeDelivery(waves: Wave[], given: Partial<StageDelivery> = {}): StageDelivery {
	return {
		service: "shop",
		version: "1.4.2",
		alarms: ["web-5xx", "web-latency"],
		on_alarm: "rollback",
		on_failure: "stop",
		waves,
		...given,
	};
}

/** A job of an environment stage, as the server names it: the same name at each target, told apart by the key. */
export function makePlaced(
	id: number,
	stage: Stage,
	name: string,
	place: { target: string } | { wave: number },
	given: Partial<Job> = {},
): Job {
	const mark = "target" in place ? `target=${place.target}` : `wave=${place.wave}`;
	return makeJob(id, stage.id, name, { key: `${stage.name}/${name}[${mark}]`, ...given });
}

const DONE = { state: "succeeded", attempt: 1, exit_code: 0, worker: "builder-1" } as const;
const RUNNING = { state: "running", attempt: 1, worker: "builder-1" } as const;

function exampleRun(id: number, at: number, run: Partial<Run["run"]>, stages: Stage[]): Run {
	return {
		run: makeSummary(id, at, { repository: "shop", number: id, title: "Show prices with tax", ...run }),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages,
	};
}

const clockOf = (now: number) => (secondsAgo: number) => new Date(now - secondsAgo * 1000).toISOString();

/* shop#53: the second wave of three bakes. */
function bakingRun(now: number): Run {
	const ago = clockOf(now);
	const times = { started_at: ago(1500), ended_at: ago(1470) };
	const build = makeStage(530, 0, "build", {
		state: "succeeded",
		started_at: ago(2000),
		ended_at: ago(1900),
		jobs: [makeJob(5300, 530, "package", { ...DONE, started_at: ago(2000), ended_at: ago(1900) })],
	});
	const staging = makeStage(531, 1, "staging", {
		kind: "environment",
		environment: "staging",
		state: "succeeded",
		started_at: ago(1890),
		ended_at: ago(1800),
	});
	staging.delivery = makeDelivery(
		[
			makeWave(1, ["staging"], {
				state: "succeeded",
				started_at: ago(1890),
				ended_at: ago(1800),
				deployments: [
					makeDeployment(5310, "staging", { started_at: ago(1890), ended_at: ago(1860), baked_at: ago(1800) }),
				],
			}),
		],
		{ alarms: [] },
	);
	staging.jobs = [
		makePlaced(5310, staging, "deploy", { target: "staging" }, { ...DONE, started_at: ago(1890), ended_at: ago(1860) }),
	];
	const prod = makeStage(532, 2, "prod", {
		kind: "environment",
		environment: "prod",
		state: "running",
		started_at: ago(1500),
	});
	prod.delivery = makeDelivery([
		makeWave(1, ["eu-canary"], {
			name: "one box",
			state: "succeeded",
			bake_ms: 10 * MINUTE_MS,
			started_at: ago(1500),
			baking_since: ago(1440),
			bake_until: ago(840),
			ended_at: ago(840),
			deployments: [makeDeployment(5321, "eu-canary", { ...times, baked_at: ago(840) })],
		}),
		makeWave(2, ["eu-1", "eu-2"], {
			name: "europe",
			state: "baking",
			held: BAKES,
			parallel: 2,
			bake_ms: 15 * MINUTE_MS,
			min_points: 20,
			started_at: ago(830),
			baking_since: ago(700),
			bake_until: ago(-200),
			deployments: [
				makeDeployment(5322, "eu-1", { started_at: ago(830), ended_at: ago(790) }),
				makeDeployment(5323, "eu-2", { started_at: ago(830), ended_at: ago(760), previous: "" }),
			],
		}),
		makeWave(3, ["us-1", "us-2", "ap-1"], { parallel: 2, bake_ms: 15 * MINUTE_MS, min_points: 20 }),
	]);
	prod.jobs = [
		makePlaced(5319, prod, "preview", { target: "eu-1" }, { ...DONE, started_at: ago(1700), ended_at: ago(1690) }),
		makePlaced(5321, prod, "deploy", { target: "eu-canary" }, { ...DONE, ...times }),
		makePlaced(5331, prod, "verify", { target: "eu-canary" }, { ...DONE, started_at: ago(1469), ended_at: ago(1441) }),
		makePlaced(5322, prod, "deploy", { target: "eu-1" }, { ...DONE, started_at: ago(830), ended_at: ago(790) }),
		makePlaced(5332, prod, "verify", { target: "eu-1" }, { ...DONE, started_at: ago(789), ended_at: ago(750) }),
		makePlaced(5323, prod, "deploy", { target: "eu-2" }, { ...DONE, started_at: ago(830), ended_at: ago(760) }),
		makePlaced(5333, prod, "verify", { target: "eu-2" }, { ...DONE, started_at: ago(759), ended_at: ago(701) }),
		makePlaced(5340, prod, "load", { wave: 2 }, { ...RUNNING, started_at: ago(699) }),
		makePlaced(5324, prod, "deploy", { target: "us-1" }),
		makePlaced(5325, prod, "deploy", { target: "us-2" }),
		makePlaced(5326, prod, "deploy", { target: "ap-1" }),
	];
	return exampleRun(53, now - 2_000_000, { state: "waiting", waiting_for: BAKES, started_at: ago(2000), version: 30 }, [
		build,
		staging,
		prod,
	]);
}

/* shop#52: at the gate of prod, its previews done. */
function previewedRun(now: number): Run {
	const ago = clockOf(now);
	const prod = makeStage(521, 0, "prod", { kind: "environment", environment: "prod", state: "gated" });
	prod.gate = makeGate(52, 521, { opened_at: ago(300), expires_at: ago(-86_400) });
	prod.delivery = makeDelivery([makeWave(1, ["eu-1"], { bake_ms: 10 * MINUTE_MS }), makeWave(2, ["us-1"])]);
	prod.jobs = [
		makePlaced(5211, prod, "preview", { target: "eu-1" }, { ...DONE, started_at: ago(330), ended_at: ago(310) }),
		makePlaced(5212, prod, "preview", { target: "us-1" }, { ...DONE, started_at: ago(330), ended_at: ago(305) }),
		makePlaced(5213, prod, "deploy", { target: "eu-1" }),
		makePlaced(5214, prod, "deploy", { target: "us-1" }),
	];
	return exampleRun(52, now - 400_000, { state: "waiting", waiting_for: 'approval of stage "prod"', version: 12 }, [
		prod,
	]);
}

/* shop#51, a rollback by an alarm, and shop#50, which it takes back. */
function rollbackRuns(now: number): Run[] {
	const ago = clockOf(now);
	const why = 'alarm "web-5xx" fired in wave 2 of prod: 7.3 above 1';
	const back = makeStage(511, 0, "prod", {
		kind: "environment",
		environment: "prod",
		state: "running",
		started_at: ago(6000),
	});
	back.delivery = makeDelivery(
		[
			makeWave(1, ["eu-2"], {
				state: "deploying",
				started_at: ago(6000),
				held: SILENT,
				deployments: [
					makeDeployment(5111, "eu-2", {
						version: "1.4.0",
						previous: "1.4.1",
						state: "unknown",
						started_at: ago(6000),
					}),
				],
			}),
			makeWave(2, ["eu-1"]),
		],
		{ version: "1.4.0", alarms: [] },
	);
	back.jobs = [
		makePlaced(5111, back, "deploy", { target: "eu-2" }, { state: "lost", attempt: 1, started_at: ago(6000) }),
		makePlaced(5112, back, "deploy", { target: "eu-1" }),
	];
	const bad = makeStage(501, 0, "prod", {
		kind: "environment",
		environment: "prod",
		state: "rolled_back",
		reason: why,
		started_at: ago(7000),
		ended_at: ago(6010),
	});
	const digest = `sha256:${"4f1d2c3b5a69".padEnd(64, "0a")}`;
	bad.delivery = makeDelivery(
		[
			makeWave(1, ["eu-1"], {
				state: "rolled_back",
				started_at: ago(7000),
				ended_at: ago(6500),
				deployments: [makeDeployment(5011, "eu-1", { state: "rolled_back", version: digest, previous: "1.4.0" })],
			}),
			makeWave(2, ["eu-2"], {
				state: "rolled_back",
				started_at: ago(6500),
				ended_at: ago(6010),
				deployments: [makeDeployment(5012, "eu-2", { state: "failed", version: digest, previous: "1.4.0" })],
			}),
			makeWave(3, ["us-1"], { state: "superseded" }),
		],
		{ version: digest },
	);
	bad.jobs = [
		makePlaced(5011, bad, "deploy", { target: "eu-1" }, DONE),
		makePlaced(5012, bad, "deploy", { target: "eu-2" }, { ...DONE, state: "failed", exit_code: 1 }),
		makePlaced(5013, bad, "deploy", { target: "us-1" }, { state: "cancelled" }),
	];
	return [
		exampleRun(
			51,
			now - 6_005_000,
			{
				kind: "rollback",
				event: "rollback",
				state: "waiting",
				waiting_for: SILENT,
				actor: "",
				author: "",
				title: "Roll back shop in prod from 1.4.1 to 1.4.0",
			},
			[back],
		),
		exampleRun(50, now - 7_100_000, { state: "rolled_back", reason: why, ended_at: ago(6010) }, [bad]),
	];
}

export function withDeliveries(data: MockData, now: number): MockData {
	data.board = exampleBoard(now);
	data.runs.unshift(bakingRun(now), previewedRun(now), ...rollbackRuns(now));
	data.logs.set(5211, {
		lines: ["$ ./ci/deploy --dry-run prod eu-1 1.4.2", "- prices: net", "+ prices: gross"],
		isComplete: true,
	});
	data.logs.set(5322, { lines: ["$ ./ci/deploy prod eu-1 1.4.2", "3 of 3 instances replaced"], isComplete: true });
	return data;
}
