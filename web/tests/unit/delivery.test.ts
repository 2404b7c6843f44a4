import { expect, test } from "vitest";
import {
	bakeOf,
	focusOf,
	heldBy,
	isToldByWave,
	jobName,
	layOut,
	placeOf,
	previewsOf,
	reactionsOf,
	shortVersion,
	waveTally,
} from "../../src/lib/delivery";
import type { Run, Wave } from "../../src/lib/model";
import { makeJob, makeStage, makeSummary } from "../mock-data";
import { makeDelivery, makeDeployment, makePlaced, makeWave } from "../mock-deliveries";

const NOW = Date.parse("2026-11-21T14:02:00Z");
const at = (clock: string) => `2026-11-21T${clock}Z`;

test.each([
	["prod/deploy[target=eu-1]", { target: "eu-1", wave: 0 }],
	["prod/load[shard=2,target=eu-1]", { target: "eu-1", wave: 0 }],
	["prod/load[wave=2]", { target: "", wave: 2 }],
	["test/unit[shard=1]", null],
	["test/unit", null],
])("the place of %s", (key, place) => expect(placeOf(key)).toEqual(place));

function example() {
	const stage = makeStage(1, 0, "prod", { kind: "environment", environment: "prod" });
	stage.delivery = makeDelivery([makeWave(1, ["eu-1"]), makeWave(2, ["us-1", "us-2"])]);
	stage.jobs = [
		makePlaced(1, stage, "preview", { target: "eu-1" }),
		makePlaced(2, stage, "deploy", { target: "eu-1" }),
		makePlaced(3, stage, "verify", { target: "eu-1" }),
		makePlaced(4, stage, "deploy", { target: "us-2" }),
		makePlaced(5, stage, "load", { wave: 2 }),
		makePlaced(6, stage, "deploy", { target: "gone" }),
	];
	return { stage, delivery: stage.delivery };
}

test("each job stands once: at its target, its wave, among the previews, or apart", () => {
	const { stage, delivery } = example();
	const view = layOut(delivery, stage.jobs ?? []);
	expect(view.previews.map((job) => job.id)).toEqual([1]);
	expect(previewsOf(stage).map((job) => job.id)).toEqual([1]);
	expect(
		view.waves.map(({ targets, jobs }) => [
			targets.map((one) => [one.target, one.deploy?.id ?? null, one.jobs.map((job) => job.id)]),
			jobs.map((job) => job.id),
		]),
	).toEqual([
		[[["eu-1", 2, [3]]], []],
		[
			[
				["us-1", null, []],
				["us-2", 4, []],
			],
			[5],
		],
	]);
	expect(view.others.map((job) => job.id)).toEqual([6]);
});

test("of several deployments of a target the last one counts", () => {
	const wave = makeWave(1, ["eu-1"], {
		deployments: [makeDeployment(1, "eu-1", { state: "failed" }), makeDeployment(2, "eu-1")],
	});
	expect(layOut(makeDelivery([wave]), []).waves[0]?.targets[0]?.deployment?.id).toBe(2);
});

test("jobs of an environment stage are named with their place, others as they are", () => {
	const { stage } = example();
	const matrix = makeJob(9, 2, "unit (linux)", { key: "test/unit[target=linux]" });
	const run: Run = {
		run: makeSummary(1, 0, {}),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [stage, makeStage(2, 1, "test", { jobs: [matrix] })],
	};
	expect((stage.jobs ?? []).map((job) => jobName(run, job)).slice(3, 5)).toEqual(["deploy us-2", "load wave 2"]);
	expect(jobName(run, matrix)).toBe("unit (linux)");
});

const BAKING: Partial<Wave> = {
	state: "baking",
	bake_ms: 600_000,
	baking_since: at("13:55:10"),
	bake_until: at("14:05:10"),
	held: "wave 1 of prod to bake until 14:05:10",
};
const POINTS = "data points of the alarm";

