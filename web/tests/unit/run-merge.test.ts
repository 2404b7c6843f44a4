import { expect, test } from "vitest";
import {
	allJobs,
	matchesFilter,
	mergeGate,
	mergeIntoList,
	mergeSnapshot,
	mergeUpdate,
	newerSummary,
} from "../../src/lib/run-merge";
import type { Run, RunUpdate, Stage, WayBack } from "../../src/lib/model";
import { makeJob, makeStage, makeSummary } from "../mock-data";
import { makeGate } from "../mock-gates";
import { makeDelivery, makeDeployment, makeWave } from "../mock-deliveries";

function example(): Run {
	return {
		run: makeSummary(42, 0, { version: 5 }),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [
			makeStage(1, 0, "test", {
				state: "running",
				jobs: [makeJob(1, 1, "lint", { state: "running" }), makeJob(2, 1, "unit")],
			}),
			makeStage(2, 1, "release", { kind: "gate", gate: makeGate(7, 2) }),
		],
	};
}

/* A stage as updates bring it: without gate and jobs. */
function bareStage(given: Partial<Stage>): Stage {
	const { gate: _gate, jobs: _jobs, ...stage } = makeStage(1, 0, "test", given);
	return stage;
}

function update(given: Partial<RunUpdate>): RunUpdate {
	return {
		run: makeSummary(42, 0, { version: 6 }),
		alert: "",
		ways_back: [],
		stages: [],
		gates: [],
		jobs: [],
		...given,
	};
}

test("a job is replaced in its stage, at its place, and the rest is shared", () => {
	const held = example();
	const merged = mergeUpdate(held, update({ jobs: [makeJob(1, 1, "lint", { state: "failed" })] }));
	expect(allJobs(merged).map((job) => [job.name, job.state])).toEqual([
		["lint", "failed"],
		["unit", "blocked"],
	]);
	expect(merged.stages[1]).toBe(held.stages[1]);
	expect(held.stages[0]?.jobs?.[0]?.state).toBe("running");
});

test("a stage without jobs and gate keeps those that are held", () => {
	const merged = mergeUpdate(
		example(),
		update({ stages: [bareStage({ state: "succeeded" }), { ...bareStage({}), id: 2, index: 1, state: "gated" }] }),
	);
	expect(merged.stages.map((stage) => stage.state)).toEqual(["succeeded", "gated"]);
	expect(merged.stages[0]?.jobs).toHaveLength(2);
	expect(merged.stages[1]?.gate?.id).toBe(7);
});

test("waves come with their stage and replace those that are held; jobs alone leave them", () => {
	const held = example();
	const stage = held.stages[0] as Stage;
	stage.delivery = makeDelivery([makeWave(1, ["eu-1"], { state: "deploying" })], { version: "" });
	const baking = makeDelivery([makeWave(1, ["eu-1"], { state: "baking", deployments: [makeDeployment(1, "eu-1")] })]);
	const merged = mergeUpdate(held, update({ stages: [bareStage({ delivery: baking })] }));
	expect(merged.stages[0]?.delivery).toEqual(baking);
	expect(merged.stages[0]?.jobs).toHaveLength(2);
	const later = mergeUpdate(merged, update({ jobs: [makeJob(1, 1, "lint", { state: "succeeded" })] }));
	expect(later.stages[0]?.delivery).toBe(merged.stages[0]?.delivery);
});

test("jobs and stages that were not there before join in order", () => {
	const merged = mergeUpdate(
		example(),
		update({
			stages: [{ ...bareStage({}), id: 3, index: 2, name: "publish" }],
			jobs: [makeJob(9, 1, "unit again"), makeJob(10, 3, "upload")],
		}),
	);
	expect(merged.stages.map((stage) => stage.name)).toEqual(["test", "release", "publish"]);
	expect(merged.stages.map((stage) => stage.jobs?.map((job) => job.id))).toEqual([[1, 2, 9], [], [10]]);
});

