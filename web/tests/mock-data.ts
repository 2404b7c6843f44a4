/* Example runs for the mock server: one of each kind that the pages show differently. */
import type {
	Artifact,
	Findings,
	Job,
	PipelineList,
	Repository,
	Run,
	RunSummary,
	Stage,
	Step,
	Trigger,
	Worker,
} from "../src/lib/model";
import { makeBoard, type MockBoard } from "./mock-board.ts";
import { exampleConfiguration, type MockConfiguration } from "./mock-configuration.ts";
import { exampleFindings } from "./mock-findings.ts";
import { makeGate } from "./mock-gates.ts";
import { bigLog, UNIT_LOG } from "./mock-logs.ts";
import { examplePipelines } from "./mock-pipelines.ts";
import { exampleWorkers } from "./mock-workers.ts";

export interface MockLog {
	lines: string[];
	isComplete: boolean;
}

export interface MockData {
	repositories: Repository[];
	runs: Run[];
	logs: Map<number, MockLog>; /* by job */
	artifacts: Map<number, Artifact[]>; /* by run */
	findings: Map<number, Findings>;
	workers: Worker[];
	triggers: Trigger[];
	pipelines: Map<string, PipelineList>; /* by repository */
	board: MockBoard;
	configuration: MockConfiguration;
}

const COMMIT = "3f9c1e7ab0d24f6c8e5a1b7d90c2f4e6a8b1d3c5";

export function makeSummary(id: number, at: number, given: Partial<RunSummary>): RunSummary {
	const created = new Date(at).toISOString();
	const number = given.number ?? id;
	const repository = given.repository ?? "web";
	return {
		id,
		repository,
		number,
		name: `${repository}#${number}`,
		pipeline: "ci",
		kind: "normal",
		state: "running",
		event: "push",
		ref: "refs/heads/main",
		branch: "main",
		tag: "",
		commit: COMMIT,
		title: "Cache the rendered price list",
		author: "Ann Keller",
		actor: "ann",
		reason: "",
		has_warnings: false,
		waiting_for: "",
		waiting_since: null,
		created_at: created,
		started_at: created,
		ended_at: null,
		version: 1,
		...given,
	};
}

export function makeJob(id: number, stage: number, name: string, given: Partial<Job> = {}): Job {
	return {
		id,
		stage_id: stage,
		key: name,
		name,
		matrix: {},
		state: "blocked",
		reason: "",
		message: "",
		exit_code: null,
		attempt: 0,
		allow_failure: false,
		needs: [],
		labels: [],
		worker: "",
		outputs: {},
		queued_at: null,
		started_at: null,
		ended_at: null,
		steps: [],
		...given,
	};
}

/** Of a run about which there is nothing to say. */
export function nothingSaid(): Pick<Run, "errors" | "refusals" | "alert" | "condemned" | "ways_back" | "warnings"> {
	return { errors: [], refusals: [], alert: "", condemned: "", ways_back: [], warnings: [] };
}

export function makeStage(id: number, index: number, name: string, given: Partial<Stage> = {}): Stage {
	return {
		id,
		index,
		name,
		kind: "jobs",
		state: "blocked",
		reason: "",
		environment: "",
		started_at: null,
		ended_at: null,
		delivery: null,
		gate: null,
		jobs: [],
		...given,
	};
}

function makeStep(name: string, given: Partial<Step> = {}): Step {
	return { name, state: "pending", exit_code: null, started_at: null, ended_at: null, line: 0, ...given };
}