test.each<[string, Partial<Wave>, string | null, boolean]>([
	["to come", { bake_ms: 600_000 }, "Then bakes for 10m 00s", false],
	["none", {}, null, false],
	["under way", BAKING, "Bakes until 14:05:10 UTC, 3m 10s left", true],
	["of another day", { ...BAKING, bake_until: "2026-11-22T00:00:00Z" }, "2026-11-22 00:00:00 UTC", true],
	["over, and not ended", { ...BAKING, bake_until: at("14:01:00") }, "The bake time is over", true],
	["past", { ...BAKING, state: "succeeded", ended_at: at("14:05:10") }, "Baked for 10m 00s", false],
	["never reached", { state: "superseded", bake_ms: 600_000 }, null, false],
])("a bake %s", (_what, given, text, isUnderWay) => {
	const bake = bakeOf(makeWave(1, [], given), NOW);
	if (text === null) expect(bake).toBe(null);
	else {
		expect(bake?.text).toContain(text);
		expect(bake?.isUnderWay).toBe(isUnderWay);
	}
});

test("the share of a bake goes from nothing to all, and not beyond", () => {
	const share = (clock: string) => bakeOf(makeWave(1, [], BAKING), Date.parse(at(clock)))?.share;
	expect(["13:50:00", "13:55:10", "14:00:10", "14:05:10", "15:00:00"].map(share)).toEqual([0, 0, 0.5, 1, 1]);
});

test.each<[string, Partial<Wave>, string]>([
	["a wave that waits", { held: "the alarm to be ok" }, "the alarm to be ok"],
	["a bake time that runs is told by its countdown", BAKING, ""],
	["a bake that lacks data points", { ...BAKING, bake_until: at("14:01:00"), held: POINTS }, POINTS],
	["a wave that is over", { state: "failed", held: "something" }, ""],
])("%s", (_what, given, held) => expect(heldBy(makeWave(1, [], given), NOW)).toBe(held));

test("what a run waits for is not said twice when one of its waves says it", () => {
	const { stage, delivery } = example();
	const runOf = (waiting_for: string, given: Partial<Wave>): Run => ({
		run: makeSummary(1, 0, { waiting_for }),
		inputs: {},
		errors: [],
		refusals: [],
		alert: "",
		condemned: "",
		ways_back: [],
		warnings: [],
		stages: [{ ...stage, delivery: { ...delivery, waves: [makeWave(1, [], given)] } }],
	});
	expect(isToldByWave(runOf("the alarm", { held: "the alarm" }))).toBe(true);
	expect(isToldByWave(runOf("its lane", { held: "the alarm" }))).toBe(false);
	expect(isToldByWave(runOf("the alarm", { held: "the alarm", state: "failed" }))).toBe(false);
	expect(isToldByWave(runOf("", { held: "" }))).toBe(false);
});

test("waves are counted, and what happens by itself is said", () => {
	expect(waveTally(makeDelivery([makeWave(1, [], { state: "succeeded" }), makeWave(2, [])]))).toBe("1 of 2 waves");
	expect(waveTally(makeDelivery([makeWave(1, [])]))).toBe("0 of 1 wave");
	expect(reactionsOf(makeDelivery([]))).toBe("An alarm rolls back, a failure stops.");
	expect(reactionsOf(makeDelivery([], { on_failure: "rollback" }))).toBe("An alarm or a failure rolls back.");
	expect(reactionsOf(makeDelivery([], { alarms: [] }))).toBe("A failure stops.");
});

test.each([
	["1.4.2", "1.4.2"],
	["a81f0c2d94e7b35160f2c8d7e6a5b4938271605f", "a81f0c2d94e7"],
	[`sha256:${"ab".repeat(32)}`, "sha256:abababababab"],
	["release-2026-11-21-with-a-long-name", "release-2026-11-21-with-a-long-name"],
])("version %s is short as %s", (version, short) => expect(shortVersion(version)).toBe(short));

test("the environment stage that was begun last has the room", () => {
	const { stage } = example();
	expect(focusOf([stage])).toBe(null);
	const begun = { ...stage, id: 2, started_at: at("14:00:00") };
	expect(focusOf([begun, { ...stage, id: 3, state: "gated" }, { ...stage, id: 4 }])).toBe(3);
	expect(focusOf([makeStage(5, 0, "test", { started_at: at("14:00:00") })])).toBe(null);
});
