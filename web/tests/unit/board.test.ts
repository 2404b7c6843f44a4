import { describe, expect, test } from "vitest";
import {
	alarmsOf,
	describeFreeze,
	isHeldByClosure,
	marksOf,
	mergeHistory,
	namesOf,
	placesOf,
	servicesOf,
	versionsOf,
} from "../../src/lib/board";
import type { OpenState } from "../../src/lib/model";
import { answerBoard, exampleBoard, makeBoard, makePlace, makeTarget } from "../mock-board.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const ANN = { name: "ann", role: "operator" };
const example = () => answerBoard(exampleBoard(NOW), null, ANN);
const placeOf = (service: string, environment: string) => {
	const place = placesOf(example()).find((one) => one.service === service && one.environment === environment);
	if (!place) throw new Error("no such place");
	return place;
};
const STOP: OpenState = { kind: "blocker", reason: "stopped by ann: disk is full", since: null, until: null };

describe("places", () => {
	test("targets of one version stand together, what came last before the others", () => {
		expect(placeOf("shop", "prod").versions.map((group) => group.targets.map((one) => one.target))).toEqual([
			["eu-canary", "eu-1"],
			["eu-2"],
			["us-1"],
		]);
	});
	test("of a group the newest target says who brought it, and when", () => {
		expect(placeOf("shop", "prod").versions[0]?.newest.target).toBe("eu-1");
	});
	test("a target where nothing was deployed yet stands last", () => {
		const held = makeBoard();
		held.targets = [
			makeTarget("web", "prod", "a", { version: "" }),
			makeTarget("web", "prod", "b", { since: "2026-11-21T11:00:00Z" }),
		];
		held.places = [makePlace("web", "prod")];
		expect(placesOf(answerBoard(held, null, ANN))[0]?.versions.map((group) => group.version)).toEqual(["1.4.1", ""]);
	});
	test("each service once, by name", () => expect(servicesOf(placesOf(example()))).toEqual(["mail", "shop", "stock"]));
	test("of many targets the first are named", () => {
		const targets = ["a", "b", "c", "d", "e"].map((name) => makeTarget("web", "prod", name));
		expect(namesOf(targets)).toBe("a, b, c and 2 more");
		expect(namesOf(targets.slice(0, 3))).toBe("a, b, c");
	});
});

describe("marks", () => {
	const wordsOf = (service: string, environment: string, around: OpenState | null = null) =>
		marksOf(placeOf(service, environment), around).map((mark) => mark.look.word);

	test.each([
		["shop", "prod", ["Quarantined", "Drifted", "Outcome unknown"]],
		["stock", "prod", ["Frozen", "Pinned to 6.9"]],
		["mail", "staging", ["Deploying 2.2"]],
		["shop", "staging", []],
	])("%s in %s", (service, environment, words) => expect(wordsOf(service, environment)).toEqual(words));

	test("say why, and lead to the run that can be settled", () => {
		const [condemned, drifted, unknown] = marksOf(placeOf("shop", "prod"), null);
		expect(condemned?.why).toBe(
			'eu-2 still on sha256:4f1d2c3b5a69: alarm "web-5xx" fired in wave 2 of prod: 7.3 above 1',
		);
		expect(drifted?.why).toBe("us-1 says that it runs 1.4.0");
		expect(unknown?.run).toBe("shop#51");
	});
	test("an alarm that goes on after the way back stands before all others", () => {
		const place = placeOf("shop", "prod");
		const targets = place.targets.map((target) => ({ ...target, alert: "the alarm has not cleared", run: "shop#52" }));
		const [first] = marksOf({ ...place, targets }, null);
		expect(first).toMatchObject({
			look: { word: "Alarm goes on", tone: "bad" },
			why: "the alarm has not cleared",
			run: "shop#52",
		});
	});
	test("a deployment that failed and left its target behind", () => {
		const place = placeOf("shop", "staging");
		const targets = place.targets.map((target) => ({ ...target, failed_version: "1.5.0", failed_run: "shop#53" }));
		const [first] = marksOf({ ...place, targets }, null);
		expect(first).toMatchObject({ look: { word: "Failed 1.5.0", tone: "bad" }, run: "shop#53" });
		expect(first?.why).toContain("shop#53 failed on ");
	});
	test("what closes the whole environment is said once, around it", () => {
		const place = { ...placeOf("shop", "staging"), state: STOP };
		expect(marksOf(place, null).map((mark) => mark.look.word)).toEqual(["Line stopped"]);
		expect(marksOf(place, STOP)).toEqual([]);
	});
});

describe("an override", () => {
	test("helps where it is closed, and nowhere else", () => {
		const closed = placeOf("stock", "prod");
		const open = placeOf("shop", "prod");
		expect(isHeldByClosure(closed.waiting[0]!, closed)).toBe(true);
		expect(isHeldByClosure(open.waiting[0]!, open)).toBe(false);
	});
	test("is not asked for twice", () => {
		const place = placeOf("stock", "prod");
		expect(isHeldByClosure({ ...place.waiting[0]!, override: "we must" }, place)).toBe(false);
	});
});

test("the alarms of an environment: those of its floor and of its releases", () => {
	const held = exampleBoard(NOW);
	const board = answerBoard(held, "prod", ANN);
	expect(alarmsOf(held.alarms, { alarms: ["mail-queue"] }, board).map((alarm) => alarm.name)).toEqual([
		"web-5xx",
		"web-latency",
		"mail-queue",
	]);
	expect(alarmsOf(held.alarms, {}, answerBoard(held, "staging", ANN))).toEqual([]);
});

test("a history knows each version once, and keeps older pages when the first is read again", () => {
	const { deployments } = exampleBoard(NOW);
	expect(versionsOf(deployments, (one) => one.service === "shop" && one.baked_at !== null)).toEqual(["1.4.2", "1.4.1"]);
	const fresh = deployments.slice(0, 2);
	expect(mergeHistory(deployments, fresh)).toEqual(deployments);
	expect(mergeHistory(deployments, [])).toEqual([]);
});

test.each([
	[
		"2026-12-24T08:00:00+01:00",
		"2026-12-27T00:00:00Z",
		'freeze "fair" for web from 2026-12-24 07:00:00 UTC until 2026-12-27 00:00:00 UTC',
	],
	["", "", 'freeze "fair" for web until it is taken out'],
])("a freeze from %j until %j", (from, until, text) => {
	expect(describeFreeze({ name: "fair", reason: "", services: ["web"], from, until })).toBe(text);
});