/* Times relative to one moment, so that a screenshot does not depend on the day. */
function clockOf(now: number): (secondsAgo: number) => string {
	return (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();
}

/* web#42: running, second stage under way, the third behind a gate. */
function liveRun(now: number, logs: MockData["logs"]): Run {
	const ago = clockOf(now);
	const done = { state: "succeeded", attempt: 1, worker: "builder-1", exit_code: 0, queued_at: ago(184) } as const;
	logs.set(1, { lines: ["$ ./ci/lint", "checked 212 files", "\x1b[32mclean\x1b[0m"], isComplete: true });
	logs.set(2, { lines: UNIT_LOG.slice(0, 182), isComplete: true });
	logs.set(3, { lines: bigLog(), isComplete: true });
	logs.set(4, {
		lines: ["\x1b[1m$ ./ci/build\x1b[0m", "compiling \x1b[36m212\x1b[0m modules", "linking out/web.tar.gz"],
		isComplete: false,
	});
	return {
		run: makeSummary(42, now - 184_000, { started_at: ago(183) }),
		inputs: { environment: "staging", verbose: "true" },
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [
			makeStage(1, 0, "test", {
				state: "succeeded",
				started_at: ago(183),
				ended_at: ago(95),
				jobs: [
					makeJob(1, 1, "lint", {
						...done,
						started_at: ago(183),
						ended_at: ago(171),
						steps: [
							makeStep("./ci/lint", {
								state: "succeeded",
								exit_code: 0,
								started_at: ago(183),
								ended_at: ago(171),
								line: 1,
							}),
						],
					}),
					makeJob(2, 1, "unit", {
						...done,
						started_at: ago(183),
						ended_at: ago(120),
						steps: [
							makeStep("./ci/test", {
								state: "succeeded",
								exit_code: 0,
								started_at: ago(183),
								ended_at: ago(120),
								line: 1,
							}),
						],
					}),
					makeJob(3, 1, "import [size=large]", {
						...done,
						worker: "builder-2",
						started_at: ago(182),
						ended_at: ago(95),
						matrix: { size: "large" },
						steps: [
							makeStep("./ci/import", {
								state: "succeeded",
								exit_code: 0,
								started_at: ago(182),
								ended_at: ago(95),
								line: 1,
							}),
						],
					}),
				],
			}),
			makeStage(2, 1, "build", {
				state: "running",
				started_at: ago(95),
				jobs: [
					makeJob(4, 2, "package", {
						state: "running",
						attempt: 1,
						worker: "builder-1",
						queued_at: ago(95),
						started_at: ago(94),
						steps: [
							makeStep("./ci/build", { state: "running", started_at: ago(94), line: 1 }),
							makeStep("record the digest"),
						],
					}),
					makeJob(5, 2, "policy", { needs: ["package"], message: "Waits for package." }),
				],
			}),
			makeStage(3, 2, "release", { kind: "gate" }),
		],
	};
}

/* web#41: at its gate, which the caller may open. */
function gatedRun(now: number): Run {
	const ago = clockOf(now);
	return {
		run: makeSummary(41, now - 3_900_000, {
			state: "waiting",
			title: "Show prices with tax",
			author: "Ben Ito",
			actor: "ben",
			waiting_for:
				'approval of stage "release": 1 of 2, by two people of the groups release or qa, at least 1 of release, none of its authors',
			commit: "a81f0c2d94e7b35160f2c8d7e6a5b4938271605f",
			version: 9,
		}),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [
			makeStage(11, 0, "test", {
				state: "succeeded",
				started_at: ago(3899),
				ended_at: ago(3700),
				jobs: [
					makeJob(11, 11, "unit", {
						state: "succeeded",
						attempt: 1,
						exit_code: 0,
						started_at: ago(3899),
						ended_at: ago(3700),
					}),
				],
			}),
			makeStage(12, 1, "release", {
				kind: "gate",
				state: "gated",
				gate: makeGate(7, 12, {
					approvals: 2,
					approved: 1,
					groups: ["release", "qa"],
					require: { release: "1" },
					opened_at: ago(3700),
					expires_at: ago(-86_400 * 3),
					decisions: [
						{
							account: "cleo",
							verdict: "approve",
							comment: "Checked on staging.",
							decided_at: ago(900),
							not_before: null,
						},
					],
					who_may: "two people of the groups release or qa, at least 1 of release, none of its authors",
				}),
			}),
			makeStage(13, 2, "publish", { jobs: [makeJob(13, 13, "upload")] }),
		],
	};
}

/* web#40: failed in a test, with a retry behind it. */
function failedRun(now: number, logs: MockData["logs"]): Run {
	const ago = clockOf(now);
	logs.set(21, { lines: UNIT_LOG, isComplete: true });
	logs.set(22, { lines: ["\x1b[33mwarning\x1b[0m: 3 packages are out of date"], isComplete: true });
	return {
		run: makeSummary(40, now - 7_500_000, {
			state: "failed",
			title: "Round half a cent to even",
			author: "Ann Keller",
			branch: "round-half-cent",
			ref: "refs/heads/round-half-cent",
			reason: 'job "unit" failed: step "./ci/test" ended with 1',
			ended_at: ago(7_400),
			commit: "77d0e5b1c3f24968a0b7c6d5e4f3a2910b8c7d6e",
			version: 14,
		}),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [
			makeStage(21, 0, "test", {
				state: "failed",
				started_at: ago(7_499),
				ended_at: ago(7_400),
				reason: "1 of 2 jobs failed",
				jobs: [
					makeJob(21, 21, "unit", {
						state: "failed",
						reason: "exit",
						message: "./ci/test ended with exit code 1.",
						exit_code: 1,
						attempt: 2,
						worker: "builder-2",
						started_at: ago(7_450),
						ended_at: ago(7_400),
						steps: [
							makeStep("check out", {
								state: "succeeded",
								exit_code: 0,
								started_at: ago(7_450),
								ended_at: ago(7_449.6),
								line: 0,
							}),
							makeStep("./ci/test", {
								state: "failed",
								exit_code: 1,
								started_at: ago(7_449),
								ended_at: ago(7_400),
								line: 1,
							}),
							makeStep("upload the report", { state: "skipped" }),
						],
					}),
					makeJob(22, 21, "audit", {
						state: "failed",
						reason: "exit",
						message: "npm audit ended with exit code 1.",
						exit_code: 1,
						attempt: 1,
						allow_failure: true,
						worker: "builder-1",
						started_at: ago(7_450),
						ended_at: ago(7_440),
					}),
				],
			}),
			makeStage(22, 1, "build", {
				state: "skipped",
				jobs: [makeJob(23, 22, "package", { state: "skipped", message: "The stage before it failed." })],
			}),
		],
	};
}

function brokenRun(now: number): Run {
	return {
		run: makeSummary(39, now - 9_000_000, {
			state: "failed",
			title: "Gate the release",
			branch: "gates",
			ref: "refs/heads/gates",
			author: "Ben Ito",
			actor: "ben",
			reason: "the pipeline file has errors",
			started_at: null,
			ended_at: clockOf(now)(9_000),
			version: 2,
		}),
		inputs: {},
		errors: [
			{
				file: ".penstock/ci.yaml",
				line: 14,
				column: 7,
				message: 'unknown key "gates" in a stage; did you mean "gate"?',
			},
			{
				file: ".penstock/ci.yaml",
				line: 21,
				column: 16,
				message: 'job "package" needs "tests", which is not in this stage',
			},
		],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [],
	};
}

function refusedRun(now: number): Run {
	return {
		run: makeSummary(38, now - 12_000_000, {
			repository: "api",
			number: 7,
			state: "failed",
			title: "Deploy in waves",
			started_at: null,
			ended_at: clockOf(now)(12_000),
			reason: "the pipeline asks for what this version does not run",
			version: 2,
			actor: "cleo",
			author: "Cleo Marsh",
		}),
		inputs: {},
		errors: [],
		refusals: ["stage prod: environment stages are planned, and run from a later version on"],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [],
	};
}

function pastRuns(now: number): Run[] {
	const titles = [
		"Speed up the cart",
		"Update dependencies",
		"Fix the footer on phones",
		"Drop the old API",
		"Log slow queries",
	];
	const states = ["succeeded", "succeeded", "cancelled", "succeeded", "superseded"] as const;
	return Array.from({ length: 70 }, (_, i) => {
		const at = now - 14_000_000 - i * 5_400_000;
		const state = states[i % states.length] ?? "succeeded";
		return {
			run: makeSummary(37 - i + 1000, at, {
				id: 37 - i,
				number: 37 - i,
				name: `web#${37 - i}`,
				state,
				title: titles[i % titles.length] ?? "",
				has_warnings: i % 7 === 3,
				ended_at: new Date(at + 65_000 + i * 900).toISOString(),
				reason:
					state === "cancelled"
						? "cancelled by ben: wrong branch"
						: state === "superseded"
							? "A newer run of main took its place."
							: "",
				author: i % 2 ? "Ben Ito" : "Ann Keller",
				actor: i % 2 ? "ben" : "ann",
				version: 20,
				...(i % 6 === 4 ? { event: "tag", tag: `v1.${40 - i}.0`, branch: "", ref: `refs/tags/v1.${40 - i}.0` } : {}),
			}),
			inputs: {},
			errors: [],
			refusals: [],
			alert: "",
			condemned: "",
			ways_back: [],
			warnings: [],
			stages: [
				makeStage(1000 + i, 0, "test", {
					state: "succeeded",
					jobs: [makeJob(1000 + i, 1000 + i, "unit", { state: "succeeded", attempt: 1 })],
				}),
			],
		};
	});
}

export function emptyData(): MockData {
	return {
		repositories: [],
		runs: [],
		logs: new Map(),
		artifacts: new Map(),
		findings: new Map(),
		workers: [],
		triggers: [],
		pipelines: new Map(),
		board: makeBoard(),
		configuration: { versions: [] },
	};
}

export function exampleRuns(now: number): MockData {
	const ago = clockOf(now);
	const logs = new Map<number, MockLog>();
	const runs = [
		liveRun(now, logs),
		gatedRun(now),
		failedRun(now, logs),
		brokenRun(now),
		refusedRun(now),
		...pastRuns(now),
	];
	const trigger: Omit<Trigger, "id" | "created_at"> = {
		repository: "web",
		event: "push",
		ref: "refs/heads/main",
		commit: COMMIT,
		actor: "ann",
		state: "done",
		reason: "",
		runs: [],
	};
	return {
		repositories: [
			{
				id: 1,
				name: "web",
				url: "/srv/git/web.git",
				default_branch: "main",
				created_at: ago(900_000),
				fetched_at: ago(184),
				problem: "",
			},
			{
				id: 2,
				name: "api",
				url: "https://git.example.org/api.git",
				default_branch: "main",
				created_at: ago(900_000),
				fetched_at: ago(12_000),
				problem: "",
			},
		],
		runs,
		logs,
		findings: new Map([[40, exampleFindings(COMMIT)]]),
		artifacts: new Map([
			[
				42,
				[
					{
						id: 1,
						job: "unit",
						path: "reports/junit.xml",
						report: "junit",
						size_bytes: 48_213,
						sha256: "9d3f0b6c1e7a4582".repeat(4),
						created_at: ago(120),
						expires_at: ago(-86_400 * 30),
						removed_at: null,
					},
				],
			],
		]),
		workers: exampleWorkers(ago),
		triggers: [
			{ ...trigger, id: 9, runs: ["web#42"], created_at: ago(184) },
			{
				...trigger,
				id: 8,
				state: "skipped",
				reason: "the commit message says [skip ci]",
				created_at: ago(2_000),
				ref: "refs/heads/docs",
				actor: "ben",
			},
			{
				...trigger,
				id: 7,
				state: "failed",
				reason: "the signature does not fit the hook secret",
				commit: "",
				actor: "",
				created_at: ago(4_000),
			},
			{ ...trigger, id: 6, runs: ["web#41"], created_at: ago(3_900), actor: "ben" },
		],
		pipelines: new Map([
			["web", examplePipelines()],
			["api", { ...examplePipelines(), pipelines: [] }],
		]),
		board: makeBoard(),
		configuration: exampleConfiguration(now),
	};
}