test("what becomes of a run after its end is news of the same version", () => {
	const way: WayBack = {
		service: "web",
		environment: "prod",
		version: "v2",
		state: "done",
		reason: "",
		run: "web#43",
		run_state: "running",
	};
	const merged = mergeUpdate(example(), update({ alert: "it goes on", ways_back: [way] }));
	expect([merged.alert, merged.ways_back]).toEqual(["it goes on", [way]]);
	expect(mergeGate(merged, makeGate(7, 2, { state: "granted" })).ways_back).toEqual([way]);
});

test("the same update twice changes nothing more", () => {
	const message = update({
		stages: [bareStage({ state: "failed" })],
		jobs: [makeJob(2, 1, "unit", { state: "failed" })],
		gates: [makeGate(7, 2, { state: "void" })],
	});
	const once = mergeUpdate(example(), message);
	expect(mergeUpdate(once, message)).toEqual(once);
});

test("a summary that is older than the held one is not taken", () => {
	const held = makeSummary(42, 0, { version: 5, state: "failed" });
	expect(newerSummary(held, makeSummary(42, 0, { version: 4 }))).toBe(held);
	expect(newerSummary(held, makeSummary(42, 0, { version: 5, state: "running" })).state).toBe("running");
	expect(mergeUpdate(example(), update({ run: makeSummary(42, 0, { version: 4, state: "pending" }) })).run.state).toBe(
		"running",
	);
});

test("a decided gate finds its stage", () => {
	const merged = mergeGate(example(), makeGate(7, 2, { state: "granted", approved: 1 }));
	expect(merged.stages[1]?.gate?.state).toBe("granted");
	expect(merged.run.version).toBe(5);
});

test("a snapshot replaces what is held, unless it is older", () => {
	const held = example();
	const newer = { ...example(), run: makeSummary(42, 0, { version: 8 }) };
	expect(mergeSnapshot(null, held)).toBe(held);
	expect(mergeSnapshot(held, newer)).toBe(newer);
	expect(mergeSnapshot(newer, held)).toBe(newer);
	const other = { ...example(), run: makeSummary(43, 0, { version: 1 }) };
	expect(mergeSnapshot(held, other)).toBe(other);
});

const summary = (id: number, given = {}) => makeSummary(id, 0, given);
const ids = (list: { id: number }[]) => list.map((run) => run.id);

test.each([
	["a newer run comes first", [5, 3], 9, true, true, [9, 5, 3]],
	["a run between others finds its place", [5, 3], 4, true, true, [5, 4, 3]],
	["an older run waits for its page", [5, 3], 2, true, true, [5, 3]],
	["an older run joins when all pages are here", [5, 3], 2, true, false, [5, 3, 2]],
	["a run that does not fit stays out", [5, 3], 9, false, true, [5, 3]],
	["the first run of an empty list", [], 1, true, false, [1]],
])("list: %s", (_name, held, id, fits, hasMore, expected) => {
	expect(
		ids(
			mergeIntoList(
				held.map((one) => summary(one)),
				summary(id, { version: 2 }),
				fits,
				hasMore,
			),
		),
	).toEqual(expected);
});

test("a run in the list changes at its place, and leaves it when it no longer fits", () => {
	const held = [summary(5), summary(3)];
	const changed = summary(3, { version: 2, state: "failed" });
	expect(mergeIntoList(held, changed, true, false)[1]).toBe(changed);
	expect(ids(mergeIntoList(held, changed, false, false))).toEqual([5]);
	expect(mergeIntoList([summary(3, { version: 9 })], changed, false, false)).toHaveLength(1);
});

test.each([
	[{}, true],
	[{ repository: "web", branch: "" }, true] /* empty: no filter */,
	[{ repository: "api" }, false],
	[{ repository: "web", state: "running" }, true],
	[{ repository: "web", state: "failed" }, false],
])("filter %j", (filter, fits) => expect(matchesFilter(summary(1), filter)).toBe(fits));
